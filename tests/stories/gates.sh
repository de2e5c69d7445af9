#!/bin/sh
# Gates as users meet them: a child that fails for good, an empty fan-out, equal payloads, after:.
. "$STORIES/lib.sh"

mkdir workflows
cat >workflows/fan.json <<'J'
{ "starts": ["read"],
  "tasks": {
    "read": { "queue": "read", "starts_parallel": ["row"],
              "starts_with_params": { "gate": { "rows": { "count": "row" } } } },
    "row": { "queue": "row", "retries": { "max": 0 } },
    "gate": { "queue": "gate", "starts": ["report"],
              "waits_for": { "row": { "condition": { "param": "rows", "function": "eq_completed" } } } },
    "report": { "queue": "report" } } }
J
cat >workflows/join.yaml <<'Y'
name: join
tasks:
  csv: { queue: report }
  xml: { queue: report }
  both: { queue: report, after: [csv, xml] }
Y
cat >row.sh <<'S'
#!/bin/sh
envelope=$(cat)
i=${envelope#*'"rows":['}
i=${i%%]*}
[ "$i" != 13 ] || [ -e mended ] || { echo "row 13 is broken" >&2; exit 1; }
eval "echo '{\"done\":$i}' >&$REEVE_FD"
S
cat >report.sh <<'S'
#!/bin/sh
cat >"report.$REEVE_TASK_ID"
S
chmod +x row.sh report.sh
cat >reeve.yaml <<'Y'
store: sqlite:gates.db
queues:
  read: { type: split, split: { payload_key: rows, slice_size: 1 } }
  row: { workers: 3, run: [./row.sh] }
  gate: { type: sync }
  report: { run: [./report.sh] }
Y
use_store
start_reeve

job=$(reeve start fan --payload '{"rows":[11,12,13,14]}')
exits 1 reeve job "$job" --wait
same "a child that fails for good fails its job" "$(job_status "$job")" failed
same "its gate stays waiting" "$(reeve job "$job" --json | json 'v["tasks"]["gate"]')" '{"waiting": 1}'
text=$(reeve explain "$job")
for part in gate row "3" "4" "row 13 is broken" "reeve retry $job"; do
	contains "explain says: $part" "$text" "$part"
done
contains "the failed task keeps its trace" "$(reeve tasks "$job" --status failed --json)" "$job"
: >mended
reeve retry "$job" >/dev/null
exits 0 reeve job "$job" --wait
same "after retry the job completes" "$(job_status "$job")" completed
same "the report ran once" "$(find . -name 'report.*' ! -name report.sh | wc -l)" 1
got=$(json 'sorted(v["inputs"]["row"])' <"$(find . -name "report.$job*")")
same "what the gate waited for arrives as inputs" "$got" "[11, 12, 13, 14]"

job=$(reeve start fan --payload '{"rows":[]}' --wait | head -n 1)
same "an empty fan-out opens its gate at once" "$(job_status "$job")" completed
same "its successor gets an empty list" "$(json 'v["inputs"]' <"report.$job.3")" '{"row": []}'

job=$(reeve start fan --payload '{"rows":[7,7,7]}' --wait | head -n 1)
same "equal payloads are tasks of their own" \
	"$(reeve job "$job" --json | json 'v["tasks"]["row"]')" '{"completed": 3}'

job=$(reeve start join --wait | head -n 1)
same "after: waits for both" "$(reeve job "$job" --json | json 'v["status"]')" completed
same "after: is one task" "$(reeve tasks "$job" --json | json 'len(v)')" 3
stop_reeve
same "drained in time" "$drained" 0
