// Keeps an open page up to date. Everything works without it.
"use strict";

(() => {
  // The same as `time_format.rs`.
  const span = (seconds) =>
    seconds < 60 ? `${seconds} s`
      : seconds < 3600 ? `${Math.floor(seconds / 60)} min`
        : seconds < 172800 ? `${Math.floor(seconds / 3600)} h`
          : `${Math.floor(seconds / 86400)} days`;

  const relative = (at) => {
    const seconds = Math.trunc((at - Date.now()) / 1000);
    if (Math.abs(seconds) < 5) return "now";
    return seconds < 0 ? `${span(-seconds)} ago` : `in ${span(seconds)}`;
  };

  const tick = () => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const text = relative(Date.parse(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
  };
  setInterval(tick, 5000);

  // Changes `old` into `fresh`. Equal nodes are left alone, so that focus, scroll position and input stay.
  const patch = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) {
      // The user opened or closed it.
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const [oldNodes, newNodes] = [[...old.childNodes], [...fresh.childNodes]];
    newNodes.forEach((child, n) => {
      if (n < oldNodes.length) patch(oldNodes[n], child);
      else old.appendChild(document.importNode(child, true));
    });
    oldNodes.slice(newNodes.length).forEach((child) => child.remove());
  };

  const main = () => document.getElementById("main");

  let isBusy = false;
  let isQueued = false;
  const refresh = async () => {
    if (isBusy) {
      isQueued = true;
      return;
    }
    isBusy = true;
    try {
      const response = await fetch(location.href, { headers: { accept: "text/html", "x-live": "1" } });
      if (response.redirected && new URL(response.url).pathname === "/login") {
        location.reload();
        return;
      }
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.getElementById("main");
      const note = document.getElementById("note");
      // The server sends a flash message once. It stays until the user leaves the page.
      if (note && fresh && !fresh.querySelector("#note")) fresh.querySelector("h1")?.before(note.cloneNode(true));
      if (fresh) for (const section of [...fresh.children]) place(section);
      if (fresh) for (const section of [...main().children]) if (!isIn(section, fresh)) section.remove();
    } catch {
      // Retried at the next change.
    } finally {
      // At most one refresh in this time.
      setTimeout(() => {
        isBusy = false;
        if (isQueued) {
          isQueued = false;
          refresh();
        }
      }, 2000);
    }
  };

  // Sections with an id are matched by it, so that an added or removed one does not shift the others.
  const key = (element, parent) =>
    element.id ? `#${element.id}` : `${element.nodeName}.${element.className}:${[...parent.children].filter((e) => !e.id && e.nodeName === element.nodeName && e.className === element.className).indexOf(element)}`;
  const isIn = (element, fresh) => {
    const wanted = key(element, main());
    return [...fresh.children].some((other) => key(other, fresh) === wanted);
  };
  const place = (section) => {
    const wanted = key(section, section.parentElement);
    const old = [...main().children].find((other) => key(other, main()) === wanted);
    // A form in use is not replaced.
    if (old && old.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) return;
    if (old) {
      patch(old, section);
      return;
    }
    const before = section.previousElementSibling;
    const copy = document.importNode(section, true);
    const anchor = before && [...main().children].find((other) => key(other, main()) === key(before, section.parentElement));
    if (anchor) anchor.after(copy);
    else main().prepend(copy);
  };

  // A hidden page needs no updates, and browsers allow few connections.
  let stream = null;
  const listen = () => {
    if (stream) return;
    stream = new EventSource("/live");
    // Also on open: the page may have changed since it was loaded, or since the stream was interrupted.
    stream.addEventListener("open", refresh);
    stream.addEventListener("changed", refresh);
    stream.addEventListener("error", () => {
      // The session is over; a refresh leads to the login.
      if (stream && stream.readyState === EventSource.CLOSED) {
        stream = null;
        setTimeout(() => { refresh(); if (!document.hidden) listen(); }, 30_000);
      }
    });
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else {
      listen();
    }
  });
  if (!document.hidden) listen();
})();
