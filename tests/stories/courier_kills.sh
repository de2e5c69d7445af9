#!/bin/sh
# The courier dies at each of its steps; the broker dies under load and loses its messages: all tasks
# still end, each once, and foreign messages too.
. "$STORIES/lib.sh"
. "$STORIES/broker.sh"

use_fan 40
cat >base.yaml <<'Y'
store: sqlite:x.db
queues:
  read: { run: [./read.sh] }
  row: { workers: 2, run: [./effect.sh] }
  gate: { type: sync }
  report: { run: [./effect.sh] }
  mail: { run: [./effect.sh] }
Y
# begin [PARAMETERS]: a new store and new queues; what was sent is sent again after a second
begin() {
	rm -f seen.* died
	cp base.yaml reeve.yaml
	use_store
	sed -i '/^broker: /s/"$/\&resend=1s"/' reeve.yaml
	# What a dead courier held comes back soon.
	if [ $BROKER = sqs ]; then
		for queue in read row report mail; do
			sqs CreateQueue "{\"QueueName\": \"$fresh-$queue\", \"Attributes\": {\"VisibilityTimeout\": \"2\"}}"
		done
	fi
	ROWS=${1:-40}
}
has() { [ "$(cat "seen.$1" 2>/dev/null | wc -l)" -ge "$2" ]; }
# check WHAT ROWS MAILS: all have run, none twice, and nothing is left over
check() {
	reeve job "$job" --wait >/dev/null || fail "$1: $(reeve explain "$job")"
	eventually 60 has mail "$3"
	[ "$(sort -u seen.row | wc -l)" -eq "$2" ] || fail "$1: $(sort -u seen.row | wc -l) of $2 rows"
	[ "$(cat seen.* | sort | uniq -d)" = "" ] || fail "$1: ran twice: $(cat seen.* | sort | uniq -d)"
	[ "$(wc -l <seen.report)" -eq 1 ] || fail "$1: $(wc -l <seen.report) reports"
	[ "$(wc -l <seen.mail)" -eq "$3" ] || fail "$1: $(wc -l <seen.mail) of $3 mails"
	stop_reeve
	[ "$drained" -eq 0 ] || fail "$1: exit $drained"
	saw "$1"
}

# dies STEP: the courier dies there
dies() {
	begin
	job=$(reeve start fan)
	REEVE_DIE_AT=courier/$1 REEVE_DIE_ONCE=$home/died start_reeve
	eventually 20 door mail requests
	eventually 20 tell mail '{"n":1}' '{"n":2}' '{"n":3}'
	eventually 60 test -e died
	check "death at $1" 40 3
}
for step in claimed sent sent:2 marked received adopted adopted:2 acked; do
	dies $step
done

# The broker forgets what was sent.
begin
start_reeve
reeve pause row
job=$(reeve start fan)
eventually 20 sh -c "[ \"\$(\"$REEVE\" -c reeve.yaml status --json | /usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)[\"queues\"][\"row\"][\"broker\"][\"sent\"])')\" -ge 40 ]"
lose row
reeve resume row
tell mail '{"n":1}'
check "the broker loses what was sent" 40 1

# The broker is killed under load, and comes back (SQS' emulator without its messages).
begin 300
start_reeve
job=$(reeve start fan)
eventually 20 has row 20
kill_broker
start_broker
has row 300 && fail "the broker was killed too late"
eventually 90 tell mail '{"n":1}'
check "the broker is killed under load" 300 1

# The courier is killed again and again.
begin 300
start_reeve
job=$(reeve start fan)
kills=0
until has row 300; do
	pid=$(courier_pid)
	[ "$pid" = 0 ] || { kill -KILL "$pid" 2>/dev/null && kills=$((kills + 1)); }
	[ $kills -lt 10 ] || break
	sleep 0.3 # the pace of the kills
done
tell mail '{"n":1}'
check "$kills kills of the courier" 300 1
