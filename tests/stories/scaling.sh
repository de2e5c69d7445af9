#!/bin/sh
# The number of workers follows the load: from 0 and back to 0, never by way of a busy worker, and
# not while it is set by hand.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

# Notes every signal that it gets, and ends when there is a file of its payload's name.
cat >work.sh <<'SH'
for signal in TERM INT HUP USR1 USR2; do
	trap "echo $signal >>signalled" $signal
done
file=$(sed 's/.*"payload":"\([a-z]*\)".*/\1/')
until [ -f "$file" ]; do sleep 0.1; done
SH
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
defaults: { run: [sh, work.sh], workers: { max: 4 }, scale: { window: 2s } }
queues:
  mail: {}
  rows: { scale: { strategy: depth, messages_per_worker: 1 } }
YAML
use_store
touch now
value() { reeve status --json | json 'v["queues"]["'"$1"'"]["'"$2"'"]'; }
is() { [ "$(value "$1" "$2")" = "$3" ]; }

start_reeve
same "a queue without tasks starts without workers" "$(value mail workers) $(value mail desired)" "0 0"
eventually 30 is mail depth 0 # before that nobody has looked
same "and nothing holds it up" "$(reeve explain mail --json | json 'v["status"], v["findings"]')" '["idle", []]'
reeve push mail '"now"' --wait >/dev/null
saw "its first task wakes it"
eventually 30 is mail workers 0
saw "with nothing to do it goes back to 0"

for _ in 1 2 3 4 5 6; do reeve push rows '"go"' >/dev/null; done
eventually 30 is rows busy 4
eventually 30 is rows depth 2
same "it grows to max and no further" "$(value rows workers) $(value rows desired)" "4 4"
limited() { reeve explain rows | grep -q "limited to 4 workers: its max"; }
eventually 30 limited
contains "status says so too" "$(reeve status)" "limited: max"

sed -i 's/workers: { max: 4 }/workers: { max: 1 }/' reeve.yaml
same "bounds are live" "$(reeve reload --json | json '[c["change"] for c in v["changes"]]')" '["live", "live"]'
same "a lower max counts at once" "$(value rows desired)" 1
reeve push mail '"now"' --wait >/dev/null
same "but busy workers end after their task" "$(value rows busy)" 4
touch go
eventually 30 is rows completed 6
[ ! -e signalled ] || fail "a busy handler got $(cat signalled)"
saw "no handler was signalled"
eventually 30 is rows workers 0

reeve scale rows 3 >/dev/null
eventually 30 is rows workers 3
contains "a count by hand is shown" "$(reeve status)" "set by hand"
reeve push mail '"now"' --wait >/dev/null
eventually 30 is mail workers 0
same "it holds while others shrink" "$(value rows workers)" 3
reeve reload >/dev/null
eventually 30 is rows workers 0
saw "until a reload"
reeve scale rows 0 >/dev/null
held=$(reeve push rows '"now"')
eventually 30 is rows depth 1
reeve push mail '"now"' --wait >/dev/null
same "set to 0 it does not wake" "$(value rows workers)" 0
contains "explain names the hand" "$(reeve explain rows)" "was set to 0 by hand"
reeve reload >/dev/null
eventually 30 sh -c "'$REEVE' -c reeve.yaml task $held --json | grep -q completed"
saw "until a reload wakes it"

eventually 30 is rows workers 0
reeve pause rows >/dev/null
held=$(reeve push rows '"now"')
eventually 30 is rows depth 1
reeve push mail '"now"' --wait >/dev/null
same "a paused queue does not wake" "$(value rows workers)" 0
reeve resume rows >/dev/null
eventually 30 sh -c "'$REEVE' -c reeve.yaml task $held --json | grep -q completed"
saw "a resumed one does"
[ ! -e signalled ] || fail "a handler got $(cat signalled)"
stop_reeve
same "the drain is clean" "$drained" 0
