#!/bin/sh
# Two supervisors on one store: each hears the other, they share a queue's load, a pause for all
# holds on both, and what a dead one had the other takes over.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
shutdown_grace: 5s
queues:
  mail: { run: [sh, work.sh], workers: { max: 20 }, scale: { strategy: depth, messages_per_worker: 1, window: 2s } }
  solid: { run: "exit 0" }
YAML
use_store
# A task ends when there is a file of its payload's name.
cat >work.sh <<'SH'
file=$(sed 's/.*"payload":"\([a-z]*\)".*/\1/')
until [ -f "$file" ]; do sleep 0.1; done
SH
cp reeve.yaml other.yaml
other() { "$REEVE" -c "$home/other.yaml" "$@"; }
fleet() { reeve status --all --json | json "$1"; }
is_fleet() { [ "$(fleet "$1")" = "$2" ]; }

same "status --all needs no supervisor" "$(fleet 'len(v["hosts"]), v["queues"]["mail"]["hosts"]')" "[0, 0]"
# shellcheck disable=SC2119
start_reeve
# A file is all that they need to share: no network.
apart=
case $store in
sqlite:*) ! unshare -n true 2>/dev/null || apart="unshare -n" ;;
esac
$apart "$REEVE" -c other.yaml run >>log2 2>&1 &
second=$!
others=$second
eventually 30 is_fleet 'len(v["hosts"])' 2
same "both are there, by their files" "$(fleet 'sorted(h["config"].split("/")[-1] for h in v["hosts"])')" \
	'["other.yaml", "reeve.yaml"]'
same "and by their pids" "$(fleet 'sorted(h["pid"] for h in v["hosts"])')" \
	"$(printf '%s\n' "$supervisor" "$second" | sort -n | paste -sd, | sed 's/\(.*\),\(.*\)/[\1, \2]/')"
eventually 30 is_fleet 'v["queues"]["mail"]["capacity"], v["queues"]["solid"]["workers"]' "[40, 2]"
saw "their places are added up"
contains "status --all for people" "$(reeve status --all)" "2 supervisors use this store"

# One alone would run 10 workers.
for _ in 1 2 3 4 5 6 7 8 9 10; do reeve push mail '"go"' >/dev/null; done
eventually 30 is_fleet 'v["queues"]["mail"]["busy"]' 10
shares=$(fleet 'min(h["queues"]["mail"]["busy"] for h in v["hosts"]) >= 3')
same "both work on it" "$shares" true
# Unheard of each other they would have 10 each.
sleep 1
same "with no more workers than it needs" "$(fleet 'v["queues"]["mail"]["workers"] <= 14')" true
touch go
eventually 30 is_fleet 'v["queues"]["mail"]["completed"]' 10
rm go
eventually 60 is_fleet 'v["queues"]["mail"]["workers"]' 0
saw "and both go back to 0"

held=$(reeve push mail '"held"')
is() { [ "$(reeve task "$1" --json | json 'v["status"]')" = "$2" ]; }
eventually 30 is "$held" working
exits 0 reeve pause mail --all
contains "pause --all says so" "$(cat out)" "mail: paused on every host"
next=$(reeve push mail '"next"')
touch held next
eventually 30 is "$held" completed
saw "what was running went on"
paused_by() { [ "$("$REEVE" -c "$home/$1.yaml" status --json | json 'v["queues"]["mail"]["paused_by"]')" = "$2" ]; }
eventually 30 paused_by reeve store
eventually 30 paused_by other store
saw "both supervisors know it"
contains "status says where" "$(other status)" "paused on every host"
contains "status --all too" "$(reeve status --all)" "paused on every host since"
contains "explain names it, and what mends it" "$(reeve explain mail)" "mend:  reeve resume mail --all"
contains "for the task as well" "$(reeve explain "$next")" "queue mail is paused on every host"
exits 0 reeve resume mail
contains "resume alone says that it is not enough" "$(cat err)" "reeve resume mail --all"
exits 0 other pause mail
eventually 30 paused_by other both
eventually 30 is_fleet 'sum(h["queues"]["mail"]["paused"] for h in v["hosts"])' 1
exits 0 reeve push solid --wait
is "$next" queued || fail "a task of a paused queue is $(reeve task "$next" --json)"
saw "nobody took the next one"
exits 0 reeve resume mail --all
contains "resume --all names who is paused on its own" "$(cat err)" "the supervisor $second"
eventually 30 is "$next" completed
saw "the other host works on"
exits 0 other resume mail
exits 1 reeve pause mial --all
contains "an unknown queue" "$(cat err)" "nearest: mail"
exits 1 reeve resume mial --all

ids=$(fleet 'sorted(h["id"] for h in v["hosts"])')
kill -USR2 "$supervisor"
is_replaced() { grep -q "supervisor: replaced: " log; }
eventually 60 is_replaced
eventually 30 reeve status
eventually 30 is_fleet 'min(h["queues"]["solid"]["capacity"] for h in v["hosts"])' 1
same "a new binary goes on under the same id" "$(fleet 'sorted(h["id"] for h in v["hosts"])')" "$ids"

reeve stop
wait "$supervisor" || fail "the drain was not in time"
supervisor=
same "who has stopped is gone at once" "$(fleet '[h["pid"] for h in v["hosts"]]')" "[$second]"
exits 0 reeve pause solid --all
pushed=$(reeve push solid)
exits 75 reeve status
exits 0 reeve status --all
exits 0 reeve resume solid --all
eventually 30 is "$pushed" completed
saw "pause and resume need no supervisor of their own"

# A host that is lost with all its processes: frozen, it says nothing any more.
# shellcheck disable=SC2119
start_reeve
eventually 30 is_fleet 'len(v["hosts"])' 2
for _ in 1 2 3 4 5 6 7 8; do reeve push mail '"late"' >/dev/null; done
eventually 30 is_fleet 'v["queues"]["mail"]["busy"]' 8
frozen=$(reeve status --json | json '" ".join(str(p["pid"]) for p in v["processes"] + v["workers"])')
# shellcheck disable=SC2086
kill -STOP "$supervisor" $frozen
eventually 60 is_fleet '[h["pid"] for h in v["hosts"]]' "[$second]"
saw "its heartbeat lapses"
for _ in 1 2 3 4 5 6 7 8; do reeve push mail '"late"' >/dev/null; done
busy() { other status --json | json 'v["queues"]["mail"]["busy"]'; }
takes_over() { [ "$(busy)" -ge 12 ]; }
eventually 60 takes_over
saw "the other takes over all that is ready"
touch late
# shellcheck disable=SC2086
kill -CONT "$supervisor" $frozen
eventually 60 is_fleet 'len(v["hosts"])' 2
eventually 60 is_fleet 'v["queues"]["mail"]["depth"] + v["queues"]["mail"]["working"]' 0
saw "it comes back and nothing is left"
stop_reeve
same "the drain is clean" "$drained" 0
