#!/bin/sh
# Runs a command with a Redis of its own on loopback, in a temporary folder, and stops it.
# REEVE_TEST_REDIS is its URL. In the folder REEVE_TEST_REDIS_DIR are `pid` and `start`, a program
# that starts it again with what it had kept.
# usage: with_redis.sh COMMAND…
set -eu
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
# What was acknowledged has been written: a killed server loses nothing of it.
setsid redis-server --port "$port" --bind 127.0.0.1 --dir "$dir" --save '' --appendonly yes \
	--appendfsync everysec --maxmemory-policy noeviction --unixsocket "$dir/socket" --enable-debug-command local \
	>>"$dir/log" 2>&1 </dev/null &
echo $! >"$dir/pid"
while kill -0 "$(cat "$dir/pid")" 2>/dev/null; do
	[ "$(redis-cli -p "$port" ping 2>/dev/null)" != PONG ] || exit 0
	sleep 0.02
done
exit 1
S
chmod +x "$dir/start"

# Another process may take a port that was free a moment ago.
tries=0
while :; do
	/usr/bin/python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])' >"$dir/port"
	"$dir/start" && break
	tries=$((tries + 1))
	[ $tries -lt 5 ] || { cat "$dir/log" >&2; exit 1; }
done
REEVE_TEST_REDIS=redis://127.0.0.1:$(cat "$dir/port")
REEVE_TEST_REDIS_DIR=$dir
export REEVE_TEST_REDIS REEVE_TEST_REDIS_DIR
# A checker of memory stands in front of the program, not of this script.
# shellcheck disable=SC2086 # the wrapper is words
${REEVE_TEST_WRAP:-} "$@"
