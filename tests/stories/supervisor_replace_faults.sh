#!/bin/sh
# USR2 with a binary that is no good: the running one stays, with a line that says why. Then the
# supervisor dies at each step of it, and whatever may happen on the way happens.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

original=$REEVE
mkdir bin
ln -s "$original" bin/reeve
REEVE=$home/bin/reeve
cat >slow.sh <<'SH'
cat >/dev/null
until [ -f go ]; do sleep 0.05; done
echo "$REEVE_TASK_ID" >>effects
SH
cat >good.yaml <<'YAML'
store: sqlite:reeve.db
shutdown_grace: 20s
queues:
  slow: { run: [sh, slow.sh], workers: 2 }
YAML
cp good.yaml reeve.yaml
use_store
cp reeve.yaml good.yaml
status() { reeve status --json | json "$1"; }
pids() { status '" ".join(sorted(str(w["pid"]) for w in v["workers"] + v["processes"]))'; }
has_busy() { [ "$(status 'v["queues"]["slow"]["busy"]')" = "$1" ]; }
# script: standard input becomes the binary
script() { rm -f bin/new && cat >bin/new && chmod +x bin/new && mv bin/new bin/reeve; }
refusals() { grep -c 'supervisor: not replaced, the running binary stays: ' log || true; }
replacements() { grep -c 'supervisor: replaced: ' log || true; }
# refused WHAT PART: a USR2, whose refusal says PART
refused() {
	before=$(refusals)
	all=$("$original" -c reeve.yaml status --json | json '" ".join(sorted(str(w["pid"]) for w in v["workers"] + v["processes"]))')
	kill -USR2 "$supervisor"
	more() { [ "$(refusals)" -gt "$before" ]; }
	eventually 60 more
	contains "$1" "$(grep 'not replaced, ' log | tail -n 1)" "$2"
	same "one line for it, and nobody was touched" "$(refusals) $("$original" -c reeve.yaml status --json |
		json '" ".join(sorted(str(w["pid"]) for w in v["workers"] + v["processes"]))')" "$((before + 1)) $all"
}
replace() {
	before=$(replacements)
	kill -USR2 "$supervisor"
	more() { [ "$(replacements)" -gt "$before" ]; }
	eventually 60 more
}

REEVE_REHEARSAL_MS=20000 start_reeve
reeve push slow 1 >/dev/null
eventually 20 has_busy 1
rm bin/reeve
refused "no binary" "bin/reeve: its rehearsal ended with 127: No such file or directory"
script <<'SH'
#!/bin/sh
echo "warning: no matter" >&2
echo "no such library" >&2
exit 1
SH
refused "one that fails" "its rehearsal ended with 1: no such library"
script <<'SH'
#!/bin/sh
kill -SEGV $$
SH
refused "one that crashes" "its rehearsal was killed by signal 11 (SIGSEGV)"
ln -sf /bin/true bin/reeve
refused "one that is no reeve" "its rehearsal ended with 0: without a word"
script <<SH
#!/bin/sh
REEVE_SCOREBOARD_VERSION=99 exec "$original" "\$@"
SH
refused "one of another scoreboard" "this binary knows 99"
ln -sf "$original" bin/reeve
echo 'queues: 7' >reeve.yaml
before=$(refusals)
kill -USR2 "$supervisor"
more() { [ "$(refusals)" -gt "$before" ]; }
eventually 60 more
contains "a file with mistakes" "$(grep 'not replaced, ' log | tail -n 1)" "its rehearsal ended with 2: "
cp good.yaml reeve.yaml
replace
saw "after all that a good one replaces it"
touch go
done_one() { [ "$(wc -l <effects)" = 1 ]; }
eventually 20 done_one
stop_reeve
same "and drains" "$drained" 0

