#!/bin/sh
# Queues of `type: program`: programs that pull for themselves are started, counted, restarted, paused,
# replaced and ended like workers, and are given no tasks.
. "$STORIES/lib.sh"
mkdir pids
cat >legacy.sh <<'S'
#!/bin/sh
# Notes that it runs, and ends as it is asked to.
trap 'rm "pids/$$"; echo "legacy says goodbye"; exit 0' TERM
echo "$GREETING" >"pids/$$"
echo "legacy pulls as $REEVE_QUEUE ${REEVE_FD:-without a channel}"
while :; do
	sleep 0.05 &
	wait
done
S
cat >stubborn.sh <<'S'
#!/bin/sh
trap '' TERM
touch stubborn.up
while :; do sleep "$NAP"; done
S
cat >ends.sh <<'S'
#!/bin/sh
echo start >>ends.log
echo "out of luck" >&2
exit 3
S
chmod +x ./*.sh
cat >reeve.yaml <<'Y'
store: sqlite:program.db
shutdown_grace: 4s
queues:
  legacy: { type: program, run: [./legacy.sh], workers: { min: 1, max: 3 }, env: { GREETING: hello }, kill_after: 2s }
  ends: { type: program, run: [./ends.sh], restart: { delay: 50ms, max_delay: 200ms } }
Y
use_store
NAP=9$$
export NAP
start_reeve
up() { [ "$(find pids -type f | wc -l)" -eq "$1" ]; }
eventually 20 up 1
first=$(ls pids)
saw "it is started"
eventually 20 grep -q "legacy pulls as legacy without a channel" log
saw "its output is in the log, and it has no channel"
eventually 20 grep -q "the program: exited with 3: out of luck" log
saw "why another one ended, too"
again() { [ "$(wc -l <ends.log)" -ge 3 ]; }
eventually 30 again
same "which is started again, with back-off" "$(reeve status --json | json 'v["queues"]["ends"]["restarts"] >= 2')" true

exits 2 reeve push legacy '{}'
contains "it is given no tasks" "$(cat err)" "queue legacy is of type program, which pulls for itself"
exits 2 reeve eager --queue legacy
contains "and explained" "$(reeve explain legacy)" "queue legacy is of type program, which pulls for itself"
exits 0 reeve scale legacy +1
eventually 20 up 2
kill -TTIN "$supervisor"
eventually 20 up 3
saw "scaled by command and signal"
same "status" "$(reeve status --json | json '[v["queues"]["legacy"][k] for k in ("workers","min","max")]')" '[3, 1, 3]'
exits 0 reeve scale legacy 1
eventually 20 up 1
eventually 20 grep -q "legacy says goodbye" log
saw "and ended with TERM"

kept=$(ls pids)
rm "pids/$kept"
kill -KILL "$kept"
eventually 20 up 1
[ "$(ls pids)" != "$kept" ] || fail "the same one"
eventually 20 grep -q "the program: killed by signal 9 (SIGKILL)" log
saw "one that dies is replaced"

exits 0 reeve pause legacy
eventually 20 up 0
saw "a pause ends it"
exits 0 reeve resume legacy
eventually 20 up 1
exits 0 reeve pause legacy --all
eventually 20 up 0
saw "one for all hosts, too"
exits 0 reeve resume legacy --all
eventually 20 up 1

before=$(ls pids)
sed -i 's/GREETING: hello/GREETING: moin/' reeve.yaml
exits 0 reeve reload
greets() { up 1 && [ "$(cat pids/*)" = "$1" ]; }
eventually 20 greets moin
[ "$(ls pids)" != "$before" ] || fail "the same one"
saw "a reload replaces it where its keys have changed"
before=$(ls pids)
sed -i 's/max: 3/max: 2/' reeve.yaml
exits 0 reeve reload
same "and only there" "$(ls pids)" "$before"
sed -i 's/kill_after: 2s/kill_after: 2s, recycle: { age: 1s }/' reeve.yaml
exits 0 reeve reload
recycled() { [ "$(reeve status --json | json 'v["queues"]["legacy"].get("recycled", 0) >= 1')" = true ]; }
eventually 20 recycled
saw "recycle.age"
sed -i 's/, recycle: { age: 1s }//' reeve.yaml
exits 0 reeve reload
eventually 20 up 1
stop_reeve
same "a drain ends it well" "$drained/$(find pids -type f | wc -l)" 0/0

# Ignores TERM; and the supervisor dies.
cat >reeve.yaml <<'Y'
store: sqlite:program.db
shutdown_grace: 2s
queues:
  legacy: { type: program, run: [./stubborn.sh], kill_after: 300ms }
Y
use_store
naps() { [ "$(pgrep -fcx "sleep $NAP" || true)" -eq "$1" ]; }
start_reeve
eventually 20 naps 1
stop_reeve
same "one that ignores TERM is killed" "$drained" 1
naps 0 || fail "its sleep is left"
start_reeve
eventually 20 naps 1
kill -KILL "$supervisor"
wait "$supervisor" || true
supervisor=
eventually 20 naps 0
saw "a killed supervisor leaves none behind"

# Mistakes.
cat >reeve.yaml <<'Y'
store: sqlite:program.db
queues:
  a: { type: program, run: [./legacy.sh], timeout: 5s, before: [x], retries: { max: 1 }, scale: { strategy: offered } }
  b: { type: program }
  c: { type: program, run: [./legacy.sh], scale: { strategy: depth } }
Y
exits 2 reeve check
for line in "queues.a.timeout: means nothing with type program" "queues.a.before: means nothing" \
	"queues.a.retries.max: means nothing" "queues.a.scale.strategy: with type program nothing is known" \
	"queues.b.run: required for type program" "queues.c.scale.strategy: depth is that of the broker's queue"; do
	contains "check" "$(cat err)" "$line"
done
cat >>reeve.yaml <<'Y'
  d: { type: program, run: [./legacy.sh] }
schedules: { nightly: { queue: d, cron: "0 3 * * *" } }
Y
exits 2 reeve check
contains "nor a schedule's" "$(cat err)" "schedules.nightly.queue: queue d is of type program"
mkdir workflows
echo '{"starts":["t"],"tasks":{"t":{"queue":"a"}}}' >workflows/w.json
cat >reeve.yaml <<'Y'
store: sqlite:program.db
queues: { a: { type: program, run: [./legacy.sh] } }
Y
exits 2 reeve check
contains "a workflow's task can't be there" "$(cat err)" "is of type program, which is given no tasks"
