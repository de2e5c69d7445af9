#!/bin/sh
# A process dies at each step of a job in the place of a task: the outer job still ends, with one job for
# each task.
. "$STORIES/lib.sh"

mkdir workflows
cat >workflows/all.yaml <<'Y'
workflows:
  outer: { tasks: { first: { queue: step, starts: [inner] }, inner: { workflow: inner, starts: [next] }, next: { queue: step } } }
  inner: { tasks: { read: { queue: step }, deep: { workflow: deep, after: read } } }
  deep: { tasks: { end: { queue: step } } }
Y
cat >reeve.yaml <<'Y'
store: sqlite:nested.db
shutdown_grace: 5s
defaults: { lease: 5s, restart: { max_delay: 200ms } }
queues:
  step: { run: "exit 0" } # one worker: its steps can be counted
Y
is() { [ "$(job_status "$1")" = "$2" ]; }

# dies STEP: one process dies there; the outer job still ends, each step done once in the end. Who is at the
# step depends on who is faster: where a job has ended without a death there is another one.
dies() {
	rm -f died
	use_store
	job=$(reeve start outer)
	export REEVE_DIE_AT="$1" REEVE_DIE_ONCE="$home/died" REEVE_NESTED_LOOK_MS=3000
	start_reeve
	unset REEVE_DIE_AT REEVE_DIE_ONCE
	started=1
	has_died_or_ended() { test -e died || is "$job" completed; }
	eventually 60 has_died_or_ended
	while [ ! -e died ] && [ $started -lt 10 ]; do
		job=$(reeve start outer)
		started=$((started + 1))
		eventually 60 has_died_or_ended
	done
	test -e died || fail "no death at $1 in $started jobs"
	eventually 60 is "$job" completed
	same "death at $1: three jobs each" "$(reeve jobs --json | json 'sorted((w, s, sum(j["workflow"] == w and j["status"] == s for j in v))
		for w, s in {(j["workflow"], j["status"]) for j in v})')" \
		"[[\"deep\", \"completed\", $started], [\"inner\", \"completed\", $started], [\"outer\", \"completed\", $started]]"
	stop_reeve
}
for step in keeper/nested-started keeper/nested-started:2 keeper/committed keeper/committed:2 keeper/committed:3 \
	keeper/advanced:4 keeper/leased:2 worker/nested-held worker/committed:2 worker/committed:3 worker/advanced:3; do
	dies "$step"
done
