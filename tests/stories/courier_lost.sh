#!/bin/sh
# The answer to a courier's claim is lost on its way: what was claimed goes out all the same, long before
# the claim would lapse.
. "$STORIES/lib.sh"

cat >reeve.yaml <<'Y'
store: sqlite:x.db
queues:
  mail: { run: 'echo "$REEVE_TASK_ID" >>seen' }
  other: { type: noop }
Y
use_store
: >pushed
for i in 1 2 3 4 5; do reeve push mail "$i" >>pushed; done
export REEVE_LOSE_CLAIM=1
start_reeve
unset REEVE_LOSE_CLAIM
is_lost() { grep -q "the answer to a claim is lost" log; }
eventually 20 is_lost
since=$(date +%s)
all_seen() { [ -e seen ] && [ "$(sort -u seen)" = "$(sort pushed)" ]; }
# Others go on meanwhile.
eventually 20 reeve push other 1 --wait
saw "what is pushed later is not held up"
eventually 90 all_seen
took=$(($(date +%s) - since))
[ $took -lt 100 ] || fail "it took $took s, as if the claim had lapsed"
saw "what was claimed unheard goes out"
same "each task once" "$(sort seen | uniq -d)" ""
stop_reeve
