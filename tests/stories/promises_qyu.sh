#!/bin/sh
# What Qyu (github.com/QyuTeam/qyu) promises, one check for each, with its descriptors as they are.
. "$STORIES/lib.sh"

mkdir workflows
cat >workflows/say_hello.json <<'J'
{ "starts": ["say_hello"], "tasks": { "say_hello": { "queue": "say-hello" } } }
J
cat >workflows/split-n-sync.json <<'J'
{ "starts": ["split:array"],
  "tasks": {
    "split:array": { "queue": "split-array", "starts_parallel": ["print:array"],
      "starts_with_params": { "report:success": { "nr_tasks": { "count": "print:array" } } } },
    "print:array": { "queue": "print-array" },
    "report:success": { "queue": "report-success", "starts": ["bye"],
      "waits_for": { "print:array": { "condition": { "param": "nr_tasks", "function": "eq_completed" } } } },
    "bye": { "queue": "bye" } } }
J
cat >workflows/ads.json <<'J'
{ "starts": ["ad:group:generate"],
  "tasks": {
    "ad:group:generate": { "queue": "ad-group-generate", "starts": ["ad:group:children:split"] },
    "ad:group:children:split": { "queue": "ad-group-children-split",
      "starts_manually": ["ad:group:children:generate"],
      "starts_with_params": { "ad:group:sync:gate": { "nr_tasks": { "count": "ad:group:children:generate" } } } },
    "ad:group:children:generate": { "queue": "print-array" },
    "ad:group:sync:gate": { "queue": "sync-adgroups",
      "waits_for": { "ad:group:children:generate": { "condition": { "param": "nr_tasks", "function": "eq_completed" } } },
      "starts": ["campaign:package"] },
    "campaign:package": { "queue": "bye" } } }
J
# A gate for two names, one of them two steps below its parent.
cat >workflows/deep.json <<'J'
{ "starts": ["top"],
  "tasks": {
    "top": { "queue": "print-array", "starts": ["a", "b", "gate"] },
    "a": { "queue": "print-array", "starts": ["c"] },
    "b": { "queue": "print-array" },
    "c": { "queue": "print-array" },
    "gate": { "queue": "gate-with-handler",
      "waits_for": { "c": { "condition": { "function": "completed" } }, "b": { "condition": { "function": "completed" } } } } } }
