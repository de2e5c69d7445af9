#!/bin/sh
# shellcheck disable=SC2086
# Who a handler is and what it may use, through the real binary. What needs root is left out without.
. "$STORIES/lib.sh"
chmod 755 "$home"
is_root() { [ "$(id -u)" -eq 0 ]; }

cat >reeve.yaml <<'Y'
store: sqlite:bounds.db
defaults: { retries: { max: 0 }, workers: 1 }
queues:
  lost: { run: [true], user: nobody-knows-him, groups: [root, no-such-group] }
Y
exits 2 reeve check
contains "an unknown user is named with its place" "$(cat err out)" \
	'reeve.yaml:4:24: queues.lost.user: this machine has no user "nobody-knows-him"'
contains "an unknown group too" "$(cat err out)" \
	'reeve.yaml:4:63: queues.lost.groups: this machine has no group "no-such-group"'

cat >reeve.yaml <<'Y'
store: sqlite:bounds.db
shutdown_grace: 4s
defaults: { retries: { max: 0 }, workers: 1, cwd: / }
queues:
  own: { run: 'echo "{\"done\":\"$(id -un) $HOME $USER $LOGNAME $SHELL $(pwd) $(umask)\"}" >/dev/fd/3', user: daemon, umask: 027, env: { SHELL: /bin/dash } }
  nowhere: { run: 'true', cwd: no/such/folder }
Y
use_store
reeve check >out 2>&1
contains "a folder that is not there is a warning" "$(cat out)" \
	"reeve.yaml:6:27: queues.nowhere.cwd: this folder is not there"
if is_root; then
	start_reeve
	task=$(reeve push own --wait --json | json 'v["result"]')
	same "a handler is the user, and its environment is the user's" "$task" \
		"daemon /usr/sbin daemon daemon /bin/dash / 0027"
	exits 1 reeve push nowhere --wait
	contains "a folder that is not there fails the task by name" \
		"$(reeve dead nowhere --json)" "cannot enter $home/no/such/folder: No such file"
	same "and the worker lives on" "$(reeve status --json | json 'v["queues"]["nowhere"]["restarts"]')" 0
	stop_reeve
fi

# Without root another user is nobody's to give.
nobody=
! is_root || nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
mkdir open
chmod 777 open
cat >open/reeve.yaml <<'Y'
store: sqlite:open.db
control: open.sock
shutdown_grace: 4s
defaults: { retries: { max: 0 }, workers: 1 }
queues:
  own: { run: [true], user: root }
Y
$nobody "$REEVE" -c "$home/open/reeve.yaml" check >out 2>&1 || fail "check"
contains "check says that user needs root" "$(cat out)" "reeve.yaml:6:23: queues.own.user: needs root"
$nobody "$REEVE" -c "$home/open/reeve.yaml" run >log 2>&1 &
supervisor=$!
eventually 20 $nobody "$REEVE" -c "$home/open/reeve.yaml" status
exits 1 $nobody "$REEVE" -c "$home/open/reeve.yaml" push own --wait
contains "where it runs all the same, the task fails by name" \
	"$($nobody "$REEVE" -c "$home/open/reeve.yaml" dead own --json)" "Operation not permitted"
kill -TERM "$supervisor"
wait "$supervisor" || fail "stop"
supervisor=

# Memory, and what is replaced before it wears out.
cat >stream.py <<'P'
import json, os, socket
lines = socket.socket(fileno=int(os.environ["REEVE_FD"])).makefile("rw")
def say(**message):
    lines.write(json.dumps(message) + "\n")
    lines.flush()
say(ready=True)
for line in lines:
    order = json.loads(line)
    if "task" in order:
        say(id=order["task"]["id"], done=os.getpid())
    elif "stop" in order:
        break
P
cat >reeve.yaml <<'Y'
store: sqlite:bounds.db
shutdown_grace: 4s
defaults: { retries: { max: 0 }, crashes: 1, workers: 1 }
queues:
  eats:
    run: [/usr/bin/python3, -S, -c, "import time; kept = [bytearray(b'x') * 1000000 for n in range(200) if not time.sleep(0.005)]"]
    limits: { memory: 64M }
  files: { run: "ulimit -Hn >/dev/stderr; exit 1", limits: { nofile: 77 } }
  exec: { run: "true", recycle: { tasks: 4 }, workers: 2 }
  stream: { protocol: stream, run: [/usr/bin/python3, -S, stream.py], recycle: { tasks: 4 }, batch: 3, workers: 2 }
Y
use_store
start_reeve
exits 1 reeve push eats --wait
contains "a handler over limits.memory is killed, and that is a crash" \
	"$(reeve dead eats --json)" "set aside after 1 crash: killed"
contains "which says so" "$(reeve dead eats --json)" "out of memory"
exits 1 reeve push files --wait
contains "a limit is the handler's" "$(reeve dead files --json)" "77"
count=0
while [ $count -lt 20 ]; do
	count=$((count + 1))
	reeve push exec >/dev/null 2>&1
	reeve push stream >/dev/null 2>&1
done
number() { reeve status --json | json "v['queues']['$1']['$2']"; }
ended() { [ "$(number exec completed)" = 20 ] && [ "$(number stream completed)" = 20 ]; }
eventually 60 ended
saw "each task of a recycled queue is done"
recycled() { [ "$(number exec recycled)" -ge 3 ] && [ "$(number stream recycled)" -ge 3 ]; }
eventually 20 recycled
saw "handlers and workers were recycled"
same "which is no death of a worker" "$(number exec restarts)$(number stream restarts)" 00
contains "the log says why" "$(cat log)" "as recycle.tasks says"
stop_reeve
same "it drains" "$drained" 0

# A worker that shows no life. Looks are faster here, so the only worker has a task all the time.
cat >reeve.yaml <<'Y'
store: sqlite:hung.db
shutdown_grace: 4s
queues:
  hangs: { workers: 1, run: "[ $REEVE_ATTEMPT -gt 1 ] || sleep 1000; echo '{\"done\":\"at last\"}' >&3" }
Y
use_store
task=$(reeve push hangs 2>/dev/null)
export REEVE_HUNG_LOOK_MS=300
start_reeve
busy() { [ "$(reeve status --json | json 'v["queues"]["hangs"]["busy"]')" = 1 ]; }
eventually 20 busy
kill -STOP "$supervisor"
sleep 5
kill -CONT "$supervisor"
sleep 1
case $(cat log) in *"no life"*) fail "a supervisor that was stopped blames nobody" ;; esac
saw "a supervisor that was stopped blames nobody"
worker=$(reeve status --json | json 'v["workers"][0]["pid"]')
kill -STOP "$worker"
result() { [ "$(reeve task "$task" --json | json 'v["result"]')" = "at last" ]; }
eventually 30 result
saw "the task of a worker that hangs is done by another"
contains "the log names it" "$(cat log)" "hangs#1 (pid $worker) has shown no life"
contains "with what it was at" "$(cat log)" "state T, wchan"
contains "and its death by its cause" "$(cat log)" "hung: showed no life and was killed"
