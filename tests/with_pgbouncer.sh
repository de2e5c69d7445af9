#!/bin/sh
# Runs a command with a PostgreSQL server of its own (with_postgres.sh) and a PgBouncer before it, on
# loopback. REEVE_TEST_PGBOUNCER is a URL without its database: /session, /transaction and /statement
# are the server's one database in the pooler's three modes.
# usage: with_pgbouncer.sh COMMAND…
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1:-}" != --inside ]; then
	exec sh "$here/with_postgres.sh" sh "$here/with_pgbouncer.sh" --inside "$@"
fi
shift
. "$here/free_port.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/reeve-pgbouncer-XXXXXX")
port=$(free_port)
server=${REEVE_TEST_POSTGRES#*127.0.0.1:}
server=${server%%/*}

# It refuses to run as root, as the server does.
as=
if [ "$(id -u)" -eq 0 ]; then
	chown postgres "$dir"
	as="setpriv --reuid postgres --regid postgres --init-groups"
fi
{
	echo '[databases]'
	for mode in session transaction statement; do
		echo "$mode = host=127.0.0.1 port=$server dbname=postgres user=postgres pool_mode=$mode"
	done
	cat <<END
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
logfile = $dir/log
pidfile = $dir/pid
default_pool_size = 20
END
} >"$dir/ini"

finish() {
	code=$?
	trap - EXIT INT TERM HUP
	[ ! -s "$dir/pid" ] || kill "$(cat "$dir/pid")" 2>/dev/null || true
	rm -rf "$dir"
	exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

bin=$(command -v pgbouncer || echo /usr/sbin/pgbouncer)
# shellcheck disable=SC2086 # words
$as "$bin" -d -q "$dir/ini"
tries=0
until psql -X -q -c 'SELECT 1' "postgres://postgres@127.0.0.1:$port/session" >/dev/null 2>&1; do
	tries=$((tries + 1))
	[ $tries -lt 200 ] || { cat "$dir/log" >&2; exit 1; }
	sleep 0.05
done
export REEVE_TEST_PGBOUNCER="postgres://postgres@127.0.0.1:$port"
"$@"
