#!/bin/sh
# Handlers with every bad habit, through the real binary: each a named failure within its time-out,
# the next task on the same worker unaffected.
. "$STORIES/lib.sh"

cat >stream.py <<'P'
"""Does what its payload says; anything but "good" is a bad habit."""
import json, os, signal, socket, subprocess, sys, time
wire = socket.socket(fileno=int(os.environ["REEVE_FD"]))
lines = wire.makefile("rw")
def say(text):
    lines.write(text)
    lines.flush()
say('{"ready":true}\n')
for line in lines:
    message = json.loads(line)
    if "stop" in message:
        break
    if "task" not in message:
        continue
    task = message["task"]
    good = json.dumps({"id": task["id"], "done": "good"}) + "\n"
    habit = task["payload"]
    if habit == "good":
        say(good)
    elif habit == "garbage":
        say("this is no JSON\n")
    elif habit == "gigabyte":
        block = "x" * (1 << 20)
        for _ in range(1024):
            say(block)
        say("\n")
    elif habit == "half":
        say(good[: len(good) // 2])
        sys.exit(0)
    elif habit == "two":
        say(good + good)
    elif habit == "other":
        say(json.dumps({"id": "somebody.1", "done": 1}) + "\n")
    elif habit == "silent":
        time.sleep(60)
    elif habit == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    elif habit == "daemon":
        subprocess.Popen(["sleep", os.environ["NAP"]], start_new_session=True)
        sys.exit(3)
    elif habit == "dies":
        os.kill(os.getpid(), signal.SIGSEGV)
P
cat >exec.sh <<'S'
#!/bin/sh
# shellcheck disable=SC2016
habit=$(sed 's/.*"payload":"\([a-z]*\)".*/\1/')
case $habit in
good) ;;
garbage) eval "echo 'no JSON' >&$REEVE_FD" ;;
gigabyte) eval "head -c 1000000000 /dev/zero >&$REEVE_FD" ;;
half) eval "printf '{\"done\":1' >&$REEVE_FD" ;;
two) eval "echo '{\"done\":1}' >&$REEVE_FD; echo '{\"done\":2}' >&$REEVE_FD" ;;
other) eval "echo '{\"id\":\"somebody.1\",\"done\":1}' >&$REEVE_FD" ;;
silent) sleep "$NAP" ;;
deaf) trap '' TERM; sleep "$NAP"; sleep "$NAP" ;;
daemon) setsid sleep "$NAP" & sleep "$NAP" & exit 3 ;;
dies) kill -SEGV $$ ;;
esac
S
chmod +x exec.sh
cat >reeve.yaml <<'Y'
store: sqlite:handlers.db
log: { line: 256 }
defaults: { timeout: 2s, kill_after: 300ms, retries: { max: 0 }, crashes: 1 }
queues:
  stream: { protocol: stream, run: [/usr/bin/python3, stream.py] }
  exec: { run: [./exec.sh] }
  nowhere: { run: [./is-not-there] }
Y
use_store
# A time that no other process sleeps, so that what is left of it can be found.
NAP=9$$
export NAP
start_reeve

is_completed() { [ "$(reeve task "$1" --json | json 'v["status"]')" = completed ]; }
for queue in stream exec; do
	for habit in garbage gigabyte half two other silent deaf daemon dies; do
		bad=$(reeve push $queue "\"$habit\"")
		good=$(reeve push $queue '"good"')
		eventually 30 is_completed "$good"
		state=$(reeve task "$bad" --json | json 'v["status"]')
		why=$(reeve task "$bad" --json | json '(v["trace"] or [{}])[-1].get("message")')
		case $queue/$habit in
		# The first answer decides; what comes after it is the handler's failure, not the task's.
		stream/two) [ "$state" = completed ] || fail "$queue $habit: $state: $why" ;;
		*) [ "$state/${why:+why}" = failed/why ] || fail "$queue $habit: $state: $why" ;;
		esac
		saw "$queue $habit: $state, $(echo "$why" | head -n 1 | cut -c 1-70); the next one is done"
	done
done
for queue in stream exec; do
	contains "$queue: the log tells what a program waits for whose time is over" \
		"$(grep "$queue#1: \[.*timed out after 2s: pid " log)" ", state S, wchan "
done
exits 1 reeve push nowhere '"good"' --wait
task=$(cat out)
contains "a program that is not there is named" "$(reeve task "$task" --json)" "is-not-there"
[ -z "$(pgrep -fx "sleep $NAP" || true)" ] || fail "a handler's sleep is left"
saw "nothing is left of them"
stop_reeve
same "drained in time" "$drained" 0
