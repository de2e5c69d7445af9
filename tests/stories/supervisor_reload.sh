#!/bin/sh
# The file changes while everything runs: only what changed is touched, a bad file touches nothing.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

# config MAIL ROWS: what stands under the two queues
config() {
	cat >fresh.yaml <<YAML
store: sqlite:reeve.db
queues:
  mail: { run: [sh, -c, "cat >/dev/null"], $1 }
  rows: { run: [sh, -c, "$2"], workers: 2 }
YAML
	mv fresh.yaml reeve.yaml
}
pids() { reeve status --json | json '" ".join(sorted(str(w["pid"]) for w in v["workers"] if w["queue"] == "'"$1"'"))'; }
workers() { reeve status --json | json 'v["queues"]["'"$1"'"]["workers"]'; }
has() { [ "$(workers "$1")" = "$2" ]; }

config 'workers: 2' 'cat >/dev/null; echo old'
start_reeve
eventually 20 has mail 2
eventually 20 has rows 2
mail=$(pids mail)
rows=$(pids rows)

same "an unchanged file changes nothing" "$(reeve reload)" "nothing changed"
same "no worker of mail was touched" "$(pids mail)" "$mail"
same "no worker of rows was touched" "$(pids rows)" "$rows"

config 'workers: 3' 'cat >/dev/null; echo new'
contains "check tells it beforehand" "$(reeve check 2>&1)" "rows"
changes=$(reeve reload --json)
same "a count is live" "$(echo "$changes" | json '[c["change"] for c in v["changes"] if c["queue"] == "mail"][0]')" live
same "a command rolls" "$(echo "$changes" | json '[c["change"] for c in v["changes"] if c["queue"] == "rows"][0]')" roll
eventually 20 has mail 3
for pid in $mail; do
	contains "worker $pid of mail stayed" " $(pids mail) " " $pid "
done
replaced() {
	now=$(pids rows)
	[ "$(echo "$now" | wc -w)" = 2 ] || return 1
	for pid in $rows; do
		case " $now " in *" $pid "*) return 1 ;; esac
	done
}
eventually 20 replaced
saw "both workers of rows were replaced"
task=$(reeve push rows 1 --wait | head -n 1)
contains "the new command runs" "$(reeve task "$task" --json | json 'v["output"]')" new

for broker in 'redis://h?nonsense=1' 'rediss://h?cert=x'; do
	printf 'broker: %s\n' "$broker" >fresh.yaml
	cat reeve.yaml >>fresh.yaml
	cp reeve.yaml good.yaml
	mv fresh.yaml reeve.yaml
	exits 2 reeve check
	contains "check refuses the broker $broker" "$(cat err)" "${broker%%:*}"
	exits 2 reeve reload
	contains "and so does reload" "$(cat err)" "${broker%%:*}"
	mv good.yaml reeve.yaml
done
same "with the right one nothing has changed" "$(reeve reload)" "nothing changed"

config 'workers: many' 'true'
exits 2 reeve reload
contains "a bad file is refused with its place" "$(cat err)" "queues.mail.workers"
kill -HUP "$supervisor"
eventually 20 grep -q "not reloaded, the running configuration stays" log
eventually 20 has mail 3
saw "the running configuration stays"

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  rows: { run: [sh, -c, "cat >/dev/null; echo new"], workers: 2 }
  more: { run: [cat] }
YAML
reeve reload >/dev/null
eventually 20 has more 1
removed() { [ "$(reeve status --json | json '"mail" in v["queues"]')" = false ]; }
eventually 20 removed
saw "a queue comes, another goes"
stop_reeve
same "the drain is clean" "$drained" 0
