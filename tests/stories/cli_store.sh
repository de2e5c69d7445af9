#!/bin/sh
# Commands that work on the store, without a supervisor.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  read: { run: [cat] }
  row: { run: [cat] }
  mail: { run: [cat] }
  gate: { type: sync }
  both: { pull: [read, row], run: [cat] }
YAML
use_store
mkdir workflows
cat >workflows/import.yaml <<'YAML'
starts: [read]
tasks:
  read: { queue: read, starts_manually: [row], starts: [sum] }
  row: { queue: row }
  sum: { queue: gate, waits_for: { row: { condition: { function: completed } } } }
YAML
printf '{"starts":["x"],"tasks":{"x":{"queue":7,"a key that nobody knows":1}}}' >workflows/broken.json
printf '{"starts":["x"],"tasks":{"x":{"queue":"mail","starts":["g"],"starts_parallel":["y"]},"y":{"queue":"mail"},"g":{"queue":"mail","waits_for":{"y":"completed"}}}}' >workflows/nogate.json

job=$(reeve start import --payload '{"file":"a.csv"}')
same "start prints the id alone" "$(printf '%s' "$job" | grep -cE '^[0-9a-f-]{36}$')" 1
reeve job "$job" --json >out
same "job --json has its keys in order" "$(json 'list(v)' <out)" \
	'["id", "workflow", "status", "reason", "payload", "created_at", "finished_at", "tasks"]'
same "a running job" "$(json '[v["status"],v["reason"],v["payload"],v["finished_at"],v["tasks"]]' <out)" \
	'["running", null, {"file": "a.csv"}, null, {"read": {"queued": 1}}]'
same "times are RFC 3339" "$(json 'v["created_at"]' <out | grep -cE '^20..-..-..T..:..:..\....Z$')" 1
contains "job for people" "$(reeve job "$job")" "status    running"
same "start --json prints the job" "$(reeve start import --json | json 'v["workflow"]')" import

first=$(reeve start import --key nightly)
same "a key answers the running job" "$(reeve start import --key nightly)" "$first"
exits 1 reeve start imprt
contains "an unknown workflow" "$(cat err)" "nearest: import; there are broken, import, nogate"
exits 1 reeve start mail
contains "a queue is no workflow" "$(cat err)" "reeve push mail"
exits 2 reeve start broken
contains "a workflow with mistakes" "$(cat err)" "x must have a valid queue"
contains "and Qyu's one line, whole" "$(cat err)" \
	'reeve: invalid workflow descriptor: x must have a valid queue, x must only contain the following keys: ["queue", "waits_for",'
contains "to its end" "$(tail -n 1 err)" 'not "a key that nobody knows"'
exits 2 reeve start nogate
contains "a gate on a queue that is not sync" "$(cat err)" 'tasks.g: waits_for needs a queue of type sync, and "mail" is not'
exits 2 reeve start import --key ""
contains "an empty key" "$(cat err)" "--key: expected a text, got none"
exits 2 reeve push mail --key ""
same "three jobs, the newest first" \
	"$(reeve jobs --json | json "[len(v), v[0]['id'] == '$first', v[2]['id'] == '$job']")" \
	'[3, true, true]'
same "jobs by workflow" "$(reeve jobs --workflow other --json)" "[]"
same "jobs by status" "$(reeve jobs --status running --json | json 'len(v)')" 3

task=$(reeve push mail '[1,2]' --task hello --priority 5)
reeve task "$task" --json >out
same "task --json has its keys in order" "$(json 'list(v)' <out)" \
	'["id", "job_id", "name", "queue", "status", "reason", "due_at", "attempt", "payload", "result", "trace", "output"]'
same "a pushed task" "$(json '[v["id"] == "'"$task"'",v["job_id"],v["name"],v["queue"],v["status"],v["attempt"],v["payload"],v["result"],v["trace"],v["output"]]' <out)" \
	'[true, null, "hello", "mail", "queued", 0, [1, 2], null, [], null]'
