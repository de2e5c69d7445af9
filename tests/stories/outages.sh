#!/bin/sh
# The store goes away while messages come in: nothing is acked before it is durable, the courier lives on. SQS
# throttles, fails, hangs, loses replies, and has another clock; a queue is purged, and a redrive policy takes
# every message: all jobs end, each task once.
. "$STORIES/lib.sh"
. "$STORIES/broker.sh"

# A proxy that checks signatures and does harm; it ends with its standard input.
mkfifo proxy.in
/usr/bin/python3 "$STORIES/../sqs_proxy.py" 127.0.0.1 "${REEVE_STORY_BROKER##*:}" <proxy.in >proxy.port 2>proxy.log &
# Not of the others: it ignores QUIT, as what a shell begins in the background does.
exec 9>proxy.in
eventually 20 test -s proxy.port
proxy=http://127.0.0.1:$(cat proxy.port)
# told PATH JSON
told() { curl -sS --noproxy '*' -d "$2" "$proxy/-/$1"; }
told keys "{\"$AWS_ACCESS_KEY_ID\": [\"$AWS_SECRET_ACCESS_KEY\", null]}" >/dev/null

mkdir workflows
cat >workflows/fan.json <<'J'
{ "starts": ["read"],
  "tasks": { "read": { "queue": "read", "starts_parallel": ["row"] }, "row": { "queue": "row" } } }
J
cat >reeve.yaml <<'Y'
store: sqlite:x.db
defaults: { retries: { delay: 100ms } }
queues:
  read: { type: split, split: { payload_key: rows, slice_size: 1 } }
  row: { workers: 2, run: [./effect.sh] }
  mail: { workers: 2, run: [./effect.sh] }
Y
cat >effect.sh <<'S'
#!/bin/sh
echo "$REEVE_TASK_ID" >>"seen.$REEVE_QUEUE"
S
chmod +x effect.sh
use_store
# Through the proxy; what was sent is sent again after a second.
sed -i "/^broker: /s#endpoint=[^\"]*#endpoint=$proxy\\&resend=1s#" reeve.yaml
for queue in dead read row mail; do
	sqs CreateQueue "{\"QueueName\": \"$fresh-$queue\", \"Attributes\": {\"VisibilityTimeout\": \"2\"}}"
done
start_reeve
courier=$(courier_pid)
is_at_work() { [ "$(door mail requests)" -gt 0 ]; }
eventually 20 is_at_work
count() { sort -u "seen.$1" 2>/dev/null | wc -l; }
# all WHAT QUEUE COUNT
all() {
	deadline=$(($(date +%s) + 60))
	until [ "$(count "$2")" -ge "$3" ]; do
		[ "$(date +%s)" -le $deadline ] || fail "$1: $(count "$2") of $3: $(reeve status --json | json "v['queues']['$2']")"
		sleep 0.1
	done
	[ "$(count "$2")" -eq "$3" ] || fail "$1: $(count "$2") of $3"
	[ "$(sort "seen.$2" | uniq -d)" = "" ] || fail "$1: ran twice: $(sort "seen.$2" | uniq -d)"
	saw "$1"
}
rows() { echo "{\"rows\": [$(seq -s, "$1")]}"; }

# 1. The store is gone while foreign messages come in.
sent=0
send_ten() { # one request
	entries=$(/usr/bin/python3 -c 'import json,sys; n=int(sys.argv[1]); print(json.dumps([{"Id": str(i), "MessageBody": json.dumps({"n": n + i})} for i in range(10)]))' $sent)
	sqs SendMessageBatch "{\"QueueUrl\": \"$(sqs_url mail)\", \"Entries\": $entries}"
	sent=$((sent + 10))
}
send_ten
if [ -n "${REEVE_STORE_DIR:-}" ]; then
	all "the first messages" mail $sent
	sleep 0.5 # a poll waits again
	if [ -x "$REEVE_STORE_DIR/stop" ]; then
		"$REEVE_STORE_DIR/stop"
	else
		kill -KILL "$(cat "$REEVE_STORE_DIR/pid")"
		while kill -0 "$(cat "$REEVE_STORE_DIR/pid")" 2>/dev/null; do sleep 0.02; done
	fi
	sleep 0.5 # an ack of what was durable before may be on its way
	told seen '{}' >/dev/null
	send_ten
	send_ten
	# What it has in its hands by then can't be adopted.
	eventually 20 grep -q "courier: .*trying again" log
	sleep 0.5 # longer than acks wait for company
	case $(told seen '{}') in
	*DeleteMessage*) fail "acked while the store was out" ;;
	esac
	saw "nothing is acked while the store is out"
	"$REEVE_STORE_DIR/start"
fi
send_ten
all "all messages become tasks, once" mail $sent
same "the courier has lived on" "$(courier_pid)" "$courier"

# 2. SQS does harm under load.
harm() { told fault "{\"action\": \"$1\", \"kind\": \"$2\", \"count\": $3}" >/dev/null; }
harm SendMessageBatch lostreply 2
harm SendMessageBatch partial 3
harm DeleteMessageBatch lostreply 2
harm ReceiveMessage lostreply 1
for kind in throttle 503 500 reset truncated badjson; do harm '*' $kind 3; done
told clock '{"offset_s": 3600}' >/dev/null
job=$(reeve start fan --payload "$(rows 150)")
reeve job "$job" --wait >/dev/null 2>&1 || fail "harm: $(reeve explain "$job")"
all "throttled, failing, losing replies, with another clock: each row once" row 150

# 3. The queue is purged under load.
job=$(reeve start fan --payload "$(rows 100)")
eventually 20 sh -c '[ "$(wc -l <seen.row)" -gt 160 ]'
lose row
reeve job "$job" --wait >/dev/null 2>&1 || fail "purged: $(reeve explain "$job")"
all "a queue that is purged under load" row 250
same "the courier still lives" "$(courier_pid)" "$courier"

# 4. A redrive policy takes what a courier had in its hands when it was killed.
policy="{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:us-east-1:000000000000:$fresh-dead\\\",\\\"maxReceiveCount\\\":\\\"1\\\"}"
sqs SetQueueAttributes "{\"QueueUrl\": \"$(sqs_url row)\", \"Attributes\": {\"RedrivePolicy\": \"$policy\"}}"
job=$(reeve start fan --payload "$(rows 60)")
for _ in 1 2 3 4; do
	sleep 0.2 # the pace of the kills
	pid=$(courier_pid)
	[ "$pid" = 0 ] || kill -KILL "$pid" 2>/dev/null || true
done
reeve job "$job" --wait >/dev/null 2>&1 || fail "redriven: $(reeve explain "$job")"
all "a redrive policy after one receive, with kills" row 310
stop_reeve
same "it drains" "$drained" 0
exec 9>&-