rm go
REEVE=$original
ln -sf "$original" bin/reeve
export REEVE_REHEARSAL_MS=3000
"$home/bin/reeve" -c reeve.yaml run >>log 2>&1 &
supervisor=$!
eventually 20 reeve status
script <<'SH'
#!/bin/sh
echo $$ >rehearsal
sleep 600
SH
refused "one that hangs" "no answer within 3000 ms"
! kill -0 "$(cat rehearsal)" 2>/dev/null || fail "the rehearsal still runs"
rm -f rehearsal
kill -USR2 "$supervisor"
eventually 20 test -s rehearsal
kill -TERM "$supervisor"
drained=0
wait "$supervisor" || drained=$?
supervisor=
same "a drain does not wait for a rehearsal" "$drained" 0
! kill -0 "$(cat rehearsal)" 2>/dev/null || fail "the rehearsal still runs after the drain"

# A supervisor that is killed takes its rehearsal along.
ln -sf "$original" bin/reeve
"$home/bin/reeve" -c reeve.yaml run >>log 2>&1 &
supervisor=$!
eventually 20 reeve status
script <<'SH'
#!/bin/sh
echo $$ >rehearsal
exec sleep 600
SH
rm -f rehearsal
kill -USR2 "$supervisor"
eventually 20 test -s rehearsal
kill -KILL "$supervisor"
wait "$supervisor" 2>/dev/null || true
supervisor=
is_gone() { ! kill -0 "$(cat rehearsal)" 2>/dev/null; }
eventually 20 is_gone
saw "a supervisor that is killed takes its rehearsal along"
unset REEVE_REHEARSAL_MS

# begin: bin/reeve runs, with a busy worker
begin() {
	rm -f go effects
	ln -sf "$original" bin/reeve
	"$home/bin/reeve" -c reeve.yaml run >>log 2>&1 &
	supervisor=$!
	eventually 20 reeve status
	task=$(reeve push slow 1)
	eventually 20 has_busy 1
	worker=$(status '[w["pid"] for w in v["workers"] if w["state"] == "busy"][0]')
}
completed() { [ "$(reeve task "$task" --json | json 'v["status"]')" = completed ]; }

begin
script <<SH
#!/usr/bin/python3
import os, sys, time
if os.environ["REEVE_HANDOVER"].startswith("take"):
    os.kill($worker, 9)
    time.sleep(0.2)
os.execv("$original", sys.argv)
SH
replace
touch go
eventually 20 completed
contains "a worker that dies during the exec is met after it" "$(cat log)" "(pid $worker) killed by signal 9 (SIGKILL), with task $task"
stop_reeve

begin
script <<SH
#!/bin/sh
case \$REEVE_HANDOVER in
take*)
	kill -KILL $worker
	sleep 0.2
	/bin/true
	;;
esac
exec "$original" "\$@"
SH
replace
touch go
eventually 20 completed
contains "also one that a shell has reaped" "$(cat log)" "(pid $worker) "
stop_reeve

begin
script <<SH
#!/bin/sh
case \$REEVE_HANDOVER in take*) echo 'queues: 7' >reeve.yaml ;; esac
exec "$original" "\$@"
SH
before=$(replacements)
kill -USR2 "$supervisor"
is_bad() { grep -q 'queues: 7' reeve.yaml; }
eventually 20 is_bad
kill -0 "$worker" || fail "the worker goes on"
cp good.yaml reeve.yaml
has_replaced() { [ "$(replacements)" -gt "$before" ]; }
eventually 20 has_replaced
touch go
eventually 20 completed
same "a file that goes bad in between is waited for, and the worker goes on" "$(reeve task "$task" --json | json 'v["attempt"]')" 1
stop_reeve

for step in rehearse replace taking taken; do
	export REEVE_DIE_AT=$step REEVE_DIE_ONCE="$home/died"
	rm -f died
	begin
	kill -USR2 "$supervisor"
	eventually 20 test -e died
	if [ $step = rehearse ]; then
		eventually 20 grep -q 'its rehearsal was killed by signal 9' log
	else
		wait "$supervisor" 2>/dev/null || true
		supervisor=
	fi
	touch go
	eventually 20 completed
	same "death at $step: the task ends at its first attempt" "$(reeve task "$task" --json | json 'v["attempt"]') $(wc -l <effects)" "1 1"
	ended() { ! kill -0 "$worker" 2>/dev/null; }
	[ $step = rehearse ] || eventually 20 ended
	unset REEVE_DIE_AT REEVE_DIE_ONCE
	[ $step != rehearse ] || stop_reeve
done
saw "dead supervisors leave no worker"
