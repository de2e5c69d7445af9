#!/bin/sh
# USR2: a new binary in the supervisor's place. Whoever works goes on; what was set stays set; nothing
# is lost, leaked or done twice.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

original=$REEVE
mkdir bin
REEVE=$home/bin/reeve
# upgrade: another file in the binary's place, as a package manager does it
upgrade() { cp "$original" bin/new && mv bin/new bin/reeve; }
upgrade
cat >slow.sh <<'SH'
cat >/dev/null
until [ -f go ]; do sleep 0.05; done
echo "$REEVE_TASK_ID" >>slow.effects
SH
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
shutdown_grace: 20s
queues:
  slow: { run: [sh, slow.sh], workers: 3 }
  quick: { run: 'cat >/dev/null; sleep 0.02; echo "$REEVE_TASK_ID" >>quick.effects', workers: 2 }
  held: { run: "true" }
  grown: { run: "true" }
  sick: { run: "true", restart: { good_after: 1m } }
YAML
use_store

status() { reeve status --json | json "$1"; }
pids() { status '" ".join(sorted(str(w["pid"]) for w in v["workers"] if '"$1"'))'; }
keeper() { status '[p["pid"] for p in v["processes"] if p["name"] == "keeper"][0]'; }
has_busy() { [ "$(status 'v["queues"]["slow"]["busy"]')" = "$1" ]; }
descriptors() { find "/proc/$supervisor/fd" -mindepth 1 | wc -l; }
replacements() { grep -c 'supervisor: replaced: ' log || true; }
# replace: a USR2, until the other binary runs
replace() {
	before=$(replacements)
	kill -USR2 "$supervisor"
	more() { [ "$(replacements)" -gt "$before" ]; }
	eventually 60 more
	eventually 20 reeve status
}

start_reeve
one=$(reeve push slow 1)
two=$(reeve push slow 2)
eventually 20 has_busy 2
reeve pause held >/dev/null
reeve scale grown 3 >/dev/null
probes() { grep -q 'sick#1: died 5 times before good service' log; }
until probes; do
	victim=$(pids 'w["queue"] == "sick"')
	[ -z "$victim" ] || kill -KILL "$victim" 2>/dev/null || true
	sleep 0.05
done
restarts=$(status 'v["queues"]["sick"]["restarts"]')
busy=$(pids 'w["state"] == "busy"')
idle=$(pids 'w["queue"] == "quick"')
kept=$(keeper)
tasks=$(status 'sorted(w["task"] for w in v["workers"] if w["task"])')
count=$(descriptors)

upgrade
replace
same "the supervisor's pid is the same" "$(status 'v["pid"]')" "$supervisor"
same "it runs the file that lies there now" "$(readlink "/proc/$supervisor/exe")" "$home/bin/reeve"
same "busy workers go on" "$(pids 'w["state"] == "busy"')" "$busy"
same "with their tasks" "$(status 'sorted(w["task"] for w in v["workers"] if w["task"])')" "$tasks"
are_others() { [ "$(pids 'w["queue"] == "quick"' | wc -w)" = 2 ] && [ "$(pids 'w["queue"] == "quick"')" != "$idle" ]; }
eventually 20 are_others
for pid in $idle; do
	is_replaced() { ! kill -0 "$pid" 2>/dev/null; }
	eventually 20 is_replaced
done
saw "idle workers are replaced"
has_other_keeper() { [ "$(keeper)" != "$kept" ]; }
eventually 20 has_other_keeper
saw "and so is the keeper"
same "a pause stays" "$(status 'v["queues"]["held"]["paused"]')" true
same "a count set by hand stays" "$(status 'v["queues"]["grown"]["desired"]')" 3
same "a crash loop stays in its slow probe" "$(status 'v["queues"]["sick"]["workers"]')" 0
same "restarts are counted on" "$(status 'v["queues"]["sick"]["restarts"]')" "$restarts"
touch go
for task in "$one" "$two"; do
	eventually 20 sh -c "'$REEVE' -c reeve.yaml task $task --json | grep -q '\"completed\"'"
	same "a task that ran over it has one attempt" "$(reeve task "$task" --json | json 'v["attempt"]')" 1
done
same "each has one effect" "$(sort slow.effects | uniq -c | awk '{ print $1 }' | tr '\n' ' ')" "1 1 "
for pid in $busy; do
	is_replaced() { ! kill -0 "$pid" 2>/dev/null; }
	eventually 20 is_replaced
done
saw "busy workers are replaced after their task"

: >pushed
(for n in $(seq 60); do reeve push quick "$n"; done) >>pushed &
pusher=$!
for _ in $(seq 20); do replace; done
wait "$pusher"
all_done() { [ "$(sort -u quick.effects 2>/dev/null | wc -l)" = 60 ]; }
eventually 60 all_done
same "under 20 more each task ran once" "$(sort quick.effects | uniq -d)" ""
same "and none was lost" "$(sort quick.effects)" "$(sort pushed)"
same "and no descriptor leaked" "$(descriptors)" "$count"

upgrade
sed -i 's/grown: .*/added: { run: "true" }/' reeve.yaml
kill -HUP "$supervisor"
reeve restart >/dev/null
kill -HUP "$supervisor"
replace
has_added() { [ "$(status '"added" in v["queues"] and "grown" not in v["queues"]')" = true ]; }
eventually 20 has_added
saw "in the middle of reloads and of a restart"
sed -i 's/added: .*/later: { run: "true" }/' reeve.yaml
replace
has_later() { [ "$(status '"later" in v["queues"] and "added" not in v["queues"]')" = true ]; }
eventually 20 has_later
saw "it reads the file anew"

# The lifeline after it: whose end it is has not changed.
rm go
reeve push slow 3 >/dev/null
eventually 20 has_busy 1
kill -TERM "$supervisor"
eventually 20 grep -q 'stopping: workers end' log
kill -USR2 "$supervisor"
eventually 20 grep -q 'not replaced, .*: the supervisor is stopping' log
touch go
drained=0
wait "$supervisor" || drained=$?
supervisor=
same "refused while it drains" "$drained" 0

start_reeve
replace
# shellcheck disable=SC2046 # a list of pids
set -- $(status '" ".join(str(p["pid"]) for p in v["workers"] + v["processes"])')
kill -KILL "$supervisor"
wait "$supervisor" 2>/dev/null || true
supervisor=
gone() { for pid; do ! kill -0 "$pid" 2>/dev/null || return 1; done; }
eventually 20 gone "$@"
saw "workers and keeper end when the supervisor is killed after it"
