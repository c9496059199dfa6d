# Shared by the scripts: installing packages, child processes that never outlive their script, and
# private, temporary servers. Sourced, never run.
# shellcheck shell=bash

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

[ -t 2 ] || say() { printf '==> %s\n' "$*" >&2; }

# --- Packages -------------------------------------------------------------------------------------

# Prints the directory of the newest Postgres server programs, or nothing.
pg_bin() {
  local dir found=
  for dir in /usr/lib/postgresql/*/bin; do
    [ -x "$dir/initdb" ] && found=$dir
  done
  [ -n "$found" ] || found=$(dirname "$(command -v initdb || true)")
  [ "$found" = . ] || printf '%s\n' "$found"
}

node_is_recent() { command -v node >/dev/null 2>&1 && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ]; }

# Installs Postgres and Node from Debian's packages as root; otherwise prints the command.
ensure_packages() {
  local missing=()
  [ -n "$(pg_bin)" ] || missing+=(postgresql)
  node_is_recent || missing+=(nodejs)
  command -v npm >/dev/null 2>&1 || missing+=(npm)
  command -v cc >/dev/null 2>&1 || missing+=(gcc libc6-dev)
  command -v setpriv >/dev/null 2>&1 || missing+=(util-linux)
  # The tests send signals with the program kill, not the shell's builtin.
  type -P kill >/dev/null || missing+=(procps)
  if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" -ne 0 ]; then
      die "missing: ${missing[*]}. Install them with:
  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
    fi
    command -v apt-get >/dev/null 2>&1 || die "missing: ${missing[*]}. There is no apt-get on this machine; install them another way"
    say "installing ${missing[*]}"
    apt-get update -q >&2
    # The scripts create their own cluster; Debian's default cluster is not needed.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
    [ -n "$(pg_bin)" ] || die "Postgres is installed, but there is no initdb under /usr/lib/postgresql"
    node_is_recent || die "Node 18 or newer is required; this Debian has $(node --version). Install a newer one and run this again"
  fi
  if [ "$(id -u)" -eq 0 ] && ! id postgres >/dev/null 2>&1; then
    die "there is no user postgres. When root runs this script, Postgres runs as that user. Create it with:
  useradd --system postgres"
  fi
  command -v cargo >/dev/null 2>&1 || PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin
  command -v cargo >/dev/null 2>&1 || die "Rust is missing. Install it with rustup, then run this again"
}

# Prints the browser for the dashboard's tests, or nothing.
chromium() { type -P chromium || type -P chromium-browser || type -P google-chrome || true; }

# Starts to install what the dashboard's tests need: Debian's Chromium as root (otherwise prints the
# command), and the npm packages. Call `await_browser` before anything checks that all children are
# alive.
begin_browser() {
  if [ -z "$(chromium)" ]; then
    [ "$(id -u)" -eq 0 ] || die "missing: chromium, for the tests of the dashboard. Install it with:
  sudo apt-get update && sudo apt-get install -y --no-install-recommends chromium"
    command -v apt-get >/dev/null 2>&1 || die "missing: chromium. There is no apt-get on this machine; install it another way"
    say "installing chromium in the background"
  fi
  # shellcheck disable=SC2016
  child "the installation of the browser" "$WORK/browser.log" bash -euc '
    if [ -z "$2" ]; then
      apt-get update -q
      DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium
    fi
    "$1/tests/browser/install" >"$3"' - "$ROOT" "$(chromium)" "$WORK/browser-modules"
  BROWSER_INSTALLATION=$CHILD
}

await_browser() {
  local status=0
  wait "$BROWSER_INSTALLATION" || status=$?
  forget "$BROWSER_INSTALLATION"
  [ "$status" -eq 0 ] || { tail -n 20 "$WORK/browser.log" >&2; die "the browser could not be installed"; }
}

# Installs the test runner if it is missing.
ensure_nextest() {
  local tools=${VERACORE_SYNC_CACHE:-${HOME:?}/.cache/veracore-sync}/tools
  PATH=$PATH:$tools/bin
  if cargo nextest --version >/dev/null 2>&1; then return 0; fi
  say "installing cargo-nextest into $tools (takes minutes, only once)"
  # Optimization and debug information would take most of the time and are not needed.
  attend env CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-nextest --locked --debug --quiet --root "$tools" ||
    die "cargo-nextest could not be installed"
}

# --- The work folder and child processes ----------------------------------------------------------

WORK=           # temporary; removed when the script ends
FAREWELL=       # printed when the children are stopped
CHILDREN=()     # pids, in start order
declare -A CHILD_NAME=() CHILD_LOG=()

# begin NAME: creates the work folder, and makes sure that it and all children are gone however the
# script ends. (Even kill -9 leaves no process: see `child`.)
begin() {
  local base
  base=$(cd "${TMPDIR:-/tmp}" && pwd)
  # Postgres never runs as root, so it could not enter root's private temporary folder.
  [ "$(id -u)" -ne 0 ] || base=/tmp
  WORK=$(mktemp -d "$base/veracore-sync-$1.XXXXXX")
  [ "$(id -u)" -ne 0 ] || chmod 711 "$WORK"
  trap finish EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

finish() {
  local status=$?
  trap '' HUP INT TERM
  trap - EXIT
  set +e
  [ -z "$FAREWELL" ] || say "$FAREWELL"
  stop_children
  rm -rf "$WORK"
  exit "$status"
}

# A separate session, so that Ctrl-C reaches programs only through this script, in order. Bash starts
# background programs with INT and QUIT ignored; this restores the defaults.
APART=(setsid env --default-signal=INT --default-signal=QUIT setpriv --pdeathsig)

# child NAME LOG COMMAND…: starts a program that the kernel ends if this script is killed. LOG `-` is this
# script's output. Sets CHILD to its pid.
child() {
  local name=$1 log=$2 stop=TERM as=()
  shift 2
  if [ "$name" = Postgres ]; then
    stop=QUIT
    [ "$(id -u)" -ne 0 ] || as=(--reuid=postgres --regid=postgres --init-groups)
  fi
  local start=("${APART[@]}" "$stop" "${as[@]}" --)
  if [ "$log" = - ]; then "${start[@]}" "$@" & else "${start[@]}" "$@" >"$log" 2>&1 & fi
  CHILD=$!
  CHILDREN+=("$CHILD")
  CHILD_NAME[$CHILD]=$name
  CHILD_LOG[$CHILD]=$log
}

alive() { kill -0 "$1" 2>/dev/null; }

# attend COMMAND…: runs a program and waits for it. A signal to this script ends the program at once,
# which bash would otherwise postpone.
attend() {
  local pid status=0
  "${APART[@]}" TERM -- "$@" &
  pid=$!
  CHILDREN+=("$pid")
  CHILD_NAME[$pid]=$1
  wait "$pid" || status=$?
  forget "$pid"
  return "$status"
}

forget() {
  local pid kept=()
  for pid in "${CHILDREN[@]}"; do [ "$pid" = "$1" ] || kept+=("$pid"); done
  CHILDREN=("${kept[@]}")
}

# stop_child PID [SIGNAL]: stops the program and its children; kills them after ten seconds.
stop_child() {
  local pid=$1 signal=${2:-TERM} waited=0
  kill -"$signal" -- "-$pid" 2>/dev/null || kill -"$signal" "$pid" 2>/dev/null
  while alive "$pid" && [ "$waited" -lt 100 ]; do
    sleep 0.1
    waited=$((waited + 1))
  done
  # The session's other process groups, too: test runners create one for each test.
  session_members "$pid" | xargs -r kill -KILL 2>/dev/null
  wait "$pid" 2>/dev/null
  return 0
}

# Prints the processes of a session, given its id.
session_members() {
  local file stat
  for file in /proc/[0-9]*/stat; do
    read -r stat 2>/dev/null <"$file" || continue
    # After the name: state, parent, group, session.
    # shellcheck disable=SC2086
    set -- "$1" ${stat##*) }
    [ "$5" != "$1" ] || printf '%s\n' "${stat%% *}"
  done
}

# Stops the last one first, so that nothing loses a server that it uses.
stop_children() {
  local at
  for ((at = ${#CHILDREN[@]} - 1; at >= 0; at--)); do
    local pid=${CHILDREN[at]} signal=TERM
    [ "${CHILD_NAME[$pid]}" = Postgres ] && signal=QUIT
    stop_child "$pid" "$signal"
  done
  CHILDREN=()
}

# Fails if a child has ended, and prints the end of its log.
check_children() {
  local pid
  for pid in "${CHILDREN[@]}"; do alive "$pid" || mourn "$pid"; done
}

mourn() {
  local log=${CHILD_LOG[$1]:--}
  [ "$log" = - ] || tail -n 20 "$log" >&2
  die "${CHILD_NAME[$1]} ended unexpectedly; the end of its log is above"
}

# until_logged PATTERN LOG SECONDS WHAT: waits for a line in a child's log, and sets LINE to it.
until_logged() {
  local pattern=$1 log=$2 seconds=$3 what=$4 deadline
  deadline=$((SECONDS + seconds))
  until LINE=$(grep -m1 -E -- "$pattern" "$log" 2>/dev/null); do
    check_children
    if [ "$SECONDS" -ge "$deadline" ]; then
      tail -n 20 "$log" >&2 || true
      die "$what took longer than $seconds s; the end of its log is above"
    fi
    sleep 0.1
  done
}

# --- Servers --------------------------------------------------------------------------------------

free_port() {
  node -e 'const s=require("net").createServer();s.listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'
}

# Postgres refuses to run as root: as root, its programs run as the user of Debian's package.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- "$@")
  else
    "$@"
  fi
}

# Starts a private cluster on loopback in the work folder; user "postgres", no password. Sets PG_URL, a
# URL without a database. Durability is off, because the data is temporary; further arguments go to
# Postgres and override these.
start_postgres() {
  local bin dir=$WORK/postgres log=$WORK/postgres.log try port deadline
  bin=$(pg_bin)
  mkdir "$dir"
  [ "$(id -u)" -ne 0 ] || chown postgres: "$dir"
  as_postgres "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$log" 2>&1 ||
    { cat "$log" >&2; die "initdb failed"; }
  for try in 1 2 3; do
    port=$(free_port)
    child Postgres "$log" "$bin/postgres" -D "$dir/data" -p "$port" -c listen_addresses=127.0.0.1 \
      -c unix_socket_directories='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
      -c max_connections=300 -c timezone=UTC "$@"
    deadline=$((SECONDS + 60))
    while alive "$CHILD" && [ "$SECONDS" -lt "$deadline" ]; do
      PG_URL="postgres://postgres@127.0.0.1:$port"
      # Checks that it is our server: another one could have taken the port.
      [ "$(pg "$PG_URL/postgres" -Atc 'show data_directory' 2>/dev/null)" = "$dir/data" ] && return
      sleep 0.1
    done
    # Most likely another program took the port in the meantime.
    stop_child "$CHILD" QUIT
    forget "$CHILD"
    [ "$try" -lt 3 ] || { tail -n 20 "$log" >&2; die "Postgres did not start"; }
  done
}

pg() { "$(pg_bin)/psql" -X -q -v ON_ERROR_STOP=1 "$@"; }

# create_database NAME: its URL is $PG_URL/NAME.
create_database() { pg "$PG_URL/postgres" -c "create database $1"; }

# start_vendure MODULES DATABASE_URL: starts a shop; `await_vendure` waits for it.
start_vendure() {
  child Vendure "$WORK/vendure.log" env DATABASE_URL="$2" PORT=0 LOG_LEVEL=warn node "$ROOT/tests/vendure/server.cjs" "$1"
}

# await_vendure [OPTIONS OF seed.cjs]: waits for the shop and fills it. Sets ADMIN_API.
await_vendure() {
  until_logged '^\{"ready":true' "$WORK/vendure.log" 180 Vendure
  ADMIN_API=$(node -p 'JSON.parse(process.argv[1]).adminApi' "$LINE")
  attend env ADMIN_API="$ADMIN_API" node "$ROOT/tests/vendure/seed.cjs" "$@" >"$WORK/seed.json" || die "the shop could not be filled"
}

# test_dashboard PROGRAMS: runs the dashboard's browser tests, with their own channel in the shop at
# ADMIN_API and their own database in Postgres. PROGRAMS is the folder of both programs.
test_dashboard() {
  attend env ADMIN_API="$ADMIN_API" PG_URL="$PG_URL" PSQL="$(pg_bin)/psql" PROGRAMS="$1" \
    MODULES="$(cat "$WORK/browser-modules")" CHROMIUM="$(chromium)" \
    node --test-reporter=spec "$ROOT/tests/browser/all.cjs"
}

# --- Rust -----------------------------------------------------------------------------------------

target_dir() {
  cargo metadata --manifest-path "$ROOT/Cargo.toml" --no-deps --format-version 1 |
    node -p 'JSON.parse(require("fs").readFileSync(0)).target_directory'
}

# Creates a database with the ledger's tables for sqlx's macros. Sets SCHEMA_URL.
create_schema_database() {
  local migration
  create_database schema
  SCHEMA_URL=$PG_URL/schema
  for migration in "$ROOT"/migrations/*.sql; do
    pg "$SCHEMA_URL" -f "$migration" >/dev/null || die "$migration cannot be applied"
  done
}

# --- A Debian in a folder -------------------------------------------------------------------------

# Installs what the packaging tests need in addition.
ensure_debian() {
  local missing=()
  command -v debootstrap >/dev/null 2>&1 || missing+=(debootstrap)
  command -v systemd-nspawn >/dev/null 2>&1 || missing+=(systemd-container)
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}

# make_debian FOLDER [PACKAGE…]: creates a minimal Debian 12 with these packages.
make_debian() {
  local folder=$1 include=()
  shift
  [ $# -eq 0 ] || include=(--include="$(IFS=,; echo "$*")")
  mkdir -p "$(dirname "$folder")"
  attend debootstrap --variant=minbase "${include[@]}" bookworm "$folder" >"$folder.log" 2>&1 ||
    { tail -n 20 "$folder.log" >&2; die "Debian could not be created"; }
}
