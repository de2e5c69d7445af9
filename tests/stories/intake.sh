#!/bin/sh
# What a queue lets in, over two supervisors on one store: rate and max_working.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >call.sh <<'SH'
date +%s%3N >>calls
SH
# Notes how many run, and ends when there is a file "go".
cat >build.sh <<'SH'
: >"running.$REEVE_TASK_ID"
ls | grep -c '^running' >>counts
until [ -f go ]; do sleep 0.1; done
rm "running.$REEVE_TASK_ID"
SH
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  api: { run: [sh, call.sh], rate: 5/s, workers: 4 }
  build: { run: [sh, build.sh], max_working: 3, workers: 4 }
  scarce: { run: [sh, call.sh], rate: 2/h, workers: { max: 20 } }
YAML
use_store
cp reeve.yaml second.yaml
value() { reeve status --json | json 'v["queues"]["'"$1"'"]["'"$2"'"]'; }
is() { [ "$(value "$1" "$2")" = "$3" ]; }
running() { find . -name 'running.*' | wc -l; }
runs() { [ "$(running)" -eq "$1" ]; }

began=$(date +%s%3N)
for _ in $(seq 12); do reeve push api >/dev/null; done
# shellcheck disable=SC2119
start_reeve
"$REEVE" -c second.yaml run >>log 2>&1 &
second=$!
others=$second
eventually 30 "$REEVE" -c second.yaml status
called() { [ "$(wc -l <calls)" -eq 12 ]; }
eventually 60 called
same "no second has more starts than the rate, over both" "$(/usr/bin/python3 -c '
import sys
began = int(sys.argv[1])
calls = sorted(map(int, open("calls")))
print([n for n, at in enumerate(calls) if at < began + n // 5 * 1000])' "$began")" "[]"

for _ in $(seq 6); do reeve push build >/dev/null; done
eventually 30 runs 3
held() { reeve explain build | grep -q "limited by its max_working: 3 of 3 are being worked on"; }
eventually 30 held
saw "explain names max_working"
worker=$(reeve status --json | json '([str(w["pid"]) for w in v["workers"] if w["queue"] == "build" and w["task"]] + [""])[0]')
if [ -n "$worker" ]; then
	kill -KILL "$worker"
	others_run() { [ "$(tail -n 1 counts)" -ge 1 ] && [ "$(wc -l <counts)" -ge 4 ]; }
	eventually 30 others_run
	saw "a killed worker's place is taken by another"
fi
rm -f running.*
touch go
eventually 60 is build completed 6
saw "all were done"
same "never more than max_working at a time, over both" "$(sort -n counts | tail -n 1)" 3

rm go
for _ in $(seq 5); do reeve push build >/dev/null; done
eventually 30 runs 3
sed -i 's/max_working: 3/max_working: 4/' reeve.yaml second.yaml
same "a change of it is live" "$(reeve reload --json | json '[c["change"] for c in v["changes"] if c["change"] != "none"]')" '["live"]'
"$REEVE" -c second.yaml reload >/dev/null
eventually 30 runs 4
saw "and lets more in at once"
touch go
eventually 60 is build completed 11

for _ in 1 2 3; do reeve push scarce >/dev/null; done
is_taken() { is scarce completed 2; }
eventually 30 is_taken
rated() { reeve explain scarce | grep -q "limited by its rate: 2 have started within 3600 s"; }
eventually 30 rated
saw "explain names the rate"
eventually 30 is scarce depth 1
saw "the rest waits"
[ "$(value scarce workers)" -le 4 ] || fail "$(value scarce workers) workers for a rate of 2/h"
saw "its workers don't grow beyond what the rate can use"
