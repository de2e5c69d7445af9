#!/bin/sh
# Runs a command with a PostgreSQL server of its own, on loopback and a free port, in a temporary
# folder; it is stopped, also when the command fails or is interrupted. The command finds
# REEVE_TEST_POSTGRES (a URL) and REEVE_TEST_POSTGRES_DIR (a folder with the programs start and
# stop: the same data and port; stop kills it at once). REEVE_TEST_POSTGRES_OPTIONS is given to the
# server, e.g. "-c fsync=off".
# usage: with_postgres.sh COMMAND…
set -eu
. "$(dirname "$0")/free_port.sh"
# shellcheck disable=SC2012 # names of versions
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
dir=$(mktemp -d "${TMPDIR:-/tmp}/reeve-postgres-XXXXXX")
port=$(free_port)

# The server refuses to run as root.
as=
if [ "$(id -u)" -eq 0 ]; then
	chown postgres "$dir"
	chmod 755 "$dir"
	as="setpriv --reuid postgres --regid postgres --init-groups env HOME=$dir"
fi
cat >"$dir/start" <<END
#!/bin/sh
cd "$dir" && exec $as "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 -s \\
	-o "-p $port -h 127.0.0.1 -k $dir ${REEVE_TEST_POSTGRES_OPTIONS:-}" start
END
cat >"$dir/stop" <<END
#!/bin/sh
cd "$dir" && exec $as "$bin/pg_ctl" -D "$dir/data" -m immediate -w -t 60 -s stop
END
chmod 755 "$dir/start" "$dir/stop"

finish() {
	code=$?
	trap - EXIT INT TERM HUP
	[ ! -f "$dir/data/postmaster.pid" ] || "$dir/stop" || true
	rm -rf "$dir"
	exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

cd "$dir"
# shellcheck disable=SC2086 # words
$as "$bin/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --locale=C --no-sync >"$dir/initdb" 2>&1 ||
	{ cat "$dir/initdb" >&2; exit 1; }
"$dir/start"
cd "$OLDPWD"
export REEVE_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres" REEVE_TEST_POSTGRES_DIR="$dir"
# A checker of memory stands in front of the program, not of this script.
# shellcheck disable=SC2086 # the wrapper is words
${REEVE_TEST_WRAP:-} "$@"
