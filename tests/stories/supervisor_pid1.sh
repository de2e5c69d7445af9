#!/bin/sh
# As process 1 of a container: strangers' orphans are reaped, TERM drains, also where it comes before
# anything is set up; exit codes are those of any other process. Skipped where the kernel does not let
# us make a namespace of pids.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

unshare --fork --pid --mount-proc true 2>/dev/null || exit 77
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  mail: { run: [sh, -c, "cat >/dev/null; (setsid sh -c 'sleep 0.01' &) ; echo pid $PPID"] }
YAML
# The shell becomes reeve, and a process that it had started goes on beside it.
# shellcheck disable=SC2016 # $0 is the inner shell's
unshare --fork --pid --mount-proc sh -c 'sleep 600 & exec "$0" -c reeve.yaml run' "$REEVE" >log 2>&1 &
outer=$!
eventually 20 reeve status
same "it is process 1" "$(reeve status --json | json 'v["pid"]')" 1
inside=$(pgrep -P "$outer" | head -n 1)
supervisor=$inside
for n in 1 2 3 4 5; do reeve push mail "$n" --wait >/dev/null; done
zombies() { nsenter -t "$inside" -p -m -r ps -eo stat,ppid | awk '$1 ~ /^Z/ && $2 == 1' | wc -l; }
reaped() { [ "$(zombies)" = 0 ]; }
eventually 20 reaped
saw "no zombie stays"
worker=$(nsenter -t "$inside" -p -m -r "$REEVE" -c "$home/reeve.yaml" status --json | json 'v["workers"][0]["pid"]')
nsenter -t "$inside" -p -m -r kill -KILL "$worker"
restarted() { [ "$(reeve status --json | json 'v["queues"]["mail"]["restarts"]')" = 1 ]; }
eventually 20 restarted
same "the shell's own child goes on" "$(nsenter -t "$inside" -p -m -r pgrep -c sleep)" 1
kill -USR2 "$inside"
eventually 20 grep -q 'supervisor: replaced: ' log
eventually 20 reeve status
same "USR2: another binary is process 1" "$(reeve status --json | json 'v["pid"]')" 1
nsenter -t "$inside" -p -m -r sh -c '(setsid sleep 500 &)'
worker=$(nsenter -t "$inside" -p -m -r "$REEVE" -c "$home/reeve.yaml" status --json | json 'v["workers"][0]["pid"]')
nsenter -t "$inside" -p -m -r kill -KILL "$worker"
restarted_again() { [ "$(reeve status --json | json 'v["queues"]["mail"]["restarts"]')" = 2 ]; }
eventually 20 restarted_again
reeve push mail 6 --wait >/dev/null
same "the shell's own child still goes on, a stranger's orphan does not" \
	"$(nsenter -t "$inside" -p -m -r pgrep -af 'sleep [56]00' | sed 's/^[0-9]* //')" "sleep 600"
eventually 20 reaped
kill -TERM "$inside"
code=0
wait "$outer" || code=$?
supervisor=
same "TERM drains process 1" "$code" 0

# begin OPTION…: process 1 again; its pid outside is left in $inside
begin() {
	unshare --fork --pid --mount-proc "$REEVE" -c reeve.yaml run "$@" >>log 2>&1 &
	outer=$!
	supervisor=$outer
	has_child() { inside=$(pgrep -P "$outer" | head -n 1) && [ -n "$inside" ]; }
	eventually 20 has_child
	supervisor=$inside
}
ended() {
	code=0
	wait "$outer" || code=$?
	supervisor=
}

for signal in TERM INT; do
	begin
	eventually 20 reeve status
	kill -$signal "$inside"
	ended
	same "$signal drains" "$code" 0
done

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
shutdown_grace: 1s
queues:
  slow: { run: "trap '' TERM; (setsid sleep 600 &); sleep 600" }
  bad: { run: "exit 125" }
YAML
begin --only slow
reeve push slow >/dev/null
is_busy() { [ "$(reeve status --json | json 'v["queues"]["slow"]["busy"]')" = 1 ]; }
eventually 20 is_busy
kill -TERM "$inside"
ended
same "exit code 1 where a task had to be killed" "$code" 1

begin --only slow
eventually 20 is_busy
kill -QUIT "$inside"
ended
same "QUIT ends at once, exit code 1" "$code" 1

reeve push bad >/dev/null
begin --only bad --until-idle
ended
same "--until-idle: exit code 1 after a task that failed for good" "$code" 1

# A warning on a stderr that nobody reads holds the start up: TERM comes before any loop.
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  absent: { run: [/nowhere/program] }
YAML
mkfifo pipe
exec 3<>pipe
/usr/bin/python3 -c 'import os
os.set_blocking(3, False)
try:
    while True: os.write(3, b"x" * 4096)
except BlockingIOError: pass
os.set_blocking(3, True)'
unshare --fork --pid --mount-proc "$REEVE" -c reeve.yaml run 2>pipe &
outer=$!
supervisor=$outer
eventually 20 has_child
supervisor=$inside
holds_term() { [ $((0x$(awk '/^SigBlk/ { print $2 }' "/proc/$inside/status") & 0x4000)) -ne 0 ]; }
eventually 20 holds_term
kill -TERM "$inside"
cat <&3 >/dev/null 3>&- &
reader=$!
ended
exec 3>&-
kill "$reader" 2>/dev/null || true
same "a TERM before the start is not lost" "$code" 0
