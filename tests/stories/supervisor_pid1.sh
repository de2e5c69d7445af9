#!/bin/sh
# As process 1 of a container: strangers' orphans are reaped, TERM drains. Skipped where the kernel
# does not let us make a namespace of pids.
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
zombies() { nsenter -t "$inside" -p -m ps -eo stat,ppid | awk '$1 ~ /^Z/ && $2 == 1' | wc -l; }
reaped() { [ "$(zombies)" = 0 ]; }
eventually 20 reaped
saw "no zombie stays"
worker=$(nsenter -t "$inside" -p -m "$REEVE" -c "$home/reeve.yaml" status --json | json 'v["workers"][0]["pid"]')
nsenter -t "$inside" -p -m kill -KILL "$worker"
restarted() { [ "$(reeve status --json | json 'v["queues"]["mail"]["restarts"]')" = 1 ]; }
eventually 20 restarted
same "the shell's own child goes on" "$(nsenter -t "$inside" -p -m pgrep -c sleep)" 1
kill -TERM "$inside"
code=0
wait "$outer" || code=$?
supervisor=
same "TERM drains process 1" "$code" 0
