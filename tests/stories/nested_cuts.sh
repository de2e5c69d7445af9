#!/bin/sh
# Who cancels or retries a job with jobs in the places of its tasks dies at each step: what he has begun is
# done all the same, at every depth, without a second command.
. "$STORIES/lib.sh"

mkdir workflows
cat >workflows/all.yaml <<'Y'
workflows:
  outer: { tasks: { one: { workflow: inner, starts: [next] }, two: { workflow: inner }, next: { queue: hold } } }
  inner: { tasks: { read: { queue: hold }, deep: { workflow: deep } } }
  deep: { tasks: { end: { queue: hold }, later: { queue: hold, delay: 1h } } }
  high: { tasks: { x: { workflow: middle, starts: [last] }, last: { queue: flaky } } }
  middle: { tasks: { y: { workflow: low } } }
  low: { tasks: { z: { queue: flaky } } }
Y
cat >reeve.yaml <<'Y'
store: sqlite:nested.db
shutdown_grace: 2s
defaults: { lease: 5s, retries: { max: 0 }, restart: { max_delay: 200ms } }
queues:
  hold: { workers: 2, run: "exec sleep 600" }
  flaky: { workers: 2, run: "test ! -e broken || exit 125" }
Y
count() { reeve jobs --workflow "$1" --status "$2" --json | json 'len(v)'; }
finished() { reeve jobs --workflow "$1" --status "$2" --json | json 'sum(j["finished_at"] is not None for j in v)'; }
is_count() { [ "$(count "$1" "$2")" = "$3" ]; }
# all_cancelled N: so many outer jobs and all that is nested in them are cancelled and finished
all_cancelled() {
	[ "$(finished outer cancelled) $(finished inner cancelled) $(finished deep cancelled)" = "$1 $(($1 * 2)) $(($1 * 2))" ]
}
# dies STEP COMMAND…: the command is killed at the step
dies() {
	at=$1
	shift
	code=0
	REEVE_DIE_AT=$at "$REEVE" -c "$home/reeve.yaml" "$@" 2>/dev/null || code=$?
	same "$1 dies at $at" $code 137
}

# Keepers look sooner than they would, so that the story is short.
export REEVE_CANCELS_SOON_MS=300
# Each job's cancel dies at another step. Told at the second level are both inner jobs, then their deep ones.
use_store
start_reeve
steps="cancel-flagged cancel-nested cancel-nested:2 cancel-told cancel-ended cancel-flagged:2 cancel-nested:3
	cancel-told:2 cancel-ended:2 cancel-flagged:3 cancel-told:3 cancel-ended:3 cancel-ended:5"
jobs=0
outer=
for step in $steps; do
	outer="$outer $(reeve start outer)"
	jobs=$((jobs + 1))
done
eventually 60 is_count deep running $((jobs * 2))
set -- $outer
for step in $steps; do
	dies "$step" cancel "$1"
	shift
done
eventually 60 all_cancelled $jobs
saw "all that is nested in $jobs jobs is cancelled"
same "nothing is left of them" "$(reeve tasks --status queued --json) $(reeve tasks --status waiting --json)" "[] []"
same "nor runs" "$(count outer running) $(count inner running) $(count deep running)" "0 0 0"

# In the place of a task alone.
job=$(reeve start outer)
eventually 60 is_count deep running 2
place=$(reeve tasks "$job" --status waiting --json | json '[t["id"] for t in v if t["name"] == "one"][0]')
dies cancel-flagged cancel "$place"
ended() { [ "$(reeve task "$place" --json | json 'v["status"]')" = cancelled ]; }
eventually 60 ended
is_alone() { [ "$(count inner running) $(count deep running)" = "1 1" ]; }
eventually 60 is_alone
saw "the cancel of one task goes on too, and with its own job alone"
reeve cancel "$job" 2>/dev/null
eventually 60 all_cancelled $((jobs + 1))

# Retries: the place of what completes later runs again by itself.
: >broken
first=$(reeve start high)
second=$(reeve start high)
third=$(reeve start high)
eventually 60 is_count high failed 3
rm broken
nested_of() { reeve tasks "$1" --status failed --json | json 'v[0]["nested_job"]'; }
low=$(nested_of "$(nested_of "$third")")
dies retry-nested retry "$first"
dies retry-nested:2 retry "$second"
dies retry-above retry "$low"
eventually 60 is_count high completed 3
saw "what was retried at the bottom comes up to the top"
stop_reeve

# The keeper that goes on with a cancel dies too.
for step in cancel-nested cancel-nested:2 cancel-told cancel-told:2; do
	rm -f died
	use_store
	job=$(reeve start outer)
	export REEVE_DIE_AT="keeper/$step" REEVE_DIE_ONCE="$home/died"
	start_reeve
	unset REEVE_DIE_AT REEVE_DIE_ONCE
	eventually 60 is_count deep running 2
	dies cancel-flagged cancel "$job"
	eventually 60 all_cancelled 1
	test -e died || fail "no death of a keeper at $step"
	saw "a keeper that dies at $step leaves it to the next one"
	stop_reeve
done
