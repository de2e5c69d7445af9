#!/bin/sh
# Bad input gets one clear line each, all at once, exit 2, and nothing is left behind.
. "$STORIES/lib.sh"

# mistakes WHAT TEXT…: `check` of this configuration exits 2 and names each TEXT
mistakes() {
	what=$1
	shift
	exits 2 reeve check
	for part in "$@"; do
		grep -qF "$part" err || fail "$what: no \"$part\" in: $(cat err)"
	done
	saw "$what: $(head -n 1 err | cut -c 1-90)"
}
mistakes "no file" reeve.yaml
: >reeve.yaml
mistakes "an empty file" reeve.yaml
printf 'store: sqlite:a.db\nqueues:\n  mail: { run: [tru' >reeve.yaml
mistakes "a half-written file" reeve.yaml:
cat >reeve.yaml <<'Y'
store: sqlite:a.db
shutdown_grace: soon
queues:
  mail: { run: [/bin/true], workers: many, worker: 2 }
  mail: { run: [/bin/true] }
  "bad name": { run: [/bin/true] }
  other: { type: sync, lease: 1s }
Y
mistakes "many at once" "reeve.yaml:2:" "queues.mail.workers" '"many"' '"worker"' '"workers"' \
	"reeve.yaml:5:" "bad name" "queues.other.lease"

cat >reeve.yaml <<'Y'
store: sqlite:a.db
queues:
  mail: { run: [/bin/true] }
Y
mkdir workflows
echo '{"starts":["a"],"tasks":{"a":{"queue":"mail","starts":["b"]},"b":{"queue":"mail","starts":["a"]}}}' >workflows/cycle.json
mistakes "a cycle" cycle a b
exits 2 reeve start cycle
contains "a cycle is refused by start too" "$(cat err)" "invalid workflow descriptor"
echo '{"starts":["a"],"tasks":{"a":{"queue":"mail"}}}' >workflows/cycle.json
exits 2 reeve start cycle --payload '{"a":'
contains "a payload that is not JSON" "$(cat err)" "JSON"
exits 2 reeve push mail 'nonsense'
contains "a pushed one too" "$(cat err)" "JSON"
head -c 1100000 /dev/zero | tr '\0' 1 >big
exits 2 reeve push mail @big
contains "over 1 MiB" "$(cat err)" "1 MiB"
same "nothing was stored" "$(reeve tasks --json | json 'len(v)')" 0
chmod 000 reeve.yaml
if [ "$(id -u)" -ne 0 ]; then mistakes "an unreadable file" "Permission denied"; fi
chmod 644 reeve.yaml
printf 'store: sqlite:/proc/nowhere/a.db\nqueues:\n  mail: { run: [/bin/true] }\n' >reeve.yaml
exits 75 reeve push mail 1
contains "a store that cannot be opened" "$(cat err)" "/proc/nowhere"
exits 0 reeve check
contains "check warns of it" "$(cat err)" "warning: store /proc/nowhere/a.db: the folder /proc/nowhere does not exist"
