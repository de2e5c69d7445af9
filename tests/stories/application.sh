#!/bin/sh
# What an application asks for in SQL, in transactions of its own, while reeve runs. Run it through
# with_postgres.sh.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

: "${REEVE_TEST_POSTGRES:?run it through with_postgres.sh}"
ask() { psql -XAtq -c "$1" "$REEVE_TEST_POSTGRES"; }

mkdir workflows
cat >workflows/join.yaml <<'Y'
name: join
tasks:
  csv: { queue: work }
  xml: { queue: work }
  both: { queue: work, after: [csv, xml] }
Y
echo '{ "name": "broken", "tasks": { "a": { "queue": "work", "starts": ["b"] } } }' >broken.json
cat >work.sh <<'S'
#!/bin/sh
cat >>payloads
echo >>payloads
S
chmod +x work.sh
cat >reeve.yaml <<Y
store: "$REEVE_TEST_POSTGRES"
queues:
  work: { workers: 2, run: [./work.sh] }
Y
# shellcheck disable=SC2119
start_reeve
reeve jobs >/dev/null # the store is there
ask "BEGIN; SELECT reeve.push('work', '\"undone\"'); SELECT reeve.start('join', '{\"undone\": 1}'); ROLLBACK" \
	>/dev/null
job=$(ask "SELECT reeve.start('join', '{\"day\": 7}')")
task=$(ask "SELECT reeve.push('work', '{\"n\": 8}')")
has_completed() { "$REEVE" -c reeve.yaml "$1" "$2" --json | grep -q "\"status\": *\"completed\""; }
eventually 30 has_completed job "$job"
saw "a job that was asked for in SQL is started and completes"
eventually 30 has_completed task "$task"
saw "a task that was pushed in SQL is done"
contains "with its payload" "$(cat payloads)" '"payload":{"n":8}'
same "what was rolled back is nowhere" "$(grep -c undone payloads || true)" 0
same "of jobs there is one" "$(ask "SELECT count(*) FROM reeve.job")" 1

exits 1 ask "SELECT reeve.start('join', '[]')"
contains "what can't be is refused in the call" "$(cat err)" "the payload of a job is an object, got array"

cp broken.json workflows/
job=$(ask "SELECT reeve.start('broken')")
is_refused() { [ -n "$(ask "SELECT failed FROM reeve.start WHERE id = '$job'")" ]; }
eventually 30 is_refused
exits 1 reeve job "$job"
contains "who asks for the job is told why there is none" "$(cat err)" "job $job was not started: "
contains "so is the log" "$(cat log)" "job $job of workflow broken is not started"
