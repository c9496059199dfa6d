// Keeps an open page up to date. Everything works without it.
"use strict";

(() => {
  // As `when.rs` says it.
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

  // Makes `old` what `fresh` is and touches nothing that is the same already, so that focus, scroll
  // positions and what is being typed stay.
  const become = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) {
      // Whether it is unfolded is the reader's business.
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const [olds, news] = [[...old.childNodes], [...fresh.childNodes]];
    news.forEach((child, n) => {
      if (n < olds.length) become(olds[n], child);
      else old.appendChild(document.importNode(child, true));
    });
    olds.slice(news.length).forEach((child) => child.remove());
  };

  const main = () => document.getElementById("main");

  let isBusy = false;
  let isAgain = false;
  const refresh = async () => {
    if (isBusy) {
      isAgain = true;
      return;
    }
    isBusy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html", "x-live": "1" } });
      if (answer.redirected && new URL(answer.url).pathname === "/login") {
        location.reload();
        return;
      }
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("main");
      const note = document.getElementById("note");
      // What was told once stays until the reader goes elsewhere.
      if (note && fresh && !fresh.querySelector("#note")) fresh.querySelector("h1")?.before(note.cloneNode(true));
      if (fresh) for (const section of [...fresh.children]) place(section);
      if (fresh) for (const section of [...main().children]) if (!isIn(section, fresh)) section.remove();
    } catch {
      // The next change tries again.
    } finally {
      // However much is going on, not more often than this.
      setTimeout(() => {
        isBusy = false;
        if (isAgain) {
          isAgain = false;
          refresh();
        }
      }, 2000);
    }
  };

  // Sections with an id are found by it, so that one that comes or goes does not shift the others.
  const key = (element, parent) =>
    element.id ? `#${element.id}` : `${element.nodeName}.${element.className}:${[...parent.children].filter((e) => !e.id && e.nodeName === element.nodeName && e.className === element.className).indexOf(element)}`;
  const isIn = (element, fresh) => {
    const wanted = key(element, main());
    return [...fresh.children].some((other) => key(other, fresh) === wanted);
  };
  const place = (section) => {
    const wanted = key(section, section.parentElement);
    const old = [...main().children].find((other) => key(other, main()) === wanted);
    // A form that is being filled in is left alone.
    if (old && old.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) return;
    if (old) {
      become(old, section);
      return;
    }
    const before = section.previousElementSibling;
    const copy = document.importNode(section, true);
    const anchor = before && [...main().children].find((other) => key(other, main()) === key(before, section.parentElement));
    if (anchor) anchor.after(copy);
    else main().prepend(copy);
  };

  // A page in the background needs no news, and browsers allow few connections.
  let stream = null;
  const listen = () => {
    if (stream) return;
    stream = new EventSource("/live");
    // Each time: something may have changed since the page was made, or since the stream broke off.
    stream.addEventListener("open", refresh);
    stream.addEventListener("changed", refresh);
    stream.addEventListener("error", () => {
      // Refused for good: the session is over. The page itself says so.
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
