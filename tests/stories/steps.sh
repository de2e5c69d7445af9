#!/bin/sh
# A process dies at each named step on the way of a task (docs/architecture.md); the job still ends
# completed, with each effect and one successor of its gate.
. "$STORIES/lib.sh"

use_fan 20
cat >reeve.yaml <<'Y'
store: sqlite:steps.db
shutdown_grace: 4s
defaults: { lease: 5s, restart: { max_delay: 200ms } }
queues:
  read: { run: [./read.sh] }
  row: { workers: 2, run: [./effect.sh] }
  gate: { type: sync }
  report: { run: [./effect.sh] }
Y
use_store

# dies STEP [KILL]: one process dies at STEP; KILL: a worker is killed too, for the keeper's steps
dies() {
	rm -f seen.* died
	use_store
	job=$(reeve start fan)
	export REEVE_DIE_AT="$1" REEVE_DIE_ONCE="$home/died"
	start_reeve
	unset REEVE_DIE_AT REEVE_DIE_ONCE
	if [ -n "${2:-}" ]; then
		kill -KILL "$(reeve status --json | json '[w["pid"] for w in v["workers"] if w["queue"] == "row"][0]')"
	fi
	eventually 30 test -e died
	reeve job "$job" --wait >/dev/null || fail "$1: $(reeve explain "$job")"
	[ "$(sort -u seen.row | wc -l)" -eq 20 ] || fail "$1: $(sort -u seen.row | wc -l) of 20 rows"
	[ "$(sort -u seen.report | wc -l)" -eq 1 ] || fail "$1: more than one report"
	[ "$(reeve tasks "$job" --json | json 'len(v)')" -eq 23 ] || fail "$1: not 23 tasks"
	stop_reeve
	saw "death at $1"
}

for step in leased running ran spawned advanced store-commit store-committed committed; do
	dies "worker/$step"
	[ $step = spawned ] || [ -n "${REEVE_TEST_QUICK:-}" ] || dies "worker/$step:2"
done
dies keeper/release kill
dies keeper/released kill
