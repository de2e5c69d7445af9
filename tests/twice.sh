#!/bin/sh
# meson test, then once more, one at a time, for the few that failed: most tests wait for other processes,
# and a busy machine can hold these up beyond any patience. What fails twice has failed; what failed once
# is named, and its output stays above. An error of memory is final (valgrind.sh exits with 9).
# REEVE_TEST_ONCE=1: no second time.
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
failed = [test for test in tests if test["result"] not in ("OK", "SKIP")]
memory = [test for test in failed if test.get("returncode") == 9 or "Sanitizer" in str(test) or "runtime error:" in str(test)]
print(*[test["name"].split(" / ")[-1] for test in failed] if len(failed) <= 3 and not memory else [])')
[ -n "$failed" ] || exit $code
echo "failed once, again alone: $failed"
# shellcheck disable=SC2086 # words
meson test -C "$build" --no-rebuild --print-errorlogs --logbase second "$@" --num-processes 1 $failed
