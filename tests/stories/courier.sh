#!/bin/sh
# Tasks travel through the broker; foreign messages of every format become tasks; what can't be
# understood stands with the dead and says why.
. "$STORIES/lib.sh"
. "$STORIES/broker.sh"

use_fan 300
cat >reeve.yaml <<'Y'
store: sqlite:x.db
defaults: { retries: { delay: 100ms } }
queues:
  read: { run: [./read.sh] }
  row: { workers: 3, type: noop }
  gate: { type: sync }
  report: { run: [./effect.sh] }
  mail: { run: [./effect.sh] }
  plain: { format: raw, run: [./effect.sh] }
  old: { format: sqjobs, run: [./effect.sh] }
Y
use_store
start_reeve

job=$(reeve start fan)
reeve job "$job" --wait >/dev/null || fail "the job: $(reeve explain "$job")"
same "a job of 303 tasks" "$(reeve tasks "$job" --json | json 'len(v)')" 303
same "one report" "$(wc -l <seen.report)" 1
same "all its rows went out" "$(door row sent)" 300
same "and came back" "$(door row received)" 300
same "gates stay at home" "$(reeve status --json | json 'v["queues"]["gate"]["broker"]["sent"]')" 0
# Send, receive and ack in tens: 0.3 requests a task are the least that SQS allows.
[ "$(door row requests)" -le 105 ] || fail "$(door row requests) requests for 300 tasks"
saw "$(door row requests) requests for 300 tasks"

same "a pushed task travels too" "$(reeve push mail '{"to":"a"}' --wait >id && door mail sent)" 1
# One of another store, one that has ended, one of this store that is not there (ids end in its tag).
gone=00000000$(cut -c 9- id)
tell mail '{"to":"b"}' 'not JSON' '{"task_id":"nobody"}' "{\"task_id\":\"$(cat id)\"}" "{\"task_id\":\"$gone\"}"
eventually 20 sh -c '[ "$(grep -c to\":\"b envelopes.mail)" -eq 1 ]'
saw "a foreign object is a payload"
eventually 20 sh -c "[ \"\$(\"$REEVE\" -c reeve.yaml dead mail --json | grep -c '\"id\"')\" -eq 2 ]"
reasons=$(reeve dead mail)
contains "a text that is not JSON is dead" "$reasons" "not JSON"
contains "so is a stranger's reference" "$reasons" "refers to task nobody"
exits 0 reeve push mail '{"to":"c"}' --wait
same "a reference to a task that was deleted is acked and counted" "$(door mail unknown)" 2
same "one to a task that has ended does nothing" "$(sort seen.mail | uniq -d)" ""
same "three tasks ran" "$(wc -l <seen.mail)" 3

tell plain hello '{"a": 1}'
eventually 20 sh -c '[ "$(wc -l <seen.plain)" -eq 2 ]'
contains "a raw text is a text" "$(cat envelopes.plain)" '"payload":"hello"'
contains "raw JSON is JSON" "$(cat envelopes.plain)" '"payload":{"a":1}'

# Python's of 0.7 ({"id": "cea463c3-…", "name": "adder", "args": [1, 2], "kwargs": {…}}), twice; PHP's.
python=eyJpZCI6ICJjZWE0NjNjMy1lMzU5LTQ2Y2YtYjUyMS04NzIyODEyMGMzNmEiLCAibmFtZSI6ICJhZGRlciIsICJhcmdzIjogWzEsIDJdLCAia3dhcmdzIjogeyJ3aGVuIjogIjIwMjAtMDEtMDIgMDM6MDQ6MDUiLCAicyI6ICJcdTAwZTkiLCAiZiI6IDEuNX19
tell old $python $python eyJuYW1lIjoibWFpbCIsImFyZ3MiOlsiYSJdLCJrd2FyZ3MiOltdfQ== '?'
eventually 20 sh -c '[ "$(cat seen.adder)" = cea463c3-e359-46cf-b521-87228120c36a ]'
saw "sqjobs' id is the task's, and runs once"
eventually 20 sh -c 'grep -q "\"kwargs\":{}" envelopes.mail'
saw "PHP's empty map is a map"
eventually 20 sh -c "\"$REEVE\" -c reeve.yaml dead old | grep -q 'not base64'"
same "the same message twice is one task" "$(wc -l <seen.adder)" 1

reeve pause plain
eventually 20 sh -c "[ \"\$(\"$REEVE\" -c reeve.yaml status --json | tr ',' '\n' | grep -c '\"paused\":true')\" -eq 1 ]"
received=$(door plain received)
sleep 1.5 # whatever waited at the broker has been called back: nothing tells when
tell plain later
sleep 1
same "a paused queue takes nothing in" "$(door plain received)" "$received"
reeve resume plain
# A poll that was cut off may have taken the message with it, for as long as SQS hides it.
eventually 60 sh -c 'grep -q later envelopes.plain'
saw "and goes on when it is resumed"
stop_reeve
same "it drains" "$drained" 0
