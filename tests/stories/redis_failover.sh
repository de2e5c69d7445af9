#!/bin/sh
# What a Redis does to a supervisor under load: it dies, stops, is busy, full, wiped, and its replica
# takes over. No worker is restarted, no task's budget is spent, and work goes on when it is back.
# shellcheck source=tests/stories/lib.sh
# shellcheck disable=SC2119 # no options of the story are meant
. "$STORIES/lib.sh"

. "$STORIES/../free_port.sh"
# serve PORT OPTION…: a server that dies with this shell; its pid is left in $served
serve() {
	at=$1
	shift
	mkdir -p "$home/$at"
	setpriv --pdeathsig KILL redis-server "$@" --port "$at" --bind 127.0.0.1 --dir "$home/$at" >>"$home/redis.log" 2>&1 &
	served=$!
	eventually 20 answers "$at"
}
answers() { [ "$(redis-cli -p "$1" ping 2>/dev/null)" = PONG ]; }
cli() { redis-cli -p "$master" "$@" >/dev/null; }
kill_server() {
	kill -KILL "$1"
	wait "$1" 2>/dev/null || true
}

master=$(free_port)
replica=$(free_port)
watcher=$(free_port)
serve "$master" --appendonly yes --appendfsync no # written at once; the machine stays up
serving=$served
serve "$replica" --replicaof 127.0.0.1 "$master"
linked() { redis-cli -p "$replica" info replication | grep -q master_link_status:up; }
eventually 20 linked
cat >"$home/sentinel.conf" <<C
sentinel monitor main 127.0.0.1 $master 1
sentinel down-after-milliseconds main 9000
sentinel failover-timeout main 5000
C
serve "$watcher" "$home/sentinel.conf" --sentinel
knows() { redis-cli -p "$watcher" info sentinel | grep -q slaves=1; }
eventually 20 knows

mkdir workflows
cat >workflows/fan.json <<'J'
{"name":"fan","tasks":{"seed":{"queue":"seed","starts_manually":["row"]},"row":{"queue":"row"}},"starts":["seed"]}
J
cat >reeve.yaml <<YAML
store: "redis+sentinel://127.0.0.1:$watcher/main"
queues:
  row: { run: ["true"], workers: 3 }
  seed: { run: [sh, -c, 'test ! -e gate || until test -e open; do sleep 0.05; done; for i in 1 2 3 4 5; do echo "{\"spawn\":[{\"task\":\"row\"}]}" >&\$REEVE_FD; done'] }
YAML
start_reeve
workers() { reeve status --json | json '" ".join(sorted(str(w["pid"]) for w in v["workers"]))'; }
first=$(workers)

# goes_on NAME: a job with a fan-out ends, by the same workers, each task with its first attempt
done_once() { [ "$(reeve job "$job" --json 2>/dev/null | json 'v["status"]')" = completed ]; }
first_attempts() { reeve tasks "$job" --json | json 'sorted(set(t["attempt"] for t in v))'; }
goes_on() {
	eventually 30 accepted
	eventually 30 done_once
	same "$1: the work goes on, each task is run once" "$(first_attempts)" "[1]"
	same "$1: no worker was restarted" "$(workers)" "$first"
}
accepted() { job=$(reeve start fan 2>err) && [ -n "$job" ]; }

goes_on "at first"

cli script flush
goes_on "scripts that are forgotten"

kill -STOP "$serving"
exits 75 reeve push row 1
contains "a server that stops is said" "$(cat err)" "no answer within"
kill -CONT "$serving"
goes_on "a server that has stopped"

cli config set busy-reply-threshold 50
cli --raw eval "while true do end" 0 2>/dev/null &
busy=$!
refused() { ! reeve push row 1 2>err && grep -q busy err; }
eventually 20 refused
saw "a server that is busy is said"
cli script kill
wait "$busy" || true
goes_on "a server that was busy"

# While it is full nothing new is taken, what works ends, and who spawns waits.
touch gate
accepted
held=$job
working() { [ "$(reeve job "$held" --json | json 'v["tasks"]["seed"].get("working", 0)')" = 1 ]; }
eventually 20 working
cli config set maxmemory 1mb
exits 75 reeve push row 1
contains "a full server is said" "$(cat err)" "out of memory"
touch open
eventually 20 grep -q "out of memory" log
saw "who spawns waits, and that is said in the log"
same "its attempt goes on" "$(reeve job "$held" --json | json 'v["tasks"]["seed"].get("working", 0)')" 1
cli config set maxmemory 0
job=$held
eventually 30 done_once
same "with room again it has spawned and ended, in its first attempt" "$(first_attempts)" "[1]"
rm gate open
goes_on "a server that was full"

kill_server "$serving"
serve "$master" --appendonly yes --appendfsync no # written at once; the machine stays up
serving=$served
goes_on "a server that died and came back"

# Longer than the sentinel has patience: the replica takes over.
eventually 20 linked
eventually 20 knows
caught_up() { [ "$(redis-cli -p "$replica" hget "{reeve}:jobs" "$job")" != "" ]; }
eventually 20 caught_up
kill_server "$serving"
promoted() { redis-cli -p "$replica" info replication | grep -q role:master; }
eventually 60 promoted
master=$replica
goes_on "a replica that has taken over"

cli flushall
goes_on "a server that was wiped"
stop_reeve
same "it drains" "$drained" 0
