#!/bin/sh
# Counts, pauses, restarts and logs of a running supervisor, by command and by signal.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  mail: { run: [sh, -c, "cat >/dev/null; echo seen by the handler"], workers: { min: 1, max: 2 } }
  rows: { run: [cat] }
YAML
use_store
start_reeve
value() { reeve status --json | json 'v["queues"]["mail"]["'"$1"'"]'; }
is() { [ "$(value "$1")" = "$2" ]; }

eventually 20 is workers 1
same "status shows the range" "$(value min) $(value max)" "1 2"
same "what is not known is null" "$(value closed_until)" null
reeve scale mail +2 >/dev/null
eventually 20 is workers 3
reeve scale mail 0 >/dev/null
eventually 20 is workers 0
kill -TTIN "$supervisor"
eventually 20 is workers 1
kill -TTOU "$supervisor"
eventually 20 is workers 0
saw "scale and TTIN, TTOU change the count"
reeve reload >/dev/null
eventually 20 is workers 1
saw "until the next reload"
exits 1 reeve scale nobody 1
exits 2 reeve scale mail many
saw "an unknown queue and a bad count are refused"

reeve pause mail >/dev/null
same "a pause is shown" "$(value paused)" true
task=$(reeve push mail 1)
again=$(reeve push rows 1)
eventually 20 sh -c "'$REEVE' -c reeve.yaml task $again --json | grep -q completed"
same "a paused queue takes nothing" "$(reeve task "$task" --json | json 'v["status"]')" queued
reeve resume mail >/dev/null
eventually 20 sh -c "'$REEVE' -c reeve.yaml task $task --json | grep -q completed"
saw "a resumed one goes on"

contains "logs show the handler's output" "$(reeve logs mail)" "seen by the handler"
contains "logs of a task" "$(reeve logs "$task")" "seen by the handler"
case $(reeve logs rows) in *"seen by"*) fail "logs rows shows mail's" ;; esac
reeve logs -f >followed &
follower=$!
reeve push mail 2 --wait >/dev/null
twice() { [ "$(grep -c "seen by the handler" followed)" = 2 ]; }
eventually 20 twice
saw "logs -f goes on"

before=$(reeve status --json | json 'sorted(w["pid"] for w in v["workers"])')
reeve restart >/dev/null
other() { [ "$(reeve status --json | json 'len(v["workers"]) >= 2 and not set(w["pid"] for w in v["workers"]) & set('"$before"')')" = true ]; }
eventually 20 other
saw "restart replaces every worker"

stop_reeve
same "the drain is clean" "$drained" 0
wait "$follower" || fail "logs -f: exit $?"
saw "logs -f ends with the supervisor"
exits 75 reeve scale mail 1
contains "without a supervisor: a sentence" "$(cat err)" "no supervisor is running"
