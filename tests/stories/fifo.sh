#!/bin/sh
# Two supervisors serve one FIFO queue through one store: within a group each task waits for the one before
# it, through retries and deaths of couriers. Groups by a key of the payload, and by job.
# usage: fifo.sh kills|STEP…   kills at random moments, or a death at each of these steps
. "$STORIES/lib.sh"
. "$STORIES/broker.sh"

GROUPS_=4 EACH=${EACH:-8}
mkdir workflows
for queue in keyed byjob; do
	cat >workflows/$queue.json <<J
{ "starts": ["read"],
  "tasks": { "read": { "queue": "read", "starts_parallel": ["row"] }, "row": { "queue": "$queue.fifo" } } }
J
done
# Rows of all groups in turns: {"of": group, "n": place}.
cat >read.sh <<S
#!/bin/sh
n=0
while [ \$n -lt $EACH ]; do
	of=0
	while [ \$of -lt $GROUPS_ ]; do
		eval "echo '{\"spawn\":[{\"task\":\"row\",\"payload\":{\"of\":\"g\$of\",\"n\":\$n}}]}' >&\$REEVE_FD"
		of=\$((of + 1))
	done
	n=\$((n + 1))
done
S
# Writes begin and end to the group's file; every fifth fails at first.
cat >row.sh <<'S'
#!/bin/sh
envelope=$(cat)
of=${envelope#*'"of":"'}
of=${of%%\"*}
n=${envelope#*'"n":'}
n=${n%%[,\}]*}
case $1 in
key) group=$of ;;
job) group=$REEVE_JOB_ID n=$n.$of ;;
esac
echo "begin $n" >>"order.$group"
if [ $(((${n%.*} + REEVE_ATTEMPT) % 5)) -eq 1 ] && [ "$REEVE_ATTEMPT" -eq 1 ]; then
	echo "retry $n" >>"order.$group"
	exit 75
fi
echo "end $n" >>"order.$group"
S
chmod +x read.sh row.sh
cat >reeve.yaml <<'Y'
store: sqlite:x.db
defaults: { retries: { delay: 50ms } }
queues:
  read: { run: [./read.sh] }
  keyed.fifo: { workers: 3, group: of, run: [./row.sh, key] }
  byjob.fifo: { workers: 3, run: [./row.sh, job] }
Y
# What each group's file must hold. A kill of a courier touches no handler: nothing begins twice.
cat >check.py <<'P'
import pathlib, sys
groups, each, wrong = int(sys.argv[1]), int(sys.argv[2]), 0
files = sorted(pathlib.Path(".").glob("order.*"))
def expect(names):
    for name in names:
        yield f"begin {name}"
        if (int(name.split(".")[0]) + 1) % 5 == 1:
            yield from (f"retry {name}", f"begin {name}")
        yield f"end {name}"
for path in files:
    by_key = path.name.startswith("order.g")
    names = [str(n) for n in range(each)] if by_key else [f"{n}.g{of}" for n in range(each) for of in range(groups)]
    got, want = path.read_text().split("\n")[:-1], list(expect(names))
    if got != want:
        at = next((i for i, pair in enumerate(zip(got, want)) if pair[0] != pair[1]), min(len(got), len(want)))
        print(f"{path.name}: line {at}: {got[at - 3:at + 5]}, wanted {want[at - 3:at + 5]}")
        wrong += 1
print(len(files))
sys.exit(bool(wrong) or len(files) != groups + int(sys.argv[3]))
P

# begin: a new store and new queues, and two supervisors of them
begin() {
	rm -f order.* died
	use_store
	sed -i '/^broker: /s/"$/\&resend=2s"/' reeve.yaml
	for queue in keyed byjob; do
		sqs CreateQueue "{\"QueueName\": \"$fresh-$queue.fifo\", \"Attributes\": {\"FifoQueue\": \"true\", \"VisibilityTimeout\": \"2\"}}"
	done
	sqs CreateQueue "{\"QueueName\": \"$fresh-read\", \"Attributes\": {\"VisibilityTimeout\": \"2\"}}"
	cp reeve.yaml other.yaml
	"$REEVE" -c other.yaml run >>other.log 2>&1 &
	other=$! others=$!
	eventually 20 "$REEVE" -c other.yaml status
	start_reeve
}
# finish_round WHAT JOB…
finish_round() {
	what=$1
	shift
	for job in "$@"; do
		reeve job "$job" --wait >/dev/null 2>&1 || fail "$what: $(reeve explain "$job")"
	done
	/usr/bin/python3 check.py $GROUPS_ "$EACH" 2 >wrong || fail "$what: $(cat wrong)"
	kill -TERM $other
	wait $other || fail "$what: the other supervisor's exit $?"
	others=
	stop_reeve
	[ "$drained" -eq 0 ] || fail "$what: exit $drained"
	saw "$what"
}

start_jobs() { one=$(reeve start keyed) two=$(reeve start byjob) three=$(reeve start byjob); }

if [ "$1" = kills ]; then
	begin
	start_jobs
	finish_round "order within groups, with two couriers" "$one" "$two" "$three"
	begin
	start_jobs
	kills=0
	while [ $kills -lt 6 ]; do
		sleep 0.4 # the pace of the kills
		pid=$(courier_pid)
		if [ "$pid" != 0 ] && kill -KILL "$pid" 2>/dev/null; then kills=$((kills + 1)); fi
	done
	finish_round "and with $kills kills of one of them" "$one" "$two" "$three"
	exit 0
fi
for step in "$@"; do
	export REEVE_DIE_AT="courier/$step" REEVE_DIE_ONCE="$home/died"
	begin
	unset REEVE_DIE_AT REEVE_DIE_ONCE
	start_jobs
	finish_round "order within groups, with a death at $step" "$one" "$two" "$three"
	[ -e died ] || fail "nothing died at $step"
done
