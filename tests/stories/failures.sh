#!/bin/sh
# What a failure means: if_failed, starts_on_failure, gates over deeper tasks, after: with tasks that are
# known and tasks that come at run time; and a retry that goes on from there.
. "$STORIES/lib.sh"

mkdir workflows
cat >workflows/all.yaml <<'Y'
workflows:
  fail: { tasks: { a: { queue: step, starts: [b], starts_on_failure: [rescue] }, b: { queue: step }, rescue: { queue: step }, other: { queue: step } } }
  continue: { tasks: { a: { queue: step, if_failed: continue, starts: [b] }, b: { queue: step }, end: { queue: step, after: a } } }
  ignore: { tasks: { a: { queue: step, if_failed: ignore, starts: [b] }, b: { queue: step }, end: { queue: step, after: a } } }
  rows:
    payload: { color: red }
    tasks:
      read: { queue: split, starts_parallel: [a, row] }
      row: { queue: step, starts: [deep] }
      deep: { queue: step }
      a: { queue: step, if_failed: continue }
      fixed: { queue: step }
      end: { queue: step, after: [a, deep, fixed] }
Y
cat >step.sh <<'S'
#!/bin/sh
cat >"envelope.$REEVE_TASK"
[ "$REEVE_TASK" != a ] || [ -e mended ] || exit 125
eval "echo '{\"done\":\"$REEVE_TASK\"}' >&$REEVE_FD"
S
chmod +x step.sh
cat >reeve.yaml <<'Y'
store: sqlite:x.db
queues:
  step: { workers: 2, run: [./step.sh] }
  split: { type: split, split: { payload_key: list, slice_size: 1 } }
Y
use_store
start_reeve
shape='[v["status"], {n: s for n, s in sorted(v["tasks"].items())}]'
ends() { reeve job "$1" --json | json "$shape"; }
ended_by() { job=$(reeve start "$@" --wait 2>/dev/null | head -n 1); }
is() { [ "$(job_status "$1")" = "$2" ]; }
eager() { reeve eager "$@" 2>/dev/null | json "$shape"; }

ended_by fail || true
same "fail: the job fails, other branches go on, the rescue is started" "$(ends "$job")" \
	'["failed", {"a": {"failed": 1}, "other": {"completed": 1}, "rescue": {"completed": 1}}]'
same "eager: the same" "$(eager fail)" "$(ends "$job")"
: >mended
reeve retry "$job" 2>/dev/null
eventually 20 is "$job" completed
same "retry goes on where it failed" "$(ends "$job")" \
	'["completed", {"a": {"completed": 1}, "b": {"completed": 1}, "other": {"completed": 1}, "rescue": {"completed": 1}}]'
rm mended
ended_by continue
same "continue: its successors do not start, after: goes on, the job completes" "$(ends "$job")" \
	'["completed", {"a": {"failed": 1}, "end": {"completed": 1}}]'
same "eager: the same" "$(eager continue)" "$(ends "$job")"
ended_by ignore
same "ignore: as if completed, with null" "$(ends "$job")" \
	'["completed", {"a": {"completed": 1}, "b": {"completed": 1}, "end": {"completed": 1}}]'
same "its result is null" "$(json 'v["inputs"]' <envelope.end)" '{"a": [null]}'
same "eager: the same" "$(eager ignore)" "$(ends "$job")"
ended_by rows --payload '{"list":[1,2,3],"deep":{"own":true}}'
same "after: waits for what is known and what comes at run time" "$(json 'v["inputs"]' <envelope.end)" \
	'{"a": [null, null, null], "deep": ["deep", "deep", "deep"], "fixed": ["fixed"]}'
same "sections and globals reach a task below what was spawned" "$(json '[v["payload"].get(k) for k in ("own", "color")]' <envelope.deep)" '[true, "red"]'
same "eager: the same" "$(eager rows --payload '{"list":[1,2,3],"deep":{"own":true}}')" "$(ends "$job")"
stop_reeve
