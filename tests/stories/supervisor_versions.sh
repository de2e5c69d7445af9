#!/bin/sh
# USR2 between two versions: the next one is this source with another number, fields that were added to what
# is shared and to what is handed over. Each follows the other under load; who works goes on.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

ours=$REEVE
mkdir source
(cd "$STORIES/../.." && tar -c --exclude='./build*' --exclude=./.git .) | tar -x -C source
change() { sed -i "$2" "source/$1" && ! cmp -s "source/$1" "$STORIES/../../$1" || fail "$1 is changed"; }
change meson.build "s/^  version: '.*'/  version: '9.9.9'/"
# A place at the end of every record of the scoreboard, written all the time.
/usr/bin/python3 - source/workers/scoreboard.h <<'P'
import re, sys
text = open(sys.argv[1]).read()
text = re.sub(r"\tchar reserved\[(\d+)\];", lambda m: f"\t_Atomic int32_t next;\n\tchar reserved[{int(m[1]) - 4}];", text)
open(sys.argv[1], "w").write(text)
P
same "records that grew" "$(grep -c "_Atomic int32_t next;" source/workers/scoreboard.h)" "$(grep -c "char reserved" "$STORIES/../../workers/scoreboard.h")"
change workers/scoreboard.c 's/^\tatomic_store(&slot->beat_ms, steady);/&\n\tatomic_store(\&slot->next, 1);/'
change supervisor/pool.h 's/^\tbool is_paused, is_removed;/&\n\tint64_t next;/'
change supervisor/handover_pools.c 's/^\tFIELD(struct pool, is_paused),/&\n\tFIELD(struct pool, next),/'
change supervisor/handover.c 's/json_pack("{s:i, /json_pack("{s:s, s:i, /; s/^\t\t"version", HANDOVER_VERSION,/\t\t"next", "yes", &/'
meson setup next source -Dtests=false -Dexamples=false -Doptimization=0 -Db_sanitize=none >build.log 2>&1 &&
	ninja -C next cli/reeve >>build.log 2>&1 || { tail -n 20 build.log; fail "the next version is built"; }
mkdir bin
REEVE=$home/bin/reeve
# install BINARY: as a package manager does it
install() { cp "$1" bin/new && mv bin/new bin/reeve; }

cat >slow.sh <<'SH'
cat >/dev/null
until [ -f go ]; do sleep 0.05; done
echo "$REEVE_TASK_ID" >>slow.effects
SH
cat >slow.py <<'P'
import json, os, socket, time
reeve = socket.socket(fileno=int(os.environ["REEVE_FD"])).makefile("rw")
print('{"ready":true}', file=reeve, flush=True)
for line in reeve:
    message = json.loads(line)
    if "stop" in message:
        break
    while not os.path.exists("go"):
        time.sleep(0.05)
    open("slow.effects", "a").write(message["task"]["id"] + "\n")
    print(json.dumps({"id": message["task"]["id"], "done": None}), file=reeve, flush=True)
P
cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
shutdown_grace: 20s
defaults: { lease: 5s }
queues:
  slow: { run: [sh, slow.sh], workers: 2 }
  stream: { run: [python3, slow.py], protocol: stream, workers: 2 }
  quick: { run: 'cat >/dev/null; echo "$REEVE_TASK_ID" >>quick.effects', workers: 2 }
  held: { run: "true", workers: { min: 1, max: 4 } }
YAML
use_store
status() { reeve status --json | json "$1"; }
busy() { status 'sorted((w["pid"], w["task"]) for w in v["workers"] if w["state"] == "busy" and w["queue"] != "quick")'; }
versions() { grep -o 'supervisor: replaced: version [^ ,;]*' log | awk '{ print $4 }' | tr '\n' ' '; }
replacements() { grep -c 'supervisor: replaced: ' log || true; }
# replace BINARY: until it runs
replace() {
	install "$1"
	before=$(replacements)
	kill -USR2 "$supervisor"
	more() { [ "$(replacements)" -gt "$before" ]; }
	eventually 60 more
	eventually 20 reeve status
}

install "$ours"
start_reeve
: >pushed.slow
for queue in slow stream; do
	for n in 1 2; do reeve push $queue $n >>pushed.slow; done
done
all_busy() { [ "$(status 'sum(w["state"] == "busy" for w in v["workers"])')" = 4 ]; }
eventually 20 all_busy
reeve pause held >/dev/null
reeve scale held 3 >/dev/null
working=$(busy)
touch more
while [ -f more ]; do "$ours" -c reeve.yaml push quick 1 >>pushed.quick; done &
pusher=$!
others=$pusher
count=$(find "/proc/$supervisor/fd" -mindepth 1 | wc -l)
for _ in 1 2 3; do
	replace "$home/next/cli/reeve"
	# A worker of the one dies under the other.
	kill -KILL "$(status '[w["pid"] for w in v["workers"] if w["queue"] == "quick"][0]')"
	replace "$ours"
done
sleep 6 # longer than a lease
same "busy workers have their tasks after $(replacements) replacements, and the leases" "$(busy)" "$working"
same "a pause and a count set by hand stay" "$(status '[v["queues"]["held"][k] for k in ("paused", "desired")]')" '[true, 3]'
same "no descriptor leaked" "$(find "/proc/$supervisor/fd" -mindepth 1 | wc -l)" "$count"
replace "$home/next/cli/reeve"
touch go
rm more
wait "$pusher"
others=
all_done() { [ "$(sort -u slow.effects quick.effects 2>/dev/null | wc -l)" = "$(cat pushed.slow pushed.quick | wc -l)" ]; }
eventually 60 all_done
same "each task that ran over all of it ran once" "$(sort slow.effects)" "$(sort pushed.slow)"
for task in $(cat pushed.slow); do
	same "at its first attempt" "$(reeve task "$task" --json | json 'v["attempt"]')" 1
done
echo "# $(wc -l <pushed.quick) tasks meanwhile, versions $(versions)"
same "and none of the others was lost" "$(sort -u quick.effects)" "$(sort pushed.quick)"
stop_reeve
same "the next version drains" "$drained" 0
