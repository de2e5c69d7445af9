# Sourced by stories that need a broker, after lib.sh: what a producer or an operator does with it,
# without reeve. BROKER is redis or sqs; keys and queues begin with $fresh-, see use_store.
case ${REEVE_STORY_BROKER:?a broker, see with_pair.sh} in
redis*) BROKER=redis ;;
*) BROKER=sqs ;;
esac
redis() { redis-cli -u "$REEVE_STORY_BROKER" "$@" >/dev/null; }
# sqs ACTION JSON: one request, as any client makes it (the emulator asks for no signature)
sqs() {
	/usr/bin/python3 - "$REEVE_STORY_BROKER" "$1" "$2" <<'P'
import json, sys, urllib.request
url, action, body = sys.argv[1:]
request = urllib.request.Request(url + "/", body.encode(), {
    "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS." + action})
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read()
P
}
sqs_url() { echo "$REEVE_STORY_BROKER/000000000000/$fresh-$1"; }
# tell QUEUE BODY…: a producer's messages
tell() {
	queue=$1
	shift
	if [ $BROKER = redis ]; then
		redis RPUSH "$fresh-$queue" "$@"
		return
	fi
	for body in "$@"; do
		sqs SendMessage "$(/usr/bin/python3 -c 'import json,sys; print(json.dumps({"QueueUrl": sys.argv[1], "MessageBody": sys.argv[2]}))' "$(sqs_url "$queue")" "$body")"
	done
}
# lose QUEUE: all its messages are gone, those that are held too
lose() {
	if [ $BROKER = redis ]; then
		redis DEL "$fresh-$1" "$fresh-$1:held" "$fresh-$1:until"
	else
		sqs PurgeQueue "{\"QueueUrl\": \"$(sqs_url "$1")\"}"
	fi
}
kill_broker() {
	kill -KILL "$(cat "$REEVE_BROKER_DIR/pid")"
	while kill -0 "$(cat "$REEVE_BROKER_DIR/pid")" 2>/dev/null; do sleep 0.02; done
}
start_broker() { "$REEVE_BROKER_DIR/start"; }
# door QUEUE MEMBER: a number of `status --json`
door() { reeve status --json | json "v['queues']['$1']['broker']['$2']"; }
courier_pid() { reeve status --json | json '([p["pid"] for p in v["processes"] if p["name"] == "courier"] or [0])[0]'; }