J
cat >workflows/drawn.json <<'J'
{ "starts": ["draw"], "tasks": { "draw": { "queue": "draw", "starts_parallel": ["one"] }, "one": { "queue": "print-array" } } }
J
cat >workflows/made.json <<'J'
{ "starts": ["make"], "tasks": { "make": { "queue": "make", "starts_parallel": ["one"] }, "one": { "queue": "print-array" } } }
J
cat >hello.sh <<'S'
#!/bin/sh
times=$(sed -n 's/.*"times":\([0-9]*\).*/\1/p')
for i in $(seq "$times"); do echo "$i. Hello"; done
S
cat >keep.sh <<'S'
#!/bin/sh
cat >"got.$REEVE_TASK_ID"
cat "got.$REEVE_TASK_ID" >>"all.$REEVE_TASK"
echo >>"all.$REEVE_TASK"
eval "echo '{\"done\":\"$REEVE_TASK\"}' >&$REEVE_FD"
S
cat >make.sh <<'S'
#!/bin/sh
eval "echo '{\"done\":[10,20,30]}' >&$REEVE_FD"
S
cat >manual.sh <<'S'
#!/bin/sh
eval "echo '{\"spawn\":[{\"task\":\"ad:group:children:generate\",\"payload\":{\"n\":1}},{\"task\":\"ad:group:children:generate\",\"payload\":{\"n\":2}}]}' >&$REEVE_FD"
S
cat >around.sh <<'S'
#!/bin/sh
echo around >>order
"$@"
echo around-ends >>order
S
chmod +x ./*.sh
cat >reeve.yaml <<'Y'
store: sqlite:qyu.db
defaults: { retries: { max: 0 } }
queues:
  say-hello: { run: [./hello.sh] }
  split-array: { type: split, split: { payload_key: array, slice_size: 2 } }
  draw: { type: split, split: { payload_key: array, slice_size: 4, sample: true } }
  make: { type: split, run: [./make.sh], split: { payload_key: array, slice_size: 2 } }
  print-array: { workers: 2, run: [./keep.sh] }
  report-success: { type: sync }
  bye: { run: [./keep.sh] }
  ad-group-generate: { type: noop }
  ad-group-children-split: { run: [./manual.sh] }
  sync-adgroups: { type: sync }
  gate-with-handler: { type: sync, run: [./keep.sh] }
  slow: { run: "sleep 30", timeout: 200ms, kill_after: 100ms }
  round: { run: "echo handler >>order", before: [sh, -c, "echo before >>order"], after: [sh, -c, "echo after >>order"], around: [./around.sh] }
  checked:
    type: noop
    validate:
      n: { type: integer, presence: true }
      gone: { absence: true }
      x: { type: number }
      s: { type: string, if: n }
      h: { type: hash, unless: n }
      b: { type: boolean }
      a: { type: array }
Y
use_store
start_reeve
payloads() { reeve tasks "$1" --json | json "sorted(json.dumps(t['payload']) for t in v if t['name'] == '$2')"; }

job=$(reeve start say_hello --payload '{"times":5}' --wait | head -n 1)
same "say-hello: {\"times\": 5} prints 1. Hello … 5. Hello" "$(reeve task "$job.1" --json | json 'v["output"].split()')" \
	'["1.", "Hello", "2.", "Hello", "3.", "Hello", "4.", "Hello", "5.", "Hello"]'

job=$(reeve start split-n-sync --payload '{"array":[1,2,3,4,5],"print:array":{"color":"red"}}' --wait | head -n 1)
same "split-n-sync: slices of slice_size, each with its section" "$(payloads "$job" print:array)" \
	'["{\"array\": [1, 2], \"color\": \"red\"}", "{\"array\": [3, 4], \"color\": \"red\"}", "{\"array\": [5], \"color\": \"red\"}"]'
same "split-n-sync: count goes to the gate" "$(payloads "$job" report:success)" '["{\"array\": [1, 2, 3, 4, 5], \"nr_tasks\": 3}"]'
same "split-n-sync: and on to what it starts" "$(payloads "$job" bye)" '["{\"array\": [1, 2, 3, 4, 5], \"nr_tasks\": 3}"]'
shape='(v["status"], {n: s for n, s in sorted(v["tasks"].items())})'
same "eager ends the same" "$(reeve eager split-n-sync --payload '{"array":[1,2,3,4,5]}' 2>/dev/null | json "$shape")" \
	"$(reeve job "$job" --json | json "$shape")"
job=$(reeve start split-n-sync --payload '{"array":[1,1,2,2,1,1]}' --wait | head -n 1)
same "children with equal payloads are tasks of their own" "$(payloads "$job" print:array | json 'len(v)')" 3
job=$(reeve start split-n-sync --payload '{"array":[]}' --wait | head -n 1)
same "an empty array opens the gate" "$(job_status "$job")" completed

job=$(reeve start ads --wait | head -n 1)
same "the advertising workflow, with starts_manually, ends as it should" \
	"$(reeve job "$job" --json | json '{n: s["completed"] for n, s in v["tasks"].items()}')" \
	'{"ad:group:generate": 1, "ad:group:children:split": 1, "ad:group:children:generate": 2, "ad:group:sync:gate": 1, "campaign:package": 1}'

job=$(reeve start deep --wait | head -n 1)
same "a gate on two names, one deeper, runs its handler once" "$(grep -c '"id"' all.gate)" 1
same "with all their results" "$(json 'v["inputs"]' <"got.$(reeve tasks "$job" --json | json '[t["id"] for t in v if t["name"] == "gate"][0]')")" \
	'{"c": ["c"], "b": ["b"]}'

job=$(reeve start drawn --payload '{"array":[1,2,3,4,5,6,7,8]}' --wait | head -n 1)
same "sample: one element of each slice" \
	"$(reeve tasks "$job" --json | json '[t["payload"]["array"] in ([1,2,3,4],[5,6,7,8])[i] for i, t in enumerate(t for t in v if t["name"] == "one")]')" "[true, true]"
job=$(reeve start made --wait | head -n 1)
same "a split's handler gives the array" "$(payloads "$job" one)" '["{\"array\": [10, 20]}", "{\"array\": [30]}"]'

exits 1 reeve push slow --wait
contains "timeout" "$(cat err)" "failed"
contains "timeout: the reason" "$(reeve dead slow)" "timed out"
exits 0 reeve push round --wait
same "before, around, handler, after" "$(tr '\n' ' ' <order)" "before around handler around-ends after "

# invalid PAYLOAD FAULTS: what Qyu's rules say of it
invalid() {
	exits 1 reeve push checked "$1" --wait
	same "validates: $1" "$(reeve task "$(cat out)" --json | json '(v["status"], v["reason"])')" \
		"[\"invalid_payload\", \"validation failed for payload fields: $2\"]"
}
q='\"'
fault() { printf '{%s%s%s:{%sexpected%s:%s%s%s,%sgot%s:%s%s%s}}' "$q" "$1" "$q" "$q" "$q" "$q" "$2" "$q" "$q" "$q" "$q" "$3" "$q"; }
ok='"n":1,"x":1.5,"s":"t","b":true,"a":[]'
exits 0 reeve push checked "{$ok}" --wait
saw "validates: a good payload"
invalid '{"n":"1","x":1,"s":"t","b":true,"a":[],"h":{}}' "$(fault n.type integer string)"
invalid '{"n":1.5,"x":1,"s":"t","b":true,"a":[],"h":{}}' "$(fault n.type integer number)"
invalid "{$ok,\"gone\":1}" "$(fault gone.absence nothing integer)"
exits 0 reeve push checked "{$ok,\"gone\":null}" --wait
saw "validates: null is absent"
invalid '{"n":1,"x":"1","s":"t","b":true,"a":[]}' "$(fault x.type number string)"
invalid '{"n":1,"x":1,"s":2,"b":true,"a":[]}' "$(fault s.type string integer)"
invalid '{"n":1,"x":1,"s":"t","b":0,"a":[]}' "$(fault b.type boolean integer)"
invalid '{"n":1,"x":1,"s":"t","b":true,"a":{}}' "$(fault a.type array hash)"
exits 1 reeve push checked '{"x":1,"b":true,"a":[],"h":[]}' --wait
contains "validates: presence, and unless" "$(reeve task "$(cat out)" --json | json 'v["reason"]')" '"n.presence":{"expected":"a value","got":"nothing"}'
contains "validates: unless" "$(reeve task "$(cat out)" --json | json 'v["reason"]')" '"h.type":{"expected":"hash","got":"array"}'
stop_reeve
