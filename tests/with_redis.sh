#!/bin/sh
# Runs a command with a Redis of its own on loopback, in a temporary folder, and stops it.
# REEVE_TEST_REDIS is its URL. In the folder REEVE_TEST_REDIS_DIR are `pid` and `start`, a program
# that starts it again with what it had kept.
# usage: with_redis.sh COMMAND…
set -eu
. "$(dirname "$0")/free_port.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/reeve-redis.XXXXXX")
finish() {
	code=$?
	trap - EXIT
	if [ -s "$dir/pid" ]; then
		pid=$(cat "$dir/pid")
		kill -KILL "$pid" 2>/dev/null || true
		while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
	fi
	rm -rf "$dir"
	exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM

cat >"$dir/start" <<'S'
#!/bin/sh
set -eu
dir=$(dirname "$0")
port=$(cat "$dir/port")
# What was acknowledged has been written: a killed server loses nothing of it. With "everysec" a write
# is put off for up to 2 s while the disk is slow.
setsid redis-server --port "$port" --bind 127.0.0.1 --dir "$dir" --save '' --appendonly yes \
	--appendfsync no --maxmemory-policy noeviction --unixsocket "$dir/socket" --enable-debug-command local \
	>>"$dir/log" 2>&1 </dev/null &
echo $! >"$dir/pid"
while kill -0 "$(cat "$dir/pid")" 2>/dev/null; do
	[ "$(redis-cli -p "$port" ping 2>/dev/null)" != PONG ] || exit 0
	sleep 0.02
done
exit 1
S
chmod +x "$dir/start"

start_server "$dir"
REEVE_TEST_REDIS=redis://127.0.0.1:$(cat "$dir/port")
REEVE_TEST_REDIS_DIR=$dir
export REEVE_TEST_REDIS REEVE_TEST_REDIS_DIR
# A checker of memory stands in front of the program, not of this script.
# shellcheck disable=SC2086 # the wrapper is words
${REEVE_TEST_WRAP:-} "$@"
