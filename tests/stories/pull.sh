#!/bin/sh
# One pool on several queues: strict order, weights, and all that counts the queues of a pool as one.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

# The queue as the envelope and as the environment has it.
cat >note.sh <<'SH'
sed 's/.*"queue":"\([a-z]*\)".*/\1/' >>queues
echo "$REEVE_QUEUE" >>variables
SH
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  mixed: { pull: [urgent, mail], run: [sh, note.sh], workers: 1 }
  shares: { pull: { often: 3, seldom: 1 }, run: [sh, note.sh], workers: { max: 4 } }
YAML
use_store
mkdir workflows
echo '{ "starts": ["one"], "tasks": { "one": { "queue": "urgent", "starts": ["two"] }, "two": { "queue": "mail" } } }' >workflows/tour.json
value() { reeve status --json | json 'v["queues"]["'"$1"'"]["'"$2"'"]'; }
is() { [ "$(value "$1" "$2")" = "$3" ]; }

same "a queue that a pool pulls is configured" "$(reeve check --strict 2>&1 | grep -c "not configured" || true)" 0
for _ in 1 2 3; do reeve push mail >/dev/null; done
for _ in 1 2 3; do reeve push urgent >/dev/null; done
exits 0 reeve push mail
same "nor does push wonder" "$(cat err)" ""
exits 2 reeve run --only urgent
contains "--only takes pools" "$(cat err)" "urgent is pulled by mixed: --only mixed"
exits 0 reeve run --only mixed --until-idle
# What comes by messages has an order only once it has come.
if [ -n "$broker" ]; then sort -r -o queues queues && sort -r -o variables variables; fi
same "a list is a strict order" "$(paste -sd' ' queues)" "urgent urgent urgent mail mail mail mail"
same "handlers see the task's own queue" "$(cat queues)" "$(cat variables)"

exits 0 reeve eager --queue mail
saw "eager works on a pulled queue"
rm queues
for _ in 1 2 3 4; do reeve push seldom >/dev/null; done
for _ in 1 2 3 4 5 6 7 8; do reeve push often >/dev/null; done
sed -i 's/workers: { max: 4 }/workers: 1/' reeve.yaml
exits 0 reeve run --only shares --until-idle
[ -n "$broker" ] || same "weights are shares" "$(head -n 8 queues | sort | uniq -c | tr -s ' ' | paste -sd,)" " 6 often, 2 seldom"
same "and nothing is left" "$(wc -l <queues)" 12
sed -i 's/often: 3, seldom: 1 }, run: \[sh, note.sh\], workers: 1/often: 3, seldom: 1 }, run: [sh, note.sh], workers: { max: 4 }/' reeve.yaml

# shellcheck disable=SC2119
start_reeve
same "a pool from 0" "$(value shares workers)" 0
reeve push seldom --wait >/dev/null
saw "wakes for any of its queues"
reeve push mail --wait >/dev/null
reeve push urgent --wait >/dev/null
saw "idle workers wake for each of them"
reeve start tour --wait >/dev/null
saw "a workflow goes through it"
exits 1 reeve pause mail
contains "a pause names the pool" "$(cat err)" "mixed pulls it"
exits 0 reeve pause mail --all
reeve push mail >/dev/null
reeve push urgent --wait >/dev/null
eventually 20 is mixed depth 1
saw "a pulled queue can be paused alone"
contains "explain says so" "$(reeve explain mail)" "queue mail is paused on every host"
contains "of the pool too" "$(reeve explain mixed)" "queue mail is paused on every host"
exits 0 reeve resume mixed --all
eventually 20 is mixed depth 0
saw "a pool's name stands for all that it pulls"
sed -i 's/pull: \[urgent, mail\]/pull: [mail, other]/' reeve.yaml
same "another list rolls the pool" "$(reeve reload --json | json '[c["change"] for c in v["changes"] if c["change"] != "none"]')" '["roll"]'
reeve push other --wait >/dev/null
saw "and its workers take the new queue"
