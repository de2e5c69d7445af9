#!/bin/sh
# A gate's counter is wrong: the keeper recounts, says so, and the job goes on to its end.
. "$STORIES/lib.sh"

mkdir workflows
cat >workflows/flow.yaml <<'Y'
name: flow
tasks:
  first: { queue: first }
  last: { queue: last, after: [first] }
Y
cat >reeve.yaml <<'Y'
store: sqlite:recount.db
queues:
  first: { run: "exit 0" }
  last: { run: "exit 0" }
Y
job=$(reeve start flow)
right=$(reeve start flow)
/usr/bin/python3 - "$job" <<'P'
import sqlite3, sys
db = sqlite3.connect("recount.db", isolation_level=None)
changed = db.execute("UPDATE counter SET pending = pending + 3 "
                     "WHERE job = (SELECT id FROM job WHERE uuid = ?)", (sys.argv[1],)).rowcount
assert changed == 1, changed
P
start_reeve
exits 0 reeve job "$right" --wait
has_completed() { [ "$(job_status "$job")" = completed ]; }
eventually 60 has_completed
saw "the job with the wrong counter completed"
contains "the log says so" "$(cat log)" "gate last of job $job waited for 3 tasks that are not there; mended"
same "a right counter is left alone" "$(grep -c 'not there; mended' log)" 1
stop_reeve
