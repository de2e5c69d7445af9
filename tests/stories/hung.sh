#!/bin/sh
# Built-in processes that hang are replaced, and a worker whose handler outlives its time-out.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

# Looks are faster here than an idle worker shows life, so there is none.
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
shutdown_grace: 5s
queues:
  slow: { workers: 0, timeout: 1s, kill_after: 200ms, run: '[ $REEVE_ATTEMPT -gt 1 ] || sleep 600' }
YAML
use_store
export REEVE_HUNG_LOOK_MS=300
start_reeve
pid_of() { reeve status --json | json '"".join(str(p["pid"]) for p in v["processes"] if p["name"] == "'"$1"'")'; }
is_up() { [ "$(reeve status --json | json 'len([p for p in v["processes"]])')" = "$1" ]; }
names=$(reeve status --json | json '" ".join(p["name"] for p in v["processes"])')
contains "there is a keeper" "$names" keeper
sleep 5 # more than 12 looks
case $(cat log) in *"no life"*) fail "who is well is left alone" ;; esac
saw "who is well is left alone: $names"
for name in $names; do
	pid=$(pid_of "$name")
	kill -STOP "$pid"
	is_replaced() { now=$(pid_of "$name") && [ -n "$now" ] && [ "$now" != "$pid" ]; }
	eventually 60 is_replaced
	contains "$name is replaced when it hangs" "$(cat log)" "$name (pid $pid) has shown no life"
done
stop_reeve
same "it drains" "$drained" 0

sed -i 's/workers: 0/workers: 1/' reeve.yaml
export REEVE_OVERLOOK_TIMEOUTS=1
task=$(reeve push slow)
start_reeve
is_done() { [ "$(reeve task "$task" --json | json 'v["status"]')" = completed ]; }
eventually 60 is_done
contains "a worker past its task's time is ended" "$(cat log)" "past the end of its task's time, with task $task"
contains "that is the cause of its death" "$(reeve task "$task" --json | json 'v["trace"][0]["message"]')" \
	"hung: was past its task's time and was killed"
