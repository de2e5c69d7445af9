#!/bin/sh
# Two supervisors share a queue, and on one of them each worker dies with its first task: the other gets
# all of it. And what a supervisor says that it has follows commands and reloads.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  line: { run: "exit 0", workers: { min: 1, max: 6 }, scale: { strategy: depth, messages_per_worker: 1, window: 2s } }
YAML
use_store
cp reeve.yaml other.yaml
fleet() { reeve status --all --json | json "$1"; }
is_fleet() { [ "$(fleet "$1")" = "$2" ]; }
mine='[h["queues"]["line"]["capacity"] for h in v["hosts"] if h["config"].endswith("reeve.yaml")]'
its='[h["queues"]["line"]["capacity"] for h in v["hosts"] if h["config"].endswith("other.yaml")]'

# shellcheck disable=SC2119
start_reeve
REEVE_DIE_AT=worker/leased "$REEVE" -c other.yaml run >>log2 2>&1 &
others=$!
eventually 30 is_fleet "$its" "[6]"
pushed=0
has_given_up() {
	pushed=$((pushed + 1))
	reeve push line "$pushed" >/dev/null
	is_fleet "$its" "[0]"
}
eventually 60 has_given_up
saw "where every worker dies again and again nobody counts on them"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do reeve push line 0 >/dev/null; done
eventually 60 is_fleet 'v["queues"]["line"]["completed"]' $((pushed + 12))
saw "the other does all"

same "it has what max allows" "$(fleet "$mine")" "[6]"
exits 0 reeve scale line 2
eventually 30 is_fleet "$mine" "[2]"
saw "a count by hand is what it has"
sed -i 's/max: 6/max: 9/' reeve.yaml
exits 0 reeve reload
eventually 30 is_fleet "$mine" "[9]"
saw "until a reload"
exits 0 reeve pause line
eventually 30 is_fleet "$mine" "[0]"
saw "a paused queue has nothing"
kill -KILL "$others"
eventually 30 is_fleet "$its" "[]"
saw "a killed supervisor's heartbeat goes with its keeper"
stop_reeve
same "the drain is clean" "$drained" 0
