# Sourced by every story. A story drives the real binary ($REEVE) as a user would, in a folder of
# its own ($home), and stops by pid what it started. It prints one line per thing seen.
set -eu
. "$STORIES/saw.sh"
: "${REEVE:?REEVE names the binary under test}"
# Debian's own programs: those of a version manager start ten times as slowly.
PATH=/usr/bin:/bin:$PATH
# The search for leaks at the end of each command is a third of its time.
[ -z "${REEVE_TEST_QUICK:-}" ] || export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
home=$(mktemp -d "${TMPDIR:-/tmp}/reeve-story.XXXXXX")
supervisor=
others= # more supervisors, by pid
finish() {
	code=$?
	trap - EXIT
	for pid in $supervisor $others; do
		kill -QUIT "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	[ $code -eq 0 ] || [ ! -f "$home/log" ] || tail -n 60 "$home/log" | sed 's/^/log: /'
	rm -rf "$home"
	exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM
cd "$home"

reeve() { "$REEVE" -c "$home/reeve.yaml" "$@"; }
# exits CODE COMMAND…: the command's exit code; its output is left in $home/out and $home/err
exits() {
	wanted=$1
	shift
	got=0
	"$@" >"$home/out" 2>"$home/err" || got=$?
	[ "$got" -eq "$wanted" ] || fail "$*: exit $got, wanted $wanted: $(head -c 400 "$home/out" "$home/err")"
}
# use_fan ROWS: the workflow fan (read, so many rows, a gate, a report) and handlers for it: read.sh, and
# effect.sh, which leaves envelopes.NAME and the task's id in seen.NAME. ROWS can be set anew before a start.
use_fan() {
	export ROWS="$1"
	mkdir workflows
	cat >workflows/fan.json <<'J'
{ "starts": ["read"],
  "tasks": {
    "read": { "queue": "read", "starts_parallel": ["row"],
              "starts_with_params": { "gate": { "rows": { "count": "row" } } } },
    "row": { "queue": "row" },
    "gate": { "queue": "gate", "starts": ["report"],
              "waits_for": { "row": { "condition": { "param": "rows", "function": "eq_completed" } } } },
    "report": { "queue": "report" } } }
J
	cat >read.sh <<'S'
#!/bin/sh
i=0
while [ $i -lt $ROWS ]; do
	eval "echo '{\"spawn\":[{\"task\":\"row\",\"payload\":{\"i\":$i}}]}' >&$REEVE_FD"
	i=$((i + 1))
done
S
	cat >effect.sh <<'S'
#!/bin/sh
cat >>"envelopes.$REEVE_TASK"
echo >>"envelopes.$REEVE_TASK"
echo "$REEVE_TASK_ID" >>"seen.$REEVE_TASK"
S
	chmod +x read.sh effect.sh
}
# use_store: puts the pair under test in the place of the SQLite store of reeve.yaml. REEVE_STORY_STORE
# and REEVE_STORY_BROKER are URLs of servers that the test has to itself; each call gets tables, keys
# and queues that nobody has used before.
use_store() {
	used=$((${used:-0} + 1))
	fresh=s$$x$used
	store=sqlite:$home/$fresh.db
	broker=
	case ${REEVE_STORY_STORE:-} in
	redis*) store="$REEVE_STORY_STORE/?prefix={$fresh}:" ;;
	postgres*) store="$REEVE_STORY_STORE?schema=$fresh" ;;
	esac
	case ${REEVE_STORY_BROKER:-} in
	redis*) broker="$REEVE_STORY_BROKER/?prefix=$fresh-" ;;
	http*) broker="sqs://us-east-1/$fresh-?endpoint=$REEVE_STORY_BROKER" ;;
	esac
	sed -i -e '/^broker: /d' -e "s#^store: .*#store: \"$store\"#" reeve.yaml
	[ -z "$broker" ] || echo "broker: \"$broker\"" >>reeve.yaml
}
# start_reeve [OPTION…]: the supervisor in the background, ready to talk
start_reeve() {
	"$REEVE" -c "$home/reeve.yaml" run "$@" >>"$home/log" 2>&1 &
	supervisor=$!
	eventually 20 reeve status
}
# stop_reeve: drains; the exit code is left in $drained
stop_reeve() {
	kill -TERM "$supervisor"
	drained=0
	wait "$supervisor" || drained=$?
	supervisor=
}
# json FILTER: a value out of JSON on standard input, by python's own names: json 'v["id"]'
json() { "$REEVE_TEST_JSON" "$1"; }
job_status() { reeve job "$1" --json | json 'v["status"]'; }
