#!/bin/sh
# Stopping: in time, out of time, at once; one supervisor per file; until there is nothing to do.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >handler.sh <<'SH'
cat >/dev/null
echo started >>started
while [ ! -e go ]; do sleep 0.05; done
echo ended >>ended
SH
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
shutdown_grace: 20s
queues:
  mail: { run: [sh, handler.sh], workers: 2, lease: 5s }
YAML
use_store

begun() { [ -s started ]; }
status_of() { reeve task "$1" --json | json 'v["status"]'; }

start_reeve
exits 1 reeve run
contains "a second run is refused with the first's pid" "$(cat err)" "pid $supervisor already runs"
task=$(reeve push mail 1)
eventually 20 begun
kill -TERM "$supervisor"
kill -TERM "$supervisor"
eventually 20 grep -q "workers end after their tasks" log
kill -0 "$supervisor" || fail "the supervisor did not wait for the task"
: >go
code=0
wait "$supervisor" || code=$?
supervisor=
same "a drain in time exits 0" "$code" 0
same "the task ended by itself" "$(status_of "$task")" completed

rm go started
sed -i 's/20s/1s/' reeve.yaml
start_reeve
task=$(reeve push mail 2)
eventually 20 begun
stop_reeve
same "a drain out of time exits 1" "$drained" 1
same "the task was given back" "$(status_of "$task")" queued

rm started
start_reeve
eventually 20 begun
kill -QUIT "$supervisor"
code=0
wait "$supervisor" || code=$?
supervisor=
same "a stop without grace exits 1" "$code" 1

: >go
start_reeve
done_now() { [ "$(status_of "$task")" = completed ]; }
eventually 60 done_now
saw "the next supervisor ends the task"
eventually 20 reeve stop
wait "$supervisor" && code=0 || code=$?
supervisor=
same "reeve stop drains too" "$code" 0

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  good: { run: [sh, -c, "cat >/dev/null"], workers: 2 }
  bad: { run: [sh, -c, "exit 125"] }
YAML
use_store
for n in 1 2 3 4 5; do reeve push good "$n" >/dev/null; done
exits 0 reeve run --until-idle --only good
saw "until idle: all is done, exit 0"
reeve push bad 1 >/dev/null
exits 1 reeve run --until-idle
saw "until idle: a task failed for good, exit 1"
