#!/bin/sh
# Runs a command with an SQS emulator of its own on loopback, in a temporary folder, and stops it.
# REEVE_TEST_SQS is its endpoint. In the folder REEVE_TEST_SQS_DIR are `pid`, and the programs
# `start` and `stop`; what was stopped begins again without queues. The emulator is installed from
# tests/emulators/package-lock.json, where that has not been done. REEVE_TEST_EMULATOR=local is the other
# one; REEVE_TEST_NODE, for the command, is the Node.js that runs it.
# usage: with_sqs.sh COMMAND…
set -eu
. "$(dirname "$0")/free_port.sh"
here=$(cd "$(dirname "$0")/emulators" && pwd)

# Installs what a folder's lockfile pins, once. Tests that run at the same time wait for each other.
install() {
	(
		flock 9
		! cmp -s "$1/package-lock.json" "$1/node_modules/.installed" || exit 0
		cd "$1"
		npm ci --no-audit --no-fund --ignore-scripts >npm.log 2>&1 || { cat npm.log >&2; exit 1; }
		cp package-lock.json node_modules/.installed
	) 9>>"$1/.lock"
}
# The emulator needs Node.js 20. REEVE_TEST_OLD_NODE=1 does as if the host's own were older.
find_node() {
	version=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
	if [ "${version:-0}" -ge 20 ] && [ -z "${REEVE_TEST_OLD_NODE:-}" ]; then
		command -v node
		return
	fi
	install "$here/node" && ls "$here"/node/node_modules/node-linux-*/bin/node
}
install "$here"
node=$(find_node)

dir=$(mktemp -d "${TMPDIR:-/tmp}/reeve-sqs.XXXXXX")
finish() {
	code=$?
	trap - EXIT
	"$dir/stop" || true
	rm -rf "$dir"
	exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM

cat >"$dir/stop" <<'S'
#!/bin/sh
set -eu
dir=$(dirname "$0")
[ -s "$dir/pid" ] || exit 0
pid=$(cat "$dir/pid")
kill -KILL "$pid" 2>/dev/null || true
while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
rm -f "$dir/pid"
S
cat >"$dir/start" <<S
#!/bin/sh
set -eu
dir=\$(dirname "\$0")
rm -f "\$dir/ready"
setsid "$node" "$here/${REEVE_TEST_EMULATOR:-sqs}.mjs" "\$(cat "\$dir/port")" "\$dir/ready" >>"\$dir/log" 2>&1 </dev/null &
echo \$! >"\$dir/pid"
while kill -0 "\$(cat "\$dir/pid")" 2>/dev/null; do
	[ ! -e "\$dir/ready" ] || exit 0
	sleep 0.02
done
exit 1
S
chmod +x "$dir/start" "$dir/stop"

start_server "$dir"

# Credentials of nobody, and none of the host's own.
unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_ENDPOINT_URL_SQS || true
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy || true
AWS_ACCESS_KEY_ID=AKIAREEVETEST
AWS_SECRET_ACCESS_KEY=reeve-test-secret
AWS_CONFIG_FILE=/dev/null
AWS_SHARED_CREDENTIALS_FILE=/dev/null
AWS_EC2_METADATA_DISABLED=true
REEVE_TEST_SQS=http://127.0.0.1:$(cat "$dir/port")
REEVE_TEST_SQS_DIR=$dir
REEVE_TEST_NODE=$node
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE \
	AWS_EC2_METADATA_DISABLED REEVE_TEST_SQS REEVE_TEST_SQS_DIR REEVE_TEST_NODE
# A checker of memory stands in front of the program, not of this script.
# shellcheck disable=SC2086 # the wrapper is words
${REEVE_TEST_WRAP:-} "$@"
