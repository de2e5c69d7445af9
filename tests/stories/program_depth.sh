#!/bin/sh
# Programs whose number follows the depth of the broker's queue that they pull from.
. "$STORIES/lib.sh"
. "$STORIES/broker.sh"
mkdir pids
cat >legacy.sh <<'S'
#!/bin/sh
trap 'rm "pids/$$"; exit 0' TERM
touch "pids/$$"
while :; do
	sleep 0.05 &
	wait
done
S
chmod +x legacy.sh
cat >reeve.yaml <<'Y'
store: sqlite:depth.db
queues:
  legacy:
    { type: program, run: [./legacy.sh], workers: { min: 0, max: 4 },
      scale: { strategy: depth, messages_per_worker: 10, window: 1s } }
Y
use_store
start_reeve
up() { [ "$(find pids -type f | wc -l)" -eq "$1" ]; }
measured() { [ "$(reeve status --json | json 'v["queues"]["legacy"]["depth"]')" -eq "$1" ]; }
up 0 || fail "one is up, with nothing to do"
# shellcheck disable=SC2046
tell legacy $(yes '{"any":"message"}' | head -n 25)
eventually 30 up 3
eventually 30 measured 25
saw "25 messages, 10 for each: three programs"
if [ $BROKER = redis ]; then
	same "none of them is taken" "$(redis-cli -u "$REEVE_STORY_BROKER" LLEN "$fresh-legacy")" 25
fi
lose legacy
eventually 60 up 0
saw "none: no program"
stop_reeve
same "drained" "$drained" 0
