#!/bin/sh
# A store file of schema 1, made by an older reeve that was killed in the middle of a job: this one
# opens it and goes on, and nothing of it is lost. schema1.sql is that file as text.
. "$STORIES/lib.sh"

J=01a20508-9371-7bed-adb5-9cca2db3a9b0
dead=01a20508-929b-7f57-866c-b10114513304
done=01a20508-9300-74ab-b300-eebf1385c0c2
cat >reeve.yaml <<'Y'
store: sqlite:old.db
retention: { completed: forever, failed: forever }
queues:
  read: { type: split, split: { payload_key: rows, slice_size: 1 } }
  row: { run: "exit 0" }
  gate: { type: sync }
  report: { run: "exit 0" }
  mail: { run: "exit 0" }
  broken: { run: "exit 65" }
Y
db() {
	/usr/bin/python3 -c 'import sqlite3, sys
db = sqlite3.connect("old.db", isolation_level=None)
if sys.argv[1] == "load":
    db.executescript(open(sys.argv[2], encoding="utf-8").read())
else:
    print(*db.execute(sys.argv[1]).fetchone())' "$@"
}
db load "$STORIES/schema1.sql"
same "the file is of schema 1" "$(db 'PRAGMA user_version')" 1
count=$(reeve tasks --json | json 'len(v)')
same "every task is there" "$count" 14
same "the file is of schema 5" "$(db 'PRAGMA user_version')" 5
same "depths are as they were" \
	"$(db "SELECT sum(depth), sum(delayed), sum(dead), sum(completed) FROM queue")" "4 1 1 7"
same "the store has a tag" "$(db "SELECT count(*) FROM meta WHERE name = 'tag' AND value > 0")" 1
start_reeve
exits 0 reeve job "$J" --wait
same "the job of the older reeve completes" "$(job_status "$J")" completed
same "all its rows ran" "$(reeve job "$J" --json | json 'v["tasks"]["row"]')" '{"completed": 8}'
mail_is_done() { [ "$(db "SELECT completed FROM queue WHERE name = 'mail'")" = 3 ]; }
eventually 20 mail_is_done
saw "what was queued and delayed ran"
same "the dead one is dead" "$(reeve task "$dead" --json | json 'v["status"]')" invalid_payload
same "a payload is as it was" "$(reeve task "$done" --json | json 'v["payload"]["a"]')" ü
reeve push mail '"new"' --wait >/dev/null
saw "new work runs"
stop_reeve
same "the file is sound" "$(db 'PRAGMA integrity_check')" ok
