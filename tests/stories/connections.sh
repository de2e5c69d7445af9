#!/bin/sh
# What reeve takes of a PostgreSQL server's connections, and what it says of a server that gives too few.
# Run it through with_postgres.sh.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

: "${REEVE_TEST_POSTGRES:?run it through with_postgres.sh}"
ask() { psql -XAt -c "$1" "$REEVE_TEST_POSTGRES"; }
held() { ask "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reeve'"; }
holds() { [ "$(held)" -eq "$1" ]; }
made() { grep -c "connection authorized.*application_name=reeve" "$REEVE_TEST_POSTGRES_DIR/log" || true; }
has_made() { [ "$(made)" -ge "$1" ]; }

cat >work.sh <<'S'
#!/bin/sh
until [ -e go ]; do sleep 0.05; done
S
chmod +x work.sh
cat >reeve.yaml <<Y
store: "$REEVE_TEST_POSTGRES?schema=places"
queues:
  work: { workers: 5, run: [./work.sh] }
Y
exits 0 reeve check
same "of a server that gives enough nothing is said" "$(cat err)" ""
start_reeve
eventually 30 holds 2
saw "idle workers hold no connection: the keeper has one, the listener has one"
keeper=$(reeve status --json | sed -n 's/.*"pid": *\([0-9]*\), *"name": *"keeper".*/\1/p')
[ "$(grep -c libpq "/proc/$keeper/maps")" -gt 0 ] || fail "the keeper has opened libpq"
same "the supervisor has nothing of libpq in its memory" "$(grep -c libpq "/proc/$supervisor/maps" || true)" 0
i=0
while [ $i -lt 5 ]; do
	reeve push work $i >/dev/null
	i=$((i + 1))
done
eventually 30 holds 7
saw "busy ones hold one each"
touch go
eventually 30 holds 2
saw "and give it back after their task"
ask "ALTER SYSTEM SET log_connections = on" >/dev/null
ask "SELECT pg_reload_conf()" >/dev/null
# Each of them looks by itself after half a minute.
eventually 60 has_made 5
eventually 10 holds 2
saw "a look does not keep it either"
kill -TERM $supervisor
wait $supervisor || fail "run: exit $?"
supervisor=

ask "ALTER DATABASE postgres CONNECTION LIMIT 60" >/dev/null
cat >reeve.yaml <<Y
store: "$REEVE_TEST_POSTGRES?schema=places"
queues:
  work: { workers: { max: 50 }, run: ['true'] }
  mail: { workers: { max: 40 }, run: ['true'] }
Y
exits 0 reeve check
contains "check says that the connections can't be enough" "$(cat err)" \
	"at its most this host holds 93 connections, and the server gives 60"
start_reeve
eventually 20 grep -q "this host holds 93 connections" log
same "run says so once" "$(grep -c "this host holds" log)" 1
kill -TERM $supervisor
wait $supervisor || true
supervisor=
: >log
start_reeve --only mail
reeve push mail 1 --wait >/dev/null # the keeper is at work
kill -TERM $supervisor
wait $supervisor || true
supervisor=
same "run counts what it runs" "$(grep -c "this host holds" log || true)" 0
sed -i 's|^store: .*|store: "postgres://nobody@127.0.0.1:1/none"|' reeve.yaml
exits 0 reeve check
contains "check does not need the server" "$(cat err)" "it was not looked at"
