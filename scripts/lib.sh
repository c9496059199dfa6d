# Shared by the scripts: what must be installed, and private throw-away servers. Sourced, never run.
# shellcheck shell=bash

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The Debian package directory of Postgres' server programs, or nothing.
pg_bin() {
  local dir
  for dir in /usr/lib/postgresql/*/bin; do
    [ -x "$dir/initdb" ] && { printf '%s\n' "$dir"; return; }
  done
  command -v initdb >/dev/null 2>&1 && dirname "$(command -v initdb)"
  return 0
}

node_is_recent() { command -v node >/dev/null 2>&1 && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ]; }

# Installs Postgres and Node from Debian's packages when root; otherwise says the exact command.
ensure_packages() {
  local missing=()
  [ -n "$(pg_bin)" ] || missing+=(postgresql)
  node_is_recent || missing+=(nodejs)
  command -v npm >/dev/null 2>&1 || missing+=(npm)
  command -v cc >/dev/null 2>&1 || missing+=(gcc libc6-dev)
  command -v curl >/dev/null 2>&1 || missing+=(curl)
  command -v runuser >/dev/null 2>&1 || missing+=(util-linux)
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    die "missing: ${missing[*]}. Install them with:
  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
  fi
  say "installing ${missing[*]}"
  apt-get update -q >&2
  # A private cluster is made below; Debian's own must not be started for it.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
  [ -n "$(pg_bin)" ] || die "Postgres was installed but its initdb was not found under /usr/lib/postgresql"
  node_is_recent || die "Node 18 or newer is needed; Debian gave $(node --version). Install a newer one and run this again"
}

# Postgres refuses root: as root, its programs run as the user that Debian's package made.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

free_port() {
  node -e 'const s=require("net").createServer();s.listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'
}

# start_postgres DIR [PORT]: a private cluster on loopback below DIR, user and database "postgres",
# no password. Sets PG_PORT and PG_URL. Durability is off: the data is thrown away.
start_postgres() {
  local dir=$1 bin
  bin=$(pg_bin)
  PG_PORT=${2:-$(free_port)}
  mkdir -p "$dir"
  [ "$(id -u)" -eq 0 ] && chown postgres "$dir"
  if [ ! -e "$dir/data/PG_VERSION" ]; then
    as_postgres "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/../initdb.log" 2>&1 ||
      { cat "$dir/../initdb.log" >&2; die "initdb failed"; }
  fi
  as_postgres "$bin/pg_ctl" -D "$dir/data" -l "$dir/postgres.log" -w -t 60 \
    -o "-p $PG_PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 -c timezone=UTC" \
    start >/dev/null || { tail -20 "$dir/postgres.log" >&2; die "Postgres did not start"; }
  PG_URL="postgres://postgres@127.0.0.1:$PG_PORT"
}

stop_postgres() {
  local dir=$1 bin
  bin=$(pg_bin)
  [ -e "$dir/data/postmaster.pid" ] && as_postgres "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1
  return 0
}

pg() { "$(pg_bin)/psql" -q -v ON_ERROR_STOP=1 "$@"; }
