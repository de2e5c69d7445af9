#!/bin/sh
# meson test, then once more, one at a time, for the few that failed: most tests wait for other processes,
# and a busy machine can hold these up beyond any patience. What fails twice has failed; what failed once
# is named, and its output stays above. REEVE_TEST_ONCE=1: no second time.
# usage: tests/twice.sh BUILD [OPTION of meson test…] [TEST…]
set -eu
build=$1
shift
rm -f "$build"/meson-logs/first*.json "$build"/meson-logs/second*.json
code=0
meson test -C "$build" --no-rebuild --print-errorlogs --logbase first "$@" || code=$?
[ $code -ne 0 ] && [ -z "${REEVE_TEST_ONCE:-}" ] || exit $code
failed=$(cat "$build"/meson-logs/first*.json | /usr/bin/python3 -c '
import json, sys
tests = [json.loads(line) for line in sys.stdin]
failed = [test["name"].split(" / ")[-1] for test in tests if test["result"] not in ("OK", "SKIP")]
print(*failed if len(failed) <= 3 else [])')
[ -n "$failed" ] || exit $code
echo "failed once, again alone: $failed"
# shellcheck disable=SC2086 # words
meson test -C "$build" --no-rebuild --print-errorlogs --logbase second "$@" --num-processes 1 $failed
