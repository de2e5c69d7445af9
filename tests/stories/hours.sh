#!/bin/sh
# Hours of a queue: closed, its tasks wait and its workers drain; open, they start, by a reload or by the
# clock.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

# write_config FROM TO: the window of the queue, UTC
write_config() {
	cat >reeve.yaml <<Y
store: sqlite:$home/reeve.db
shutdown_grace: 5s
queues:
  night: { run: [sh, work.sh], workers: 2, hours: { from: "$1", to: "$2" } }
  free: { run: "exit 0" }
Y
}
at() { date -u -d "$1" +%H:%M; }
# A task ends when the file go is there.
echo 'until [ -f go ]; do sleep 0.1; done' >work.sh
of() { reeve status --json | json "v['queues']['night']['$1']"; }
is_of() { [ "$(of "$1")" = "$2" ]; }
is() { [ "$(reeve task "$1" --json | json 'v["status"]')" = "$2" ]; }

# Open from ten minutes ago, for an hour.
write_config "$(at '-10 minutes')" "$(at '+50 minutes')"
# shellcheck disable=SC2119
start_reeve
eventually 30 is_of workers 2
same "an open queue is closed until nothing" "$(of closed_until)" null
task=$(reeve push night 1)
eventually 30 is "$task" working

# Closes by a reload, from now on for hours: the task that runs is not touched.
write_config "$(at '+2 hours')" "$(at '+3 hours')"
contains "hours are taken over live" "$(reeve check)" "night: changed while its workers go on"
exits 0 reeve reload
eventually 30 is_of workers 1
same "the busy worker goes on" "$(reeve task "$task" --json | json 'v["status"], v["attempt"]')" '["working", 1]'
contains "status says until when" "$(of closed_until)" "T$(at '+2 hours')"
contains "and for people" "$(reeve status)" "closed until"
waits=$(reeve push night 2)
same "explain says closed" "$(reeve explain night --json | json 'v["status"]')" closed
contains "and until when" "$(reeve explain night)" "closed by its hours until"
same "and does not look for its workers" "$(reeve explain night | grep -c 'starting, or die')" 0
touch go
eventually 30 is "$task" completed
eventually 30 is_of workers 0
saw "then it ends too"
is "$waits" queued || fail "a task of a closed queue was taken"
host() { reeve status --all --json | json 'v["queues"]["night"]["capacity"]'; }
no_capacity() { [ "$(host)" = 0 ]; }
eventually 30 no_capacity
saw "for the others it has no capacity"

# Opens by the clock, at the next full minute.
write_config "$(at '+1 minute')" "$(at '+3 hours')"
exits 0 reeve reload
eventually 90 is "$waits" completed
saw "the window opens by the clock"
same "and it is told" "$(of closed_until)" null

# Closes by the clock, at the next full minute: the worker that is busy finishes its task, the other ends.
rm go
task=$(reeve push night 3)
eventually 30 is "$task" working
eventually 30 is_of workers 2
write_config "$(at '-10 minutes')" "$(at '+1 minute')"
exits 0 reeve reload
closes() { [ "$(of closed_until)" != null ]; }
eventually 90 closes
saw "and closes by it"
eventually 30 is_of workers 1
same "the busy worker goes on then too" "$(reeve task "$task" --json | json 'v["status"], v["attempt"]')" '["working", 1]'
waits=$(reeve push night 4)
touch go
eventually 30 is "$task" completed
eventually 30 is_of workers 0
is "$waits" queued || fail "a task of a closed queue was taken"
saw "its workers are gone and what comes waits"
stop_reeve

# What waits for a closed queue is not done: --until-idle ends after the window has opened.
start_reeve --until-idle
eventually 30 is "$(reeve push free 1)" completed
eventually 30 grep -q "night is closed until" log
same "beside it others are worked on" "$(of closed_until | cut -c1)$(reeve task "$waits" --json | json 'v["status"]')" 2queued
kill -0 "$supervisor" || fail "it ended although a task waits for its window"
write_config "$(at '-10 minutes')" "$(at '+3 hours')"
exits 0 reeve reload
ended=0
wait "$supervisor" || ended=$?
supervisor=
same "it ends when that is done" "$ended $(reeve task "$waits" --json | json 'v["status"]')" "0 completed"
