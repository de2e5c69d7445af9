#!/bin/sh
# What SQJobs (github.com/igalarzab/sqjobs) promises: eager, results, hooks round a task that are told
# what happened, retries with a delay of one's choice. Its messages: the story foreign; schedules have
# their own.
. "$STORIES/lib.sh"

export DEMO_STATE="$home"
same "eager: the adder's 1, 2, 3 give 6, without server and worker" \
	"$("$REEVE" -c "$STORIES/../../examples/adder/reeve.yaml" eager --queue adder --task adder \
		--payload '{"args":[1,2,3],"kwargs":{}}' 2>/dev/null | json 'v["result"]')" 6

mkdir workflows
cat >workflows/flaky.yaml <<'Y'
tasks:
  first: { queue: flaky, starts: [second] }
  second: { queue: flaky, delay: 400ms }
  third: { queue: flaky, after: [first, second] }
Y
cat >job.sh <<'S'
#!/bin/sh
echo "$1" >>order
cat >>"hook.$1"
S
cat >flaky.sh <<'S'
#!/bin/sh
[ "$REEVE_ATTEMPT" -gt 2 ] || { eval "echo '{\"fail\":\"not yet\",\"retry_in\":\"300ms\"}' >&$REEVE_FD"; exit 0; }
eval "echo '{\"done\":\"$REEVE_TASK\"}' >&$REEVE_FD"
S
chmod +x job.sh flaky.sh
cat >reeve.yaml <<'Y'
store: sqlite:x.db
queues:
  good:
    run: 'echo run >>order; echo "{\"done\":6}" >&$REEVE_FD'
    before: [./job.sh, set_up]
    after: [./job.sh, tear_down]
    on_success: [./job.sh, on_success]
    on_failure: [./job.sh, on_failure]
  bad:
    retries: { max: 0 }
    run: 'echo run >>order; exit 3'
    before: [./job.sh, set_up]
    after: [./job.sh, tear_down]
    on_success: [./job.sh, on_success]
    on_failure: [./job.sh, on_failure]
  flaky: { run: [./flaky.sh] }
Y
use_store
start_reeve
exits 0 reeve push good --wait
id=$(head -n 1 out)
same "a task's result is kept, to be asked for" "$(reeve task "$id" --json | json '(v["status"], v["result"])')" '["completed", 6]'
same "set_up, run, tear_down, on_success" "$(tr '\n' ' ' <order)" "set_up run tear_down on_success "
same "on_success is told what happened" "$(json '[v["outcome"][k] for k in ("status", "result", "error", "final")]' <hook.on_success)" \
	'["success", 6, null, true]'
rm -f order hook.*
exits 1 reeve push bad --wait
eventually 20 test -s hook.on_failure
same "set_up, run, tear_down, on_failure" "$(tr '\n' ' ' <order)" "set_up run tear_down on_failure "
same "on_failure is told what happened" "$(json '[v["outcome"][k] for k in ("status", "result", "error", "final")]' <hook.on_failure)" \
	'["failure", null, "exited with 3", true]'

exits 0 reeve push flaky --wait
trace=$(reeve task "$(head -n 1 out)" --json | json v)
same "a retry with a chosen delay" "$(echo "$trace" | json '[e["status"] for e in v["trace"]]')" '["retry", "retry", "success"]'
same "comes not before it" "$(echo "$trace" | /usr/bin/python3 -c '
import datetime as d, json, sys
t = json.load(sys.stdin)["trace"]
at = lambda s: d.datetime.fromisoformat(s.replace("Z", "+00:00"))
print(at(t[1]["received_at"]) - at(t[0]["finished_at"]) >= d.timedelta(milliseconds=299))')" True
job=$(reeve start flaky --wait | head -n 1)
shape='(v["status"], {n: s for n, s in sorted(v["tasks"].items())})'
same "eager: a workflow with retries and delays ends the same" \
	"$(reeve eager flaky 2>/dev/null | json "$shape")" "$(reeve job "$job" --json | json "$shape")"
began=$(date +%s)
sed -i 's/delay: 400ms/delay: 30d/' workflows/flaky.yaml
same "eager: a month of delay is no time" "$(reeve eager flaky 2>/dev/null | json 'dict(sorted(v["results"].items()))')" \
	'{"first": ["first"], "second": ["second"], "third": ["third"]}'
[ $(($(date +%s) - began)) -lt 60 ] || fail "it took $(($(date +%s) - began)) s"
stop_reeve
