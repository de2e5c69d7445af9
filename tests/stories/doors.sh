#!/bin/sh
# A reload takes the broker away, gives another one, moves queues on and off it, while tasks are unsent, sent and
# at the broker: all end, once.
. "$STORIES/lib.sh"
. "$STORIES/broker.sh"

cat >effect.sh <<'S'
#!/bin/sh
echo "$REEVE_TASK_ID" >>"seen.$REEVE_QUEUE"
S
chmod +x effect.sh
cat >reeve.yaml <<'Y'
store: sqlite:x.db
queues:
  mail: { workers: 2, run: [./effect.sh] }
  raw: { format: raw, run: [./effect.sh] }
Y
use_store
cp reeve.yaml first.yaml
sed '/^broker: /d' first.yaml >none.yaml
sed "/^broker: /s/$fresh-/${fresh}b-/" first.yaml >second.yaml
sed 's/^  mail: {/& format: raw,/' first.yaml >moved.yaml
sed 's/^  raw: { format: raw,/  raw: {/' first.yaml >joined.yaml
# What a poll that was cut off took with it comes back soon.
if [ $BROKER = sqs ]; then
	for queue in "$fresh-mail" "$fresh-raw" "${fresh}b-mail" "${fresh}b-raw"; do
		sqs CreateQueue "{\"QueueName\": \"$queue\", \"Attributes\": {\"VisibilityTimeout\": \"2\"}}"
	done
fi
start_reeve

ran() { [ "$(sort -u "seen.$1" 2>/dev/null | wc -l)" -ge "$2" ]; }
pushed=0
# hold QUEUE: it is paused, and its poll has been called back: nothing tells when
hold() {
	reeve pause "$1" >/dev/null
	sleep 1.5
}
push_many() { # QUEUE COUNT
	for _ in $(seq "$2"); do reeve push "$1" 1 >/dev/null; done
	pushed=$((pushed + $2))
}
# becomes FILE: reloads with it, the new courier at work
becomes() {
	cp "$1" reeve.yaml
	exits 0 reeve reload
}
is_sent() { [ "$(door "$1" sent)" -ge "$2" ]; }
has_waiting() { reeve status --json | json "v['queues']['$1']['broker']['waiting']" | grep -qx "$2"; }
# all_ran WHAT QUEUE
all_ran() {
	reeve resume "$2" >/dev/null
	eventually 60 ran "$2" $pushed
	[ "$(sort "seen.$2" | uniq -d)" = "" ] || fail "$1: twice: $(sort "seen.$2" | uniq -d)"
	[ "$(wc -l <"seen.$2")" -eq $pushed ] || fail "$1: $(wc -l <"seen.$2") of $pushed"
	saw "$1"
}

hold mail
push_many mail 12
eventually 20 has_waiting mail 12
becomes none.yaml
all_ran "sent tasks end when the broker is taken away" mail

hold mail
push_many mail 5
becomes first.yaml
push_many mail 5
all_ran "tasks from before a broker and after it" mail

hold mail
push_many mail 12
eventually 20 has_waiting mail 12
becomes second.yaml
push_many mail 3
becomes none.yaml
all_ran "sent tasks end when there is another broker and then none" mail

becomes first.yaml
hold mail
push_many mail 12
eventually 20 has_waiting mail 12
becomes moved.yaml
push_many mail 3
all_ran "sent tasks end when their queue leaves the broker" mail
eventually 20 has_waiting mail 0
sleep 0.5
same "what was sent for it before is no payload of another task" "$(wc -l <seen.mail)" $pushed

becomes joined.yaml
pushed=0
push_many raw 5
all_ran "and a queue that comes to it sends" raw
[ "$(door raw sent)" -eq 5 ] || fail "raw has sent $(door raw sent)"
saw "five messages"
stop_reeve
same "it drains" "$drained" 0
