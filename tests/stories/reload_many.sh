#!/bin/sh
# A reload that changes one of 100 queues leaves the pids of the other 99; a busy worker of the
# changed one ends its task first.
. "$STORIES/lib.sh"

# config EXTRA: 100 queues; queue 50 gets EXTRA
config() {
	echo "store: sqlite:many.db"
	echo "queues:"
	i=1
	while [ $i -le 100 ]; do
		extra=
		[ $i -ne 50 ] || extra=", $1"
		echo "  q$i: { run: ['/bin/sh', '-c', 'touch began.q$i; while [ ! -e go ]; do sleep 0.05; done']$extra }"
		i=$((i + 1))
	done
}
config "timeout: 1m" >reeve.yaml
start_reeve
pids() { reeve status --json | json 'sorted((w["queue"], w["pid"]) for w in v["workers"])'; }
count() { reeve status --json | json 'len([w for w in v["workers"] if w["state"] == "idle"])'; }
all_idle() { [ "$(count)" -eq 100 ]; }
eventually 30 all_idle
pids >before
task=$(reeve push q50 1)
eventually 10 test -e began.q50
config "timeout: 2m" >reeve.yaml
reeve reload >changes
same "the busy worker goes on" "$(reeve task "$task" --json | json 'v["status"]')" working
: >go
reeve task "$task" --json >/dev/null
is_done() { [ "$(reeve task "$task" --json | json 'v["status"]')" = completed ]; }
eventually 10 is_done
same "its task ends in its first attempt" "$(reeve task "$task" --json | json 'v["attempt"]')" 1
is_new() { pids >after; [ "$(/usr/bin/python3 -c 'import json; a,b=(json.load(open(n)) for n in ("before","after")); print(sum(x not in b for x in a), len(b))')" = "1 100" ]; }
eventually 10 is_new
saw "99 pids of 100 stayed, one is new"
echo "queues: [" >reeve.yaml
exits 2 reeve reload
pids >last
same "a bad file changes nothing" "$(cat last)" "$(cat after)"
config "timeout: 2m" >reeve.yaml
stop_reeve
same "drained in time" "$drained" 0
