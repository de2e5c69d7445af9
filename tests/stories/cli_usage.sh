#!/bin/sh
# The command line itself: help, likely slips, exit codes, what check finds.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  mail: { run: [cat] }
  gate: { type: sync }
YAML

contains "version names the program" "$("$REEVE" --version)" "reeve "
for command in run check reload restart stop status logs scale pause resume start push job jobs \
	results task tasks explain cancel retry dead purge gc eager workflows graph schedules; do
	contains "$command has a help" "$("$REEVE" "$command" --help)" "usage: reeve $command"
	case $("$REEVE" --help) in
	*"  $command "*) ;;
	*) fail "--help names $command" ;;
	esac
done

# refused WHAT SENTENCE WORD…: exit 2, the sentence on stderr, nothing on stdout
refused() {
	what=$1
	sentence=$2
	shift 2
	exits 2 reeve "$@"
	contains "$what" "$(cat "$home/err")" "$sentence"
	[ ! -s "$home/out" ] || fail "$what: stdout is not empty"
}
refused "stop with a queue names pause" \
	"stop takes no queue (it ends the supervisor); to hold a queue: reeve pause mail" stop mail
refused "reload with a queue names restart" "reeve restart mail" reload mail
refused "status with a queue names explain" "reeve explain mail" status mail
refused "run with a queue names --only" "reeve run --only mail" run mail
refused "a mistyped command gets the nearest" "nearest: reeve status" statsu
refused "a word of another tool gets ours" "reeve dead" failed
refused "a mistyped option gets the nearest" "nearest: --payload" start import --paylaod '{}'
refused "a missing word is named" "start needs WORKFLOW" start
refused "no command" "reeve --help" --json
refused "an unknown state names the nearest" "nearest: running" jobs --status runing
refused "a payload that is not JSON" "payload: not JSON at line 1" start import --payload '{'
refused "a payload that is no object" "payload: expected an object, got an array" \
	start import --payload '[1]'
refused "a bad delay" "--delay: expected a duration" push mail --delay soon
refused "a priority out of range" "--priority: expected a number from -100 to 100" \
	push mail --priority 101
refused "a bad name of a queue" "is no name of a queue" push 'a b'
refused "retry without a word" "retry takes a JOB or a TASK, or --dead QUEUE" retry
refused "purge without a terminal" "needs --yes" purge mail
refused "an unknown queue of --only" "no queue \"mial\" is configured; nearest: mail" \
	run --only mial
refused "schedules with a name" "lists all" schedules nightly
refused "a format that there is not" "nearest: dot" graph import --format dott

head -c 1048577 /dev/zero | tr '\0' 7 >large.json
refused "a payload over 1 MiB" "payload: over 1 MiB" push mail @large.json
exits 2 "$REEVE" -c nowhere.yaml jobs
contains "a configuration that is not there" "$(cat err)" "nowhere.yaml"
exits 75 reeve status
contains "no supervisor" "$(cat err)" "no supervisor is running"
exits 75 reeve stop
exits 75 reeve pause mail

exits 0 reeve check
contains "check counts" "$(cat out)" "ok: 2 queues, 0 workflows"
mkdir workflows
cat >workflows/import.yaml <<'YAML'
starts: [read, sum]
tasks:
  read: { queue: mail }
  sum: { queue: mail, waits_for: { read: { condition: { function: completed } } } }
YAML
exits 2 reeve check
contains "a gate needs a queue of type sync" "$(cat err)" "waits_for needs a queue of type sync"
exits 2 reeve run
contains "run checks too" "$(cat err)" "waits_for needs a queue of type sync"
cat >workflows/import.yaml <<'YAML'
starts: [read]
tasks:
  read: { queue: elsewhere }
YAML
exits 0 reeve check
contains "a queue of another host is a warning" "$(cat err)" 'warning: '
exits 2 reeve check --strict
contains "check --strict takes it as a mistake" "$(cat err)" "\"elsewhere\" is not configured here"
printf 'store: sqlite:reeve.db\nqueues:\n  a: { wokers: 1 }\n  b: { timeout: soon, run: [cat] }\n' >bad.yaml
exits 2 "$REEVE" -c bad.yaml check
contains "all mistakes at once, the first" "$(cat err)" "bad.yaml:3:"
contains "all mistakes at once, the last" "$(cat err)" "bad.yaml:4:"
