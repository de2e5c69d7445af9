#!/bin/sh
# failure_queue: what is set aside for good is told to QUEUE-failed on the broker, once, whoever dies.
. "$STORIES/lib.sh"
. "$STORIES/broker.sh"

cat >reeve.yaml <<'Y'
store: sqlite:x.db
defaults: { lease: 5s, retries: { max: 1, delay: 50ms }, restart: { max_delay: 200ms } }
queues:
  mail: { failure_queue: on, run: "exit 1", validate: { to: { presence: true } } }
  quiet: { run: "exit 1" }
Y
# bodies QUEUE: its messages, one a line; SQS hides what was received, so each call adds to a file
bodies() {
	if [ $BROKER = redis ]; then
		redis-cli -u "$REEVE_STORY_BROKER" LRANGE "$fresh-$1" 0 -1
		return
	fi
	/usr/bin/python3 - "$REEVE_STORY_BROKER" "$(sqs_url "$1")" >>"bodies.$fresh.$1" <<'P' || true
import json, sys, urllib.request
url, queue = sys.argv[1:]
request = urllib.request.Request(url + "/", json.dumps({"QueueUrl": queue, "MaxNumberOfMessages": 10}).encode(), {
    "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ReceiveMessage"})
answer = json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request))
for message in answer.get("Messages") or []:
    print(message["Body"])
P
	cat "bodies.$fresh.$1"
}
has() { [ "$(bodies mail-failed 2>/dev/null | grep -c task_id)" -ge "$1" ]; }

use_store
exits 0 reeve check
same "check has nothing against it" "$(grep -c failure_queue err)" 0
start_reeve
id=$(reeve push mail '{"to":"a"}')
eventually 20 has 1
same "a task that failed for good is told, as a reference" "$(bodies mail-failed)" "{\"task_id\":\"$id\"}"
exits 1 reeve push quiet '{}' --wait
invalid=$(reeve push mail '{}')
eventually 20 has 2
contains "so is one whose payload is invalid" "$(bodies mail-failed)" "$invalid"
tell mail 'not JSON'
eventually 20 has 3
dead=$(reeve dead mail --json | json '[t["id"] for t in v if "not JSON" in (t["reason"] or "")][0]')
contains "and a message that can't be understood" "$(bodies mail-failed)" "$dead"
reeve retry "$id" 2>/dev/null
eventually 20 has 4
same "a task that fails again is told again" "$(bodies mail-failed | grep -c "$id")" 2
same "it is with the dead all the same" "$(reeve dead mail --json | json 'len(v)')" 3
stop_reeve

# dies STEP: one process dies there; the end is told all the same, and only once
dies() {
	rm -f died
	use_store
	id=$(reeve push mail '{"to":"a"}')
	export REEVE_DIE_AT="$1" REEVE_DIE_ONCE="$home/died"
	start_reeve
	unset REEVE_DIE_AT REEVE_DIE_ONCE
	eventually 30 test -e died
	eventually 30 has 1
	same "death at $1: told" "$(bodies mail-failed | sort -u)" "{\"task_id\":\"$id\"}"
	stop_reeve
	[ "$1" = courier/notice-sent ] || same "death at $1: once" "$(bodies mail-failed | wc -l)" 1
}
for step in worker/noticed worker/advanced:2 worker/committed:2 courier/notice-sent; do
	dies "$step"
done
