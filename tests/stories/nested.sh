#!/bin/sh
# A job in the place of a task: results, failure, retry, cancel both ways.
. "$STORIES/lib.sh"

mkdir workflows
cat >workflows/outer.yaml <<'Y'
tasks:
  first: { queue: step, starts: [inner] }
  inner: { workflow: inner, starts: [next] }
  next: { queue: step }
  last: { queue: step, after: inner }
Y
cat >workflows/inner.yaml <<'Y'
tasks:
  read: { queue: step, starts: [row] }
  row: { queue: row }
  deep: { workflow: deep, after: row, payload: { level: 2 } }
Y
cat >workflows/deep.yaml <<'Y'
tasks: { end: { queue: step } }
Y
cat >workflows/many.yaml <<'Y'
tasks:
  split: { queue: split, starts_parallel: [one], starts_with_params: { gate: { n: { count: one } } } }
  one: { workflow: deep }
  gate: { queue: gate, waits_for: { one: { function: eq_completed, param: n } }, starts: [next] }
  next: { queue: step }
Y
cat >step.sh <<'S'
#!/bin/sh
cat >"envelope.$REEVE_TASK"
eval "echo '{\"done\":\"$REEVE_TASK\"}' >&$REEVE_FD"
S
cat >row.sh <<'S'
#!/bin/sh
[ ! -e broken ] || { echo "row is broken" >&2; exit 125; }
while [ -e held ]; do sleep 0.05; done
eval "echo '{\"done\":3}' >&$REEVE_FD"
S
chmod +x step.sh row.sh
cat >reeve.yaml <<'Y'
store: sqlite:nested.db
shutdown_grace: 5s
defaults: { lease: 5s, retries: { max: 0 }, restart: { max_delay: 200ms } }
queues:
  step: { workers: 2, run: [./step.sh] }
  row: { run: [./row.sh] }
  split: { type: split, split: { payload_key: rows, slice_size: 1 } }
  gate: { type: sync }
Y
of() { reeve task "$1" --json | json "v[\"$2\"]"; }
shape='(v["status"], {n: s for n, s in sorted(v["tasks"].items())})'
is() { [ "$(job_status "$1")" = "$2" ]; }

# What check finds.
mkdir other
sed -e 's/^store/workflows: other\nstore/' reeve.yaml >other.yaml
cat >other/all.yaml <<'Y'
workflows:
  a: { tasks: { x: { workflow: b } } }
  b: { tasks: { y: { workflow: a } } }
  c: { tasks: { z: { workflow: none } } }
  d: { tasks: { z: { workflow: e, retries: { max: 1 } } } }
  e: { tasks: { z: { queue: step } } }
Y
exits 2 "$REEVE" -c other.yaml check
contains "a cycle of workflows is refused" "$(cat err)" "nested workflows go round in a cycle: a → b → a"
contains "so is one that is not there" "$(cat err)" 'tasks.z.workflow: there is no workflow "none"'
contains "and what can't be" "$(cat err)" "tasks.z: has both workflow and retries; a nested job runs in place of a handler"

use_store
start_reeve
: >held
job=$(reeve start outer --payload '{"n":1}')
waits() { reeve explain "$job" 2>/dev/null | grep -q "of workflow inner in its place, which is running"; }
eventually 20 waits
saw "explain names the job that runs in its place"
same "the task waits" "$(reeve job "$job" --json | json 'v["tasks"]["inner"]')" '{"waiting": 1}'
same "tasks lists it as waiting" "$(reeve tasks "$job" --status waiting --json | json '[t["name"] for t in v]')" '["last", "inner"]'
same "and not as queued" "$(reeve tasks "$job" --status queued --json)" "[]"
place=$(reeve tasks "$job" --status waiting --json | json '[t["nested_job"] for t in v if t["name"] == "inner"][0]')
exits 2 reeve purge @nested --yes
contains "its place is not purged away" "$(cat err)" "tasks of @nested have jobs in their places: cancel those, or the tasks"
same "the nested job knows the task" "$(reeve job "$place" --json | json 'v["parent"]')" \
	"$(reeve tasks "$job" --status waiting --json | json '[t["id"] for t in v if t["name"] == "inner"][0]')"
contains "job shows it" "$(reeve job "$job")" "$place"
contains "graph names the workflow" "$(reeve graph "$job")" "inner  workflow inner  1 waiting"
rm held
exits 0 reeve job "$job" --wait
same "its result is that of the last tasks" "$(reeve results "$job" inner)" '{"deep":[{"end":["end"]}]}'
same "which its successors get" "$(json 'v["inputs"]' <envelope.next)" '{"inner": [{"deep": [{"end": ["end"]}]}]}'
same "payload and results of the task reach the job" "$(json 'v["payload"]' <envelope.end)" \
	'{"level": 2, "n": 1, "inputs": {"row": [3]}}'
same "eager ends the same" "$(reeve eager outer --payload '{"n":1}' 2>eager.log | json "$shape")" \
	"$(reeve job "$job" --json | json "$shape")"

many=$(reeve start many --payload '{"rows":[1,2,3,4,5,6,7]}' --wait | head -n 1)
same "each slice may be a job of its own" "$(reeve job "$many" --json | json 'v["tasks"]["one"], v["status"]')" \
	'[{"completed": 7}, "completed"]'
same "and a gate waits for them" "$(json 'len(v["inputs"]["one"])' <envelope.next)" 7

: >broken
job=$(reeve start outer)
exits 1 reeve job "$job" --wait
place=$(reeve tasks "$job" --status failed --json | json 'v[0]["nested_job"]')
contains "a failed job fails its task" "$(reeve job "$job" --json | json 'v["reason"]')" "inner failed: job $place has failed: row failed: "
rm broken
reeve retry "$job" 2>/dev/null
eventually 20 is "$job" completed
same "retry reaches what has failed in the nested job" "$(job_status "$place")" completed
: >broken
job=$(reeve start outer)
exits 1 reeve job "$job" --wait
place=$(reeve tasks "$job" --status failed --json | json 'v[0]["nested_job"]')
rm broken
reeve retry "$place" 2>/dev/null
eventually 20 is "$job" completed
saw "a retry of the nested job lets the outer one go on"

: >held
job=$(reeve start outer)
eventually 20 waits
place=$(reeve tasks "$job" --status waiting --json | json '[t["nested_job"] for t in v if t["name"] == "inner"][0]')
reeve cancel "$job" 2>/dev/null
same "cancel reaches the nested job" "$(job_status "$place")" cancelled
job=$(reeve start outer)
eventually 20 waits
place=$(reeve tasks "$job" --status waiting --json | json '[t["nested_job"] for t in v if t["name"] == "inner"][0]')
reeve cancel "$place" 2>/dev/null
rm held
eventually 20 is "$job" failed
same "a cancelled job cancels its task" "$(reeve job "$job" --json | json 'v["tasks"]["inner"]')" '{"cancelled": 1}'
stop_reeve
