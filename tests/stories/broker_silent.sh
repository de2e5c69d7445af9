#!/bin/sh
# A broker that can't be reached is told once, and reeve goes on: it is ready, and what needs no broker runs.
. "$STORIES/lib.sh"

for broker in "sqs://us-east-1/x-?endpoint=http://127.0.0.1:9" "redis://127.0.0.1:9"; do
	cat >reeve.yaml <<Y
store: sqlite:${broker%%:*}.db
broker: "$broker"
queues:
  mail: { type: noop }
  other: { type: noop }
  raw: { format: raw, type: noop }
Y
	: >log
	AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=y AWS_EC2_METADATA_DISABLED=true start_reeve
	exits 0 reeve push raw 1 --wait
	saw "a queue that sends nothing works"
	id=$(reeve push mail 1)
	eventually 20 grep -q "no answer of the broker" log
	eventually 20 sh -c "\"$REEVE\" -c reeve.yaml status --json | grep -q '\"unsent\": *1'"
	sleep 2 # nothing tells that it is not told again
	same "the silence is told once" "$(grep -c "no answer of the broker" log)" 1
	same "what is to be sent waits" "$(reeve task "$id" --json | json 'v["status"]')" queued
	stop_reeve
	same "and it drains" "$drained" 0
done
