#!/bin/sh
# A cancel reaches what is worked on long before its lease is renewed, whatever the protocol; and
# purge asks at a terminal.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >wait.sh <<'SH'
trap 'echo told >>told.exec; exit 1' TERM
echo $$ >>started
while :; do sleep 0.1; done
SH
cat >stream.py <<'PY'
import json, os, socket, time
channel = socket.socket(fileno=int(os.environ["REEVE_FD"])).makefile("rw")
def say(message):
    channel.write(json.dumps(message) + "\n")
    channel.flush()
say({"ready": True})
for line in channel:
    message = json.loads(line)
    if "task" in message:
        open("started", "a").write("stream\n")
    elif "cancel" in message:
        open("told.stream", "a").write(message["cancel"] + "\n")
        say({"id": message["cancel"], "fail": "as you wish"})
PY
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
defaults: { lease: 1h, timeout: none }
queues:
  exec: { run: [sh, wait.sh], workers: 2 }
  stream: { run: [/usr/bin/python3, stream.py], protocol: stream }
YAML
use_store
mkdir workflows
echo '{ "starts": ["one"], "tasks": { "one": { "queue": "exec" } } }' >workflows/lone.json
began() { [ -f started ] && [ "$(wc -l <started)" -eq "$1" ]; }
is_status() { [ "$(reeve task "$1" --json | json 'v["status"]')" = "$2" ]; }

# shellcheck disable=SC2119
start_reeve
one=$(reeve push exec)
two=$(reeve push stream)
job=$(reeve start lone)
eventually 30 began 3
exits 0 reeve cancel "$one"
contains "cancel says what happens" "$(cat err)" "its handler is told"
eventually 30 is_status "$one" cancelled
same "a process got TERM" "$(cat told.exec)" told
exits 0 reeve cancel "$two"
eventually 30 is_status "$two" cancelled
same "a stream got the task's id" "$(cat told.stream)" "$two"
exits 0 reeve cancel "$job"
has_ended() { [ "$(reeve job "$job" --json | json 'v["finished_at"] != None')" = true ]; }
eventually 30 has_ended
same "a job's task was told too" "$(wc -l <told.exec) $(job_status "$job")" "2 cancelled"
watched=$(/usr/bin/python3 -c '
import os, pty, signal, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while seen.count(b"\x1b[H") < 3: # a screen each second
    seen += os.read(fd, 4096)
os.kill(pid, signal.SIGINT)
os.waitpid(pid, 0)
print(seen.count(b"QUEUE"))' "$REEVE" -c reeve.yaml status --watch)
[ "$watched" -ge 2 ] || fail "status --watch drew $watched screens"
saw "status --watch draws again and again at a terminal"
stop_reeve

# at_terminal ANSWER COMMAND…: the command at a terminal where that is typed
at_terminal() {
	/usr/bin/python3 -c '
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
answered = False
while True:
    try:
        more = os.read(fd, 4096)
    except OSError:
        break
    if not more:
        break
    seen += more
    if not answered and b"[y/N] " in seen:
        answered = True
        os.write(fd, sys.argv[1].encode() + b"\n")
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$@"
}
queued() { reeve tasks --queue exec --status queued --json | json 'len(v)'; }
reeve push exec >/dev/null
reeve push exec --delay 7300d >/dev/null
same "a task may be delayed by twenty years" "$(reeve tasks --queue exec --status queued --json | json 'sorted(int(t["due_at"][:4]) for t in v)[1] - 20 > 2020')" true
exits 2 reeve push exec --delay 99999999d
contains "but not beyond what a calendar has" "$(cat err)" "--delay"
exits 2 at_terminal n "$REEVE" -c reeve.yaml purge exec
contains "purge asks" "$(cat out)" "delete all queued tasks of queue exec? [y/N]"
same "and takes no for no" "$(queued)" 2
exits 2 reeve purge exec </dev/null
same "nor does a script purge without --yes" "$(queued)" 2
exits 0 at_terminal y "$REEVE" -c reeve.yaml purge exec
same "yes is yes" "$(queued)" 0

# Many tasks end in pages. Whoever cancels is killed before the first one, and then the keeper: another
# ends them, while others' tasks go on, also in the same queue.
cat >many.yaml <<Y
$(grep '^store:' reeve.yaml)
queues:
  cut: { type: split, split: { payload_key: rows, slice_size: 1 } }
  row: { type: noop }
Y
mv many.yaml reeve.yaml
cat >workflows/many.json <<'J'
{ "starts": ["cut"], "tasks": { "cut": { "queue": "cut", "starts_parallel": ["row"] }, "row": { "queue": "row" } } }
J
rows() { reeve job "$1" --json | json "v['tasks'].get('row', {}).get('$2', 0)"; }
has_rows() { [ "$(rows "$1" "$2")" -eq "$3" ]; }
reeve pause row --all
# shellcheck disable=SC2119
start_reeve
many=$(/usr/bin/python3 -c 'print("{\"rows\":[" + ",".join("0" * 3000) + "]}")' | reeve start many --payload -)
eventually 60 has_rows "$many" queued 3000
exits 137 env REEVE_DIE_AT=cancel-flagged "$REEVE" -c reeve.yaml cancel "$many"
same "a job whose cancel was killed is cancelled" "$(job_status "$many")" cancelled
kill -KILL "$(reeve status --json | json '[p["pid"] for p in v["processes"] if p["name"] == "keeper"][0]')"
reeve resume row --all
behind=$(reeve push row)
eventually 30 is_status "$behind" completed
eventually 60 has_rows "$many" cancelled 3000
same "others have ended all of them" "$(rows "$many" queued)" 0
is_empty() { [ "$(reeve status --json | json 'v["queues"]["row"]["depth"] + v["queues"]["row"]["delayed"]')" -eq 0 ]; }
eventually 30 is_empty
stop_reeve
