#!/bin/sh
# reeve eager: jobs and tasks here and now, delays in virtual time.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  read: { run: 'echo "{\"spawn\":[{\"task\":\"row\",\"payload\":{\"n\":1}},{\"task\":\"row\",\"payload\":{\"n\":2}}]}" >&"$REEVE_FD"' }
  row: { run: [python3, row.py] }
  gate: { type: sync }
  flaky: { run: './flaky.sh', retries: { max: 2, delay: 6h } }
  broken: { run: 'exit 3', retries: { max: 1, delay: 1d, max_delay: 1d } }
YAML
cat >row.py <<'PY'
import json, os, sys
envelope = json.load(sys.stdin)
os.write(int(os.environ["REEVE_FD"]), json.dumps({"done": envelope["payload"]["n"] * 10}).encode() + b"\n")
PY
cat >flaky.sh <<'SH'
#!/bin/sh
[ "$REEVE_ATTEMPT" -ge 3 ] || exit 1
echo '{"done":"at last"}' >&"$REEVE_FD"
SH
chmod +x flaky.sh
mkdir workflows
cat >workflows/import.yaml <<'YAML'
starts: [read]
tasks:
  read: { queue: read, starts_manually: [row], starts: [sum] }
  row: { queue: row }
  sum: { queue: gate, waits_for: { row: { condition: { function: completed } } }, starts: [late] }
  late: { queue: flaky, delay: 7d }
YAML
cat >workflows/broken.yaml <<'YAML'
starts: [x]
tasks:
  x: { queue: broken }
  y: { queue: row, after: [x] }
YAML
cat >workflows/elsewhere.yaml <<'YAML'
starts: [x]
tasks:
  x: { queue: elsewhere }
YAML

began=$(date +%s)
exits 0 reeve eager import
same "the job is completed" "$(json 'v["status"]' <out)" completed
same "results come by name" "$(json 'v["results"]["row"]' <out)" "[10, 20]"
same "a retried task has one result" "$(json 'v["results"]["late"][0]' <out)" "at last"
same "counts are those of job --json" "$(json 'v["tasks"]["row"]["completed"]' <out)" 2
[ $(($(date +%s) - began)) -lt 3600 ] || fail "a week was waited for"
[ ! -e reeve.db ] || fail "eager opened the configured store"
saw "nothing was waited for, and no store was made"

exits 1 reeve eager broken
same "a failed job" "$(json 'v["status"]' <out)" failed
same "what hangs on it waits" "$(json 'v["tasks"]["y"]["waiting"]' <out)" 1
contains "the reason is on stderr" "$(cat err)" "x failed"

exits 0 reeve eager --queue row --payload '{"n":7}' --task seven
same "one task" "$(json 'v["result"]' <out)" 70
same "its name" "$(json 'v["name"]' <out)" seven
exits 1 reeve eager --queue broken
same "a failed task" "$(json 'v["status"]' <out)" failed
same "its attempts" "$(json 'len(v["trace"])' <out)" 2

exits 2 reeve eager
exits 2 reeve eager import --task seven
contains "a workflow names its tasks" "$(cat err)" "--task names the task of --queue QUEUE"
exits 2 reeve eager import --queue row
exits 2 reeve eager elsewhere
contains "a queue that is not here" "$(cat err)" "\"elsewhere\" is not configured here"
exits 1 reeve eager imprt
contains "an unknown workflow names the nearest" "$(cat err)" "nearest: import"
