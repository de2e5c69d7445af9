#!/bin/sh
# when: a condition on the payload, on a parent's result, on what an after: task waited for; skipped
# tasks start nothing and count as completed.
. "$STORIES/lib.sh"

mkdir workflows
cat >workflows/review.yaml <<'Y'
tasks:
  score: { queue: score, starts: [praise, complain, translate] }
  praise: { queue: step, when: { result: { at_least: 4 } }, starts: [thank] }
  thank: { queue: step }
  complain: { queue: step, when: { result: { less_than: 3 } } }
  translate: { queue: step, when: { payload.language: { not: [es, en] } } }
  summary: { queue: step, after: [praise, complain, translate] }
  alarm: { queue: step, after: complain, when: { results.complain: { presence: true } } }
Y
cat >workflows/rows.yaml <<'Y'
tasks:
  read: { queue: read, starts_parallel: [row], starts_with_params: { gate: { rows: { count: row } } } }
  row: { queue: step, when: { payload.rows.0: { greater_than: 1 } } }
  gate: { queue: gate, waits_for: { row: { function: eq_completed, param: rows } }, starts: [report] }
  report: { queue: step }
Y
cat >score.sh <<'S'
#!/bin/sh
envelope=$(cat)
stars=${envelope#*'"stars":'}
eval "echo '{\"done\":${stars%%[,\}]*}}' >&$REEVE_FD"
S
cat >step.sh <<'S'
#!/bin/sh
cat >"envelope.$REEVE_JOB_ID.$REEVE_TASK"
eval "echo '{\"done\":\"$REEVE_TASK\"}' >&$REEVE_FD"
S
chmod +x score.sh step.sh
cat >reeve.yaml <<'Y'
store: sqlite:when.db
defaults: { retries: { max: 0 } }
queues:
  score: { run: [./score.sh] }
  step: { workers: 2, run: [./step.sh], validate: { bad: { absence: true } } }
  read: { type: split, split: { payload_key: rows, slice_size: 1 } }
  gate: { type: sync }
Y
use_store
start_reeve

ends() { reeve job "$1" --json | json '{n: list(s)[0] for n, s in sorted(v["tasks"].items())}'; }
good=$(reeve start review --payload '{"stars":5,"language":"es"}' --wait | head -n 1)
same "a good review is praised" "$(ends "$good")" \
	'{"alarm": "skipped", "complain": "skipped", "praise": "completed", "score": "completed", "summary": "completed", "thank": "completed", "translate": "skipped"}'
same "what is skipped is null among the inputs" "$(json 'v["inputs"]' <"envelope.$good.summary")" \
	'{"praise": ["praise"], "complain": [null], "translate": [null]}'
bad=$(reeve start review --payload '{"stars":1,"language":"eu"}' --wait | head -n 1)
same "a bad one is not, and what praise starts is not born" "$(ends "$bad")" \
	'{"alarm": "completed", "complain": "completed", "praise": "skipped", "score": "completed", "summary": "completed", "translate": "completed"}'
same "a job with skipped tasks completes" "$(job_status "$bad")" completed
[ ! -e "envelope.$bad.praise" ] || fail "a skipped task has run"
same "a payload that would be invalid does not matter to a skipped task" \
	"$(ends "$(reeve start review --payload '{"stars":5,"language":"es","complain":{"bad":1}}' --wait | head -n 1)" | json 'v["complain"]')" skipped

rows=$(reeve start rows --payload '{"rows":[1,2,3,1]}' --wait | head -n 1)
same "rows are skipped one by one" "$(reeve job "$rows" --json | json 'v["tasks"]["row"]')" \
	'{"completed": 2, "skipped": 2}'
same "a gate counts them as completed and hands on null" "$(json 'v["inputs"]' <"envelope.$rows.report")" \
	'{"row": [null, "row", "row", null]}'
same "explain says why a task was skipped" \
	"$(reeve explain "$(reeve tasks "$rows" --status skipped --json | json 'v[0]["id"]')" | grep -c 'payload.rows.0 is 1')" 1
same "eager skips the same" \
	"$(reeve eager review --payload '{"stars":5,"language":"es"}' 2>eager.log | json '{n: list(s)[0] for n, s in sorted(v["tasks"].items())}')" "$(ends "$good")"
stop_reeve
