#!/bin/sh
# The log's reader is stuck: handlers go on, what it did not take is counted and told. Lines of
# handlers carry queue, task and attempt; they are as long as log.line; USR1 opens a file anew.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
log: { level: info, line: 4K }
queues:
  loud: { run: "cat >/dev/null; i=0; while [ $i -lt 3000 ]; do echo this line is number $i of the loud one; i=$((i+1)); done" }
YAML
mkfifo pipe
# A reader that reads nothing, until the story wants to.
exec 3<>pipe
"$REEVE" -c "$home/reeve.yaml" run 2>pipe &
supervisor=$!
eventually 20 reeve status
for _ in 1 2 3; do reeve push loud 1 --wait >/dev/null; done
same "three loud tasks end while nobody reads stderr" \
	"$(reeve tasks --queue loud --json | json '[t["status"] for t in v]')" \
	'["completed", "completed", "completed"]'
eventually 20 sh -c "'$REEVE' -c '$home/reeve.yaml' logs loud | grep -q 'number 2999'"
saw "reeve logs has what stderr has lost"
cat <&3 >taken &
reader=$!
told() { grep -q 'lines of the log were dropped' taken; }
pushed() { reeve push loud 1 --wait >/dev/null && told; }
eventually 30 pushed
saw "$(grep -o '[0-9]* lines of the log were dropped' taken | head -n 1)"
stop_reeve
exec 3>&-
kill "$reader" 2>/dev/null || true
wait "$reader" 2>/dev/null || true
same "the drain was not held up" "$drained" 0
broken() { grep -cv '^20[0-9-]*T[0-9:.]*Z [a-z]* *[a-z]*#*[0-9]*: ' taken || true; }
same "no line is broken" "$(broken)" 0

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
log: { to: reeve.log, format: json, line: 256 }
queues:
  said: { run: "cat >/dev/null; echo hello; echo trouble >&2; head -c 2000 /dev/zero | tr '\\0' x" }
YAML
start_reeve
task=$(reeve push said 1 --wait)
field() { grep "$1" reeve.log | json "$2"; }
same "a line names queue, task, attempt and stream" \
	"$(field '"hello"' '[v["queue"], v["task"], v["attempt"], v["stream"], v["level"]]')" \
	"[\"said\", \"$task\", 1, \"stdout\", \"info\"]"
same "stderr too" "$(field '"trouble"' 'v["stream"]')" stderr
same "a long line is cut and the cut is counted" "$(field xxxx 'v["message"][256:]')" " … 1744 bytes cut"
mv reeve.log old.log
kill -USR1 "$supervisor"
eventually 20 test -s reeve.log
again() { reeve push said 1 --wait >/dev/null && grep -q '"hello"' reeve.log; }
eventually 20 again
saw "USR1 opens the file anew, for workers too"
stop_reeve
same "and the drain is clean" "$drained" 0
