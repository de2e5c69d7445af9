#!/bin/sh
# A pooler before PostgreSQL: in session mode all works; in any other mode reeve says what it needs.
# Run it through with_pgbouncer.sh.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

: "${REEVE_TEST_PGBOUNCER:?run it through with_pgbouncer.sh}"
mkdir workflows
cat >workflows/join.yaml <<'Y'
name: join
tasks:
  csv: { queue: work }
  xml: { queue: work }
  both: { queue: work, after: [csv, xml] }
Y
cat >work.sh <<'S'
#!/bin/sh
echo '{"done":1}' >&"$REEVE_FD"
S
chmod +x work.sh
config() {
	cat >reeve.yaml <<Y
store: "$REEVE_TEST_PGBOUNCER/$1?schema=pooled"
queues:
  work: { workers: 4, run: [./work.sh] }
Y
}

for mode in transaction statement; do
	config $mode
	exits 2 reeve check
	contains "check names the mode that it needs ($mode)" "$(cat err)" "pool_mode = session"
	exits 2 reeve push work 1
	contains "so does a command ($mode)" "$(cat err)" "needs its session mode"
	"$REEVE" -c reeve.yaml run >"$home/log" 2>&1 &
	supervisor=$!
	eventually 20 grep -q "needs its session mode" log
	saw "so does the log of run ($mode)"
	kill -QUIT $supervisor
	wait $supervisor 2>/dev/null || true
	supervisor=
done
same "nothing was made" "$(psql -XAt -c "SELECT count(*) FROM pg_namespace WHERE nspname = 'pooled'" \
	"$REEVE_TEST_POSTGRES")" 0

config session
exits 0 reeve check
# shellcheck disable=SC2119
start_reeve
job=$(reeve start join --wait)
contains "a job with a gate completes through a pooler in session mode" "$(reeve job "$job" --json)" '"completed"'
i=0
while [ $i -lt 20 ]; do
	reeve push work $i >/dev/null
	i=$((i + 1))
done
last=$(reeve push work 20 --wait)
contains "and pushed tasks do" "$(reeve task "$last" --json)" '"completed"'
eventually 30 sh -c "\"$REEVE\" -c reeve.yaml status --json | grep -q '\"depth\": *0'"
kill -TERM $supervisor
wait $supervisor || fail "run: exit $?"
supervisor=
saw "and all of it drains"
