#!/bin/sh
# A queue grows no further than the memory of its cgroup allows. Needs a memory controller that the
# test may make a group of; elsewhere only test_room sees these rules.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

LIMIT=$((640 << 20))
own=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
if [ -n "$own" ] && mkdir "/sys/fs/cgroup/memory${own%/}/story$$" 2>/dev/null; then
	group=/sys/fs/cgroup/memory${own%/}/story$$ limit=memory.limit_in_bytes
	kills() { sed -n 's/^oom_kill //p' "$group/memory.oom_control"; }
elif own=$(sed -n 's/^0:://p' /proc/self/cgroup) && grep -qs memory "/sys/fs/cgroup${own%/}/cgroup.subtree_control" &&
	mkdir "/sys/fs/cgroup${own%/}/story$$" 2>/dev/null; then
	group=/sys/fs/cgroup${own%/}/story$$ limit=memory.max
	kills() { sed -n 's/^oom_kill //p' "$group/memory.events"; }
else
	saw "no memory controller is ours: nothing to see here"
	exit 0
fi
# As lib.sh's finish, and the group goes when nobody is in it any more.
leave() {
	code=$?
	trap - EXIT
	if [ -n "$supervisor" ]; then
		kill -QUIT "$supervisor" 2>/dev/null || true
		wait "$supervisor" 2>/dev/null || true
	fi
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		rmdir "$group" 2>/dev/null && break
		sleep 0.1
	done
	[ $code -eq 0 ] || tail -n 60 "$home/log" | sed 's/^/log: /'
	rm -rf "$home"
	exit $code
}
trap leave EXIT
echo $LIMIT >"$group/$limit"
# control COMMAND: a request to the supervisor's socket
control() {
	/usr/bin/python3 - "$home/s.sock" "$1" <<'PY'
import json, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect(sys.argv[1])
    line.sendall(json.dumps({"command": sys.argv[2]}).encode() + b"\n")
    print(line.makefile().readline())
PY
}

cat >fat.py <<'PY'
import os, time
memory = bytearray(b"x") * (30 << 20)
while not os.path.exists("go"):
    time.sleep(0.2)
PY
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
control: { path: s.sock }
queues:
  fat:
    run: [/usr/bin/python3, fat.py]
    workers: { min: 1, max: 60 }
    scale: { strategy: depth, messages_per_worker: 1, window: 1s }
YAML
sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$REEVE" -c reeve.yaml run >>log 2>&1 &
supervisor=$!
eventually 20 reeve status
# What the first worker takes is what is expected of the others.
reeve push fat >/dev/null
weighed() { [ "$(control status | json 'v["scaling"]["fat"]["worker_bytes"] > 30 << 20')" = true ]; }
eventually 30 weighed
for _ in 1 2 3 4 5 6 7 8 9 10; do
	reeve push fat >/dev/null
	for _ in 1 2 3 4 5; do reeve push fat >/dev/null; done
done
eventually 60 grep -q "no more memory is left above the reserve" log
held=$(reeve status --json | json 'v["queues"]["fat"]["desired"]')
[ "$held" -gt 1 ] && [ "$held" -lt 60 ] || fail "held at $held workers"
saw "it grew, and was held below its max"
limited() { reeve explain fat | grep -q "no memory is left"; }
eventually 20 limited
contains "status names the memory" "$(reeve status)" "limited: memory"
same "the log says it once" "$(grep -c "no more memory is left" log)" 1
touch go
empty() { [ "$(reeve status --json | json 'v["queues"]["fat"]["completed"]')" = 61 ]; }
eventually 40 empty
same "nothing was killed for want of memory" "$(kills)" 0
stop_reeve
same "the drain is clean" "$drained" 0
