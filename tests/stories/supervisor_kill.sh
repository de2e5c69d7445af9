#!/bin/sh
# A worker is killed in the middle of a task: its handler's whole family is gone, the task runs
# again, the place is filled again. Then the supervisor itself is killed.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

# A handler that on its first run leaves a child in a session of its own, and hangs.
cat >handler.sh <<'SH'
cat >/dev/null
[ "$REEVE_ATTEMPT" = 1 ] || exit 0
setsid sh -c 'echo $$ >>"$0"; exec sleep 600' "$PWD/family" &
sh -c 'echo $$ >>"$0"; exec sleep 600' "$PWD/family" &
echo $$ >>family
wait
SH
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
shutdown_grace: 10s
queues:
  mail: { run: [sh, handler.sh] }
YAML
use_store

start_reeve
task=$(reeve push mail '{"to":"me"}')
family() { [ "$(wc -l <family)" = 3 ]; }
eventually 20 family
worker() { reeve status --json | json '[w["pid"] for w in v["workers"] if w["state"] == "busy"][0]'; }
busy=$(worker)
kill -KILL "$busy"
eventually 20 sh -c "'$REEVE' -c reeve.yaml task $task --json | grep -q '\"completed\"'"
same "the task ran again" "$(reeve task "$task" --json | json 'v["attempt"]')" 2
while read -r pid; do
	! kill -0 "$pid" 2>/dev/null || fail "process $pid of the first attempt still runs"
done <family
saw "nothing of the first attempt is left"
same "the place was filled again" "$(reeve status --json | json 'v["queues"]["mail"]["restarts"]')" 1
same "the trace tells of it" "$(reeve task "$task" --json | json 'v["trace"][0]["status"]')" lost
contains "the log names worker and signal" "$(cat log)" "mail#1 (pid $busy) killed by signal 9 (SIGKILL), with task $task"

# shellcheck disable=SC2046 # a list of pids
set -- $(reeve status --json | json '" ".join(str(p["pid"]) for p in v["workers"] + v["processes"])')
kill -KILL "$supervisor"
wait "$supervisor" 2>/dev/null || true
supervisor=
gone() { for pid; do ! kill -0 "$pid" 2>/dev/null || return 1; done; }
eventually 20 gone "$@"
saw "workers and keeper end when the supervisor is killed"
exits 75 reeve scale mail 1
saw "and clients are told so"
start_reeve
saw "a new one takes over the socket that was left"
stop_reeve
same "and drains" "$drained" 0

# Of the grace, the last 598 s are for the handler's end.
cat >handler.sh <<'SH'
cat >/dev/null
trap 'echo told >>told; exit 1' TERM
setsid sh -c 'echo $$ >>"$0"; exec sleep 600' "$PWD/family" &
echo $$ >>family
sleep 600 &
wait
SH
sed -i -e 's/^shutdown_grace: .*/shutdown_grace: 600s/' -e 's/sh, handler.sh\]/&, kill_after: 598s/' reeve.yaml
rm family
start_reeve
reeve push mail 1 >/dev/null
family() { [ "$(cat family 2>/dev/null | wc -l)" = 2 ]; }
eventually 20 family
busy=$(worker)
kill -KILL "$supervisor"
wait "$supervisor" 2>/dev/null || true
supervisor=
# shellcheck disable=SC2046 # a list of pids
eventually 60 gone "$busy" $(cat family)
same "a handler without a supervisor is told to end in time, and all of it is gone" "$(cat told)" told
