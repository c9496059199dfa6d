// Executes a Dockerfile in folders; scripts/prove-dockerfile runs it as root. Supports what our
// Dockerfile uses, and refuses everything else.
const { spawn, spawnSync, execFileSync } = require("child_process");
const fs = require("fs");
const path = require("path");

const [context, work, toolchain, database, target] = process.argv.slice(2);

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Replacements for the published images: a folder, and their ENV.
const BASES = {
  debian: { folder: path.join(work, "base/debian"), env: { PATH } },
  rust: {
    folder: path.join(work, "base/rust"),
    env: { PATH: `/usr/local/cargo/bin:${PATH}`, CARGO_HOME: "/usr/local/cargo" },
    // The toolchain is mounted, not copied.
    lend: { "/usr/local/toolchain": toolchain },
    links: ["cargo", "rustc"].map((name) => [`/usr/local/toolchain/bin/${name}`, `/usr/local/cargo/bin/${name}`]),
  },
};

const say = (text) => console.log(text);
const fail = (text) => {
  console.error(`error: ${text}`);
  process.exit(1);
};
const megabytes = (folder) => Number(execFileSync("du", ["-sxm", folder], { encoding: "utf8" }).split("\t")[0]);

// --- Reading --------------------------------------------------------------------------------------

function parse(text) {
  const lines = text
    .replace(/^\s*#.*\n/gm, "")
    .replace(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const stages = [];
  for (const line of lines) {
    const [, op, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) || fail(`not an instruction: ${line}`);
    if (op === "FROM") {
      const [, base, name] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest) || fail(`unsupported: ${line}`);
      stages.push({ name: name || String(stages.length), base, steps: [] });
    } else {
      stages.at(-1).steps.push({ op, rest });
    }
  }
  return stages;
}

// A pattern of .dockerignore matches a path and everything below it.
function ignored(text) {
  const lines = text.split("\n").map((line) => line.trim());
  const patterns = lines.filter((line) => line && !line.startsWith("#"));
  const expressions = patterns.map((pattern) => {
    if (pattern.startsWith("!")) fail(`.dockerignore: ${pattern} is not supported`);
    const expression = pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replace(/\*\*\//g, "\u0000")
      .replace(/\*/g, "[^/]*")
      .replace(/\u0000/g, "(.*/)?");
    return new RegExp(`^${expression}(/.*)?$`);
  });
  return (name) => expressions.some((expression) => expression.test(name));
}

// --- Executing ------------------------------------------------------------------------------------

// A shell in its own namespaces, so that its mounts are gone afterwards.
const shielded = (script) => ["unshare", ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-euc", script]];

const quote = (text) => `'${text.replace(/'/g, `'\\''`)}'`;

function environment(env) {
  return Object.entries(env)
    .map(([name, value]) => quote(`${name}=${value}`))
    .join(" ");
}

function run(stage, command) {
  const root = stage.root;
  const lend = Object.entries(stage.lend).map(([to, from]) => {
    fs.mkdirSync(path.join(root, to), { recursive: true });
    return `mount --bind ${quote(from)} ${root}${to}; mount -o remount,bind,ro ${root}${to}`;
  });
  fs.writeFileSync(path.join(root, "etc/resolv.conf"), fs.readFileSync("/etc/resolv.conf"));
  // Behind a proxy with its own certificate authority, only this machine trusts that authority.
  const certificates = "/etc/ssl/certs/ca-certificates.crt";
  if (fs.existsSync(certificates) && fs.existsSync(root + certificates)) lend.push(`mount --bind ${certificates} ${root}${certificates}`);
  const script = [
    ...lend,
    `mount -t proc proc ${root}/proc`,
    `mount --rbind /dev ${root}/dev`,
    `exec chroot ${root} env -i HOME=/root ${environment(stage.env)} /bin/sh -c ${quote(`cd ${stage.dir} && ${command}`)}`,
  ].join("\n");
  const done = spawnSync(...shielded(script), { stdio: ["ignore", "inherit", "inherit"] });
  if (done.status !== 0) fail(`RUN failed with ${done.status ?? done.signal}`);
}

// The files that COPY can use: the context without what .dockerignore excludes.
function filesOfContext(isIgnored) {
  const found = [];
  const look = (folder) => {
    for (const entry of fs.readdirSync(path.join(context, folder), { withFileTypes: true })) {
      const name = path.posix.join(folder, entry.name);
      if (isIgnored(name)) continue;
      if (entry.isDirectory()) look(name);
      else found.push(name);
    }
  };
  look("");
  return found;
}

function copy(stage, rest, stages, isIgnored) {
  const words = rest.split(/\s+/);
  const from = words[0].startsWith("--from=") ? words.shift().slice("--from=".length) : null;
  const to = words.pop();
  const into = path.posix.resolve(stage.dir, to);
  const isFolder = to.endsWith("/") || to === "." || words.length > 1;
  if (from) {
    const source = stages.find((other) => other.name === from);
    const file = path.join(source.root, words[0]);
    fs.mkdirSync(path.dirname(stage.root + into), { recursive: true });
    // copyFileSync follows links.
    fs.copyFileSync(file, stage.root + into);
    return;
  }
  const files = filesOfContext(isIgnored);
  const wanted = words.includes(".") ? files : words;
  for (const name of wanted) {
    if (!files.includes(name)) fail(`COPY ${name}: it is not in the context, or ignored`);
    const end = isFolder ? path.posix.join(into, name) : into;
    fs.mkdirSync(path.dirname(stage.root + end), { recursive: true });
    fs.cpSync(path.join(context, name), stage.root + end, { preserveTimestamps: true });
  }
  say(`    ${wanted.length} files`);
}

const words = (text) => [...text.matchAll(/(\w[\w.]*)=("(?:[^"\\]|\\.)*"|\S*)/g)].map(([, name, value]) => [name, value.replace(/^"|"$/g, "")]);
const list = (text) => JSON.parse(text);

function build(stage, stages, isIgnored) {
  if (stage.root) return;
  const earlier = stages.find((other) => other.name === stage.base);
  const root = path.join(work, `stage-${stage.name}`);
  if (earlier) {
    build(earlier, stages, isIgnored);
    Object.assign(stage, { env: { ...earlier.env }, dir: earlier.dir, lend: earlier.lend });
  } else {
    const base = BASES[stage.base.split(":")[0]] || fail(`no replacement for ${stage.base}`);
    Object.assign(stage, { env: { ...base.env }, dir: "/", lend: base.lend || {}, baseFolder: base.folder, links: base.links || [] });
  }
  for (const step of stage.steps) {
    const from = /^--from=(\S+)/.exec(step.op === "COPY" ? step.rest : "");
    if (from) build(stages.find((other) => other.name === from[1]) || fail(`no stage ${from[1]}`), stages, isIgnored);
  }
  say(`==> FROM ${stage.base} (${stage.name})`);
  execFileSync("cp", ["-a", "--reflink=auto", earlier ? earlier.root : stage.baseFolder, root]);
  stage.root = root;
  for (const [to, link] of stage.links || []) {
    fs.mkdirSync(path.dirname(root + link), { recursive: true });
    fs.symlinkSync(to, root + link);
  }
  for (const { op, rest } of stage.steps) {
    const start = Date.now();
    say(`==> ${op} ${rest.replace(/\s+/g, " ")}`);
    if (op === "RUN") run(stage, rest);
    else if (op === "COPY") copy(stage, rest, stages, isIgnored);
    else if (op === "WORKDIR") fs.mkdirSync(path.join(root, (stage.dir = rest)), { recursive: true });
    else if (op === "ENV") Object.assign(stage.env, Object.fromEntries(words(rest)));
    else if (op === "USER") stage.user = /^(\d+):(\d+)$/.exec(rest)?.slice(1) || fail("USER must be numeric");
    else if (op === "HEALTHCHECK") stage.health = list(/CMD (\[.*\])$/.exec(rest)[1]);
    else if (op === "ENTRYPOINT") stage.entrypoint = list(rest);
    else if (op === "CMD") stage.cmd = list(rest);
    else if (op === "STOPSIGNAL") stage.signal = rest;
    else if (!["LABEL", "EXPOSE"].includes(op)) fail(`${op} is not supported`);
    const seconds = (Date.now() - start) / 1000;
    if (seconds >= 1) say(`    took ${seconds.toFixed(0)} s`);
  }
}

// --- Running the image ----------------------------------------------------------------------------

// As `docker run --read-only --cap-drop ALL --security-opt no-new-privileges`.
function started(stage, command, env) {
  const root = stage.root;
  for (const name of ["hosts", "resolv.conf"]) fs.writeFileSync(`${root}/etc/${name}`, fs.readFileSync(`/etc/${name}`));
  const devices = ["null", "zero", "random", "urandom"];
  const [uid, gid] = stage.user;
  const script = [
    `mount --bind ${root} ${root}`,
    `mount -t tmpfs -o mode=755 tmpfs ${root}/dev`,
    ...devices.map((name) => `touch ${root}/dev/${name}; mount --bind /dev/${name} ${root}/dev/${name}`),
    `mount -t proc proc ${root}/proc`,
    `mount -o remount,bind,ro ${root}`,
    `exec chroot ${root} setpriv --reuid ${uid} --regid ${gid} --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs -- env -i HOME=/ ${environment({ ...stage.env, ...env })} ${command.map(quote).join(" ")}`,
  ].join("\n");
  return shielded(script);
}

function ended(stage, command, env) {
  const done = spawnSync(...started(stage, command, env), { encoding: "utf8" });
  return { status: done.status, said: (done.stdout + done.stderr).trim() };
}

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

function freePort() {
  return new Promise((resolve) => {
    const server = require("net").createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function check(is, what) {
  if (!is) fail(`failed: ${what}`);
  say(`  ok  ${what}`);
}

async function prove(stage) {
  const port = await freePort();
  const env = {
    HTTP_LISTEN: `0.0.0.0:${port}`,
    DATABASE_URL: database,
    VERACORE_API_URL: "https://veracore.invalid",
    VERACORE_COMPANY_ID: "ACME",
    VERACORE_CLIENT_ID: "acme-api",
    VERACORE_CLIENT_SECRET: "secret",
    VENDURE_API_URL: "https://shop.invalid/admin-api",
    VENDURE_USERNAME: "me",
    VENDURE_PASSWORD: "secret",
  };
  const entry = (...command) => [...stage.entrypoint, ...command];
  say("==> running it");

  const written = ended(stage, ["sh", "-c", "touch /tmp/written"], env);
  check(written.status !== 0 && written.said.includes("Read-only"), "nothing can be written, not even to /tmp");
  const version = ended(stage, entry("--version"), env);
  check(version.status === 0, `it starts: ${version.said}`);
  const migrated = ended(stage, entry("migrate"), env);
  check(migrated.status === 0, `it migrates a real Postgres: ${migrated.said}`);
  const early = ended(stage, stage.health, env);
  check(early.status === 1, "the health check fails while the daemon is not running");

  const daemon = spawn(...started(stage, entry(...stage.cmd), env), { stdio: ["ignore", "pipe", "inherit"] });
  let log = "";
  daemon.stdout.on("data", (data) => (log += data));
  const end = new Promise((resolve) => daemon.on("exit", (status, signal) => resolve({ status, signal })));
  const start = Date.now();
  const deadline = start + 30000;
  while (ended(stage, stage.health, env).status !== 0) {
    if (Date.now() > deadline || daemon.exitCode !== null) fail(`it did not become healthy: ${log}`);
    await pause(100);
  }
  check(true, `${stage.health.join(" ")} passes after ${((Date.now() - start) / 1000).toFixed(1)} s`);
  const pid = Number(fs.readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, "utf8"));
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)[1];
  check(field("NSpid").split(/\s+/).at(-1) === "1", "it is process 1");
  check(field("Uid").split(/\s+/).every((id) => id === stage.user[0]), `it runs as user ${stage.user[0]}`);
  check(["CapPrm", "CapEff", "CapBnd", "CapAmb"].every((name) => /^0+$/.test(field(name))), "it has no capabilities");
  check(field("NoNewPrivs") === "1", "it can gain none");
  const health = await fetch(`http://127.0.0.1:${port}/healthz`);
  check(health.status === 200, "GET /healthz: 200");
  const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
  check(ready.status === 200, "GET /readyz: 200, although Vendure and VeraCore are unavailable");
  say(`      memory: ${field("VmRSS")}`);
  const signaledAt = Date.now();
  process.kill(pid, stage.signal);
  const how = await end;
  check(how.status === 0, `${stage.signal} stops it with status 0 after ${((Date.now() - signaledAt) / 1000).toFixed(1)} s`);
  const lines = log.trim().split("\n");
  check(lines.every((line) => JSON.parse(line).message), `its ${lines.length} log lines are JSON`);
  const binary = `${stage.root}/usr/local/bin/${stage.entrypoint[0]}`;
  const size = (file) => (fs.statSync(file).size / 1e6).toFixed(1);
  say(`==> ${megabytes(stage.root)} MB in total; the program is ${size(binary)} MB, the base image ${megabytes(stage.baseFolder)} MB`);
}

async function main() {
  const stages = parse(fs.readFileSync(path.join(context, "Dockerfile"), "utf8"));
  const isIgnored = ignored(fs.readFileSync(path.join(context, ".dockerignore"), "utf8"));
  const start = Date.now();
  build(stages.at(-1), stages, isIgnored);
  await prove(stages.at(-1));
  if (target) {
    const stage = stages.find((other) => other.name === target) || fail(`no stage ${target}`);
    build(stage, stages, isIgnored);
    const version = ended(stage, [...stage.entrypoint, "--version"], {});
    check(version.status === 0, `${target} starts: ${version.said}`);
  }
  say(`==> passed in ${((Date.now() - start) / 60000).toFixed(1)} minutes`);
}

main().catch((error) => fail(error.stack));
