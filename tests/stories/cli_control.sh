#!/bin/sh
# Commands that talk to a running supervisor, and --wait.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
shutdown_grace: 5s
queues:
  read: { run: 'echo "{\"spawn\":[{\"task\":\"row\",\"payload\":{\"n\":1}},{\"task\":\"row\",\"payload\":{\"n\":2}}]}" >&"$REEVE_FD"' }
  row: { workers: 2, run: [python3, row.py], retries: { max: 0 } }
  gate: { type: sync }
  report: { run: 'echo "{\"done\":\"all\"}" >&"$REEVE_FD"' }
  slow: { run: [sleep, "60"] }
YAML
use_store
cat >row.py <<'PY'
import json, os, sys
envelope = json.load(sys.stdin)
if os.path.exists("break"):
    sys.exit("row %d is broken" % envelope["payload"]["n"])
print("row", envelope["payload"]["n"])
os.write(int(os.environ["REEVE_FD"]), json.dumps({"done": envelope["payload"]["n"] * 10}).encode() + b"\n")
PY
mkdir workflows
cat >workflows/import.yaml <<'YAML'
starts: [read]
tasks:
  read: { queue: read, starts_manually: [row], starts: [sum] }
  row: { queue: row }
  sum: { queue: gate, waits_for: { row: { condition: { function: completed } } }, starts: [report] }
  report: { queue: report }
YAML
# shellcheck disable=SC2119
start_reeve

exits 0 reeve start import --wait
job=$(cat out)
same "a completed job" "$(job_status "$job")" completed
same "results of one name" "$(reeve results "$job" row | sort | tr '\n' ' ')" "10 20 "
same "results of all" "$(reeve results "$job" --json | json 'sorted(set(r["name"] for r in v))')" \
	'["read", "report", "row", "sum"]'
same "--wait --json prints one object" "$(reeve start import --wait --json 2>/dev/null | json 'v["status"]')" completed
exits 0 reeve push row '{"n":5}' --wait
task=$(cat out)
same "a pushed task's result" "$(reeve task "$task" --json | json 'v["result"]')" 50
same "its trace" "$(reeve task "$task" --json | json '[[t["attempt"],t["status"]] for t in v["trace"]]')" '[[1, "success"]]'
contains "its output" "$(reeve task "$task" --json | json 'v["output"]')" "row 5"
contains "logs of a task" "$(reeve logs "$task")" "row 5"
contains "logs of a queue" "$(reeve logs row)" "row 5"

"$REEVE" -c reeve.yaml logs row -f >follow &
follower=$!
reeve push row '{"n":8}' --wait >pushed
eventually 10 grep -q "row 8" follow
saw "logs -f goes on"

touch break
exits 1 reeve start import --wait
failed=$(cat out)
contains "a failed job exits 1 and says why" "$(cat err)" "row failed"
same "its status" "$(job_status "$failed")" failed
same "its dead tasks" "$(reeve dead row --json | json 'len(v)')" 2
reeve explain "$failed" >explained
contains "explain names the failed" "$(cat explained)" "row 1 is broken"
contains "explain names the gate" "$(cat explained)" "can't open: needs every row completed, has 0 of 2 (2 failed)"
contains "explain names what mends it" "$(cat explained)" "mend:  reeve retry $failed"
rm break
exits 0 reeve retry "$failed"
exits 0 reeve job "$failed" --wait --json
same "a retried job completes" "$(json 'v["status"]' <out)" completed

reeve status --json >out
same "status --json has its keys in order" "$(json 'list(v)' <out)" \
	'["pid", "uptime_s", "queues", "workers", "processes"]'
same "status counts workers" "$(json 'v["queues"]["row"]["workers"]' <out)" 2
same "status names the supervisor" "$(json 'v["pid"]' <out)" "$supervisor"
contains "status for people" "$(reeve status)" "QUEUE"

exits 0 reeve pause row
paused=$(reeve push row '{"n":6}')
contains "explain names the pause" "$(reeve explain "$paused")" "mend:  reeve resume row"
same "a paused queue holds its tasks" "$(reeve task "$paused" --json | json 'v["status"]')" queued
exits 0 reeve resume row
is() { [ "$(reeve task "$1" --json | json 'v["status"]')" = "$2" ]; }
eventually 10 is "$paused" completed
exits 1 reeve pause nowhere

slow=$(reeve push slow)
eventually 10 is "$slow" working
contains "explain names the worker" "$(reeve explain "$slow")" "worker slow#"
exits 0 reeve cancel "$slow"
contains "a working task is stopped" "$(cat err)" "is working; its handler is told and stopped"
eventually 60 is "$slow" cancelled

exits 0 reeve scale row +1
contains "scale says the number" "$(cat out)" "row: 3 workers"
has_workers() { [ "$(reeve status --json | json "v['queues']['$1']['workers']")" = "$2" ]; }
eventually 10 has_workers row 3
exits 2 reeve scale row many
sed -i 's/workers: 2,/workers: 4,/' reeve.yaml
contains "check says what a reload would do" "$(reeve check)" "reload: row: changed while its workers go on"
contains "reload says what it did" "$(reeve reload)" "row: live"
eventually 10 has_workers row 4
contains "restart names the queue" "$(reeve restart row)" "row: its workers are being replaced"
sed 's/workers: 4/workers: many/' reeve.yaml >bad.yaml && cp reeve.yaml good.yaml && cp bad.yaml reeve.yaml
exits 2 reeve reload
contains "reload names the mistake" "$(cat err)" "queues.row.workers"
exits 0 reeve status
saw "a file with mistakes does not keep status from answering"

cp good.yaml reeve.yaml
exits 1 reeve run
contains "a second run names the first" "$(cat err)" "$supervisor"
exits 0 reeve stop
wait "$supervisor" || fail "the drain was not in time"
supervisor=
exits 75 reeve status
saw "stop waits until it is gone"
wait "$follower" || fail "logs -f ends with the supervisor"

reeve push row '{"n":1}' >id
exits 0 reeve run --until-idle --only row
is "$(cat id)" completed || fail "until idle"
saw "run --until-idle works what is there"

# A socket that the file names is found as long as that can be read.
cp good.yaml reeve.yaml
echo 'control: named.sock' >>reeve.yaml
start_reeve
cp reeve.yaml named.yaml
sed -i 's/workers: 4/workers: many/' reeve.yaml
exits 0 reeve status
saw "mistakes elsewhere do not hide the socket that a file names"
echo '}' >>reeve.yaml
exits 75 reeve status
contains "where nothing can be read, that is said" "$(cat err)" "a control socket that it names is not known"
cp named.yaml reeve.yaml
stop_reeve