printf '"from a file"' >payload.json
same "a payload from a file" "$(reeve push mail @payload.json --json | json 'v["payload"]')" "from a file"
same "a payload from standard input" "$(echo 7.5 | reeve push mail - --json | json 'v["payload"]')" 7.5
same "a payload that is a negative number" "$(reeve push mail -3 --json | json 'v["payload"]')" -3
same "without a payload" "$(reeve push mail --json | json 'v["payload"]')" "{}"
later=$(reeve push mail --delay 1h)
contains "a delayed task is due later" "$(reeve explain "$later")" "it is not due before"
keyed=$(reeve push mail --key k)
same "a key of a task" "$(reeve push mail --key k)" "$keyed"
exits 0 reeve push elsewhere
contains "a queue of another host is a warning" "$(cat err)" "queue elsewhere is not configured here"
same "tasks of a queue" "$(reeve tasks --queue mail --json | json 'len(v)')" 7
same "tasks of a job" "$(reeve tasks "$job" --json | json '[t["name"] for t in v]')" '["read"]'
same "tasks by status" "$(reeve tasks --status completed --json)" "[]"
contains "tasks for people" "$(reeve tasks "$job")" "$job.1"

for command in job task explain cancel retry results "tasks" graph; do
	exits 1 reeve $command 01a20458-0000-7000-8000-000000000000
	[ -s err ] || fail "$command says why"
done
saw "what does not exist exits 1"
same "no results yet" "$(reeve results "$job")" ""
exits 1 reeve results "$job" nobody
contains "a name that the workflow does not have" "$(cat err)" 'has no task "nobody"'
exits 0 reeve results "$job" row

contains "explain without a supervisor" "$(reeve explain "$job")" "no supervisor is running"
contains "explain of a queue" "$(reeve explain mail)" "mend:  reeve run"
same "explain --json" "$(reeve explain "$job" --json | json '[v["kind"],v["status"]]')" '["job", "running"]'
contains "graph of a job" "$(reeve graph "$job")" "read"
contains "graph as dot" "$(reeve graph import --format dot)" "digraph"
contains "workflows are listed with their faults" "$(reeve workflows)" "x must have a valid queue"

exits 1 reeve retry "$task"
contains "only the dead are retried" "$(cat err)" "only failed, invalid and cancelled tasks"
exits 0 reeve cancel "$task"
same "a cancelled task" "$(reeve task "$task" --json | json 'v["status"]')" cancelled
exits 1 reeve cancel "$task"
exits 0 reeve retry "$task"
same "a task that was cancelled can be retried" "$(reeve task "$task" --json | json 'v["status"]')" queued
lone=$(reeve start import)
exits 0 reeve cancel "$lone.1"
same "a job fails by what was cancelled alone" "$(reeve job "$lone" --json | json '[v["status"],v["reason"]]')" \
	'["failed", "read was cancelled"]'
contains "explain has the command" "$(reeve explain "$lone")" "mend:  reeve retry $lone.1"
exits 0 reeve retry "$lone"
contains "and so has a retry of the job" "$(cat err)" "what was cancelled is retried by its own id: reeve tasks $lone --status cancelled"
exits 0 reeve cancel "$job"
same "a cancelled job" "$(reeve job "$job" --json | json '[v["status"],v["tasks"],v["finished_at"] != None]')" \
	'["cancelled", {"read": {"cancelled": 1}}, true]'
exits 1 reeve retry "$job"
contains "a cancelled job can't be retried" "$(cat err)" "it can't run again, start it anew"
exits 1 reeve job "$job" --wait
contains "--wait of a cancelled job" "$(cat err)" "cancelled"

exits 0 reeve purge mail --yes
contains "purge counts" "$(cat err)" "pushed tasks of mail deleted"
same "the queue is empty" "$(reeve tasks --queue mail --json)" "[]"
exits 0 reeve purge read --yes
contains "tasks of jobs are cancelled" "$(cat err)" "2 tasks of jobs cancelled"
same "nothing runs any more" "$(reeve jobs --status running --json)" "[]"
same "no dead tasks" "$(reeve dead --json)" "[]"
exits 0 reeve retry --dead mail
for command in dead "purge --yes" "retry --dead"; do
	# shellcheck disable=SC2086
	exits 1 reeve $command mial
	contains "$command of a queue that is none" "$(cat err)" 'no queue "mial": it is not configured here'
	# shellcheck disable=SC2086
	exits 1 reeve $command both
	contains "$command of a pool" "$(cat err)" "both has no tasks of its own, it pulls read, row: name one of them"
done
exits 0 reeve dead elsewhere
exits 0 reeve gc
same "gc keeps what is young" "$(reeve jobs --json | json 'len(v)')" 4
printf 'retention: { completed: 0, failed: 0 }\n' >>reeve.yaml
exits 0 reeve gc
same "gc deletes what is old" "$(reeve jobs --json)" "[]"

printf 'store: sqlite:/does/not/exist/reeve.db\nqueues: {}\n' >none.yaml
exits 75 "$REEVE" -c none.yaml jobs
contains "a store that can't be reached" "$(cat err)" "/does/not/exist"
