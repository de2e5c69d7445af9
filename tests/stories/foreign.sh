#!/bin/sh
# Messages of other people's clients: AWS' SDK for JavaScript, boto3, and JSON signed by botocore; in every
# format, with text of many scripts, attributes, and what PHP and Python make of base64.
. "$STORIES/lib.sh"
. "$STORIES/broker.sh"
tests=$STORIES/..
export NODE_NO_WARNINGS=1

cat >effect.sh <<'S'
#!/bin/sh
cat >"part.$REEVE_TASK_ID" && mv "part.$REEVE_TASK_ID" "envelope.$REEVE_TASK_ID"
S
chmod +x effect.sh
# What each queue is sent, and what its handlers shall see of it: [name, payload], or the reason of the dead.
cat >messages.py <<'P'
import base64, json, os, sys
url, way, is_fifo = sys.argv[1], sys.argv[2], sys.argv[3] == "fifo"
texts = ["é", "日本語", "😀 \U0001f469\u200d\U0001f680", "a\tb\n\"\\", "\u2028", "<&> %20 +", "\ufffd"]
b64 = lambda text: base64.b64encode(text.encode()).decode()
old = lambda **members: b64(json.dumps(members))
php = lambda text: b64(json.dumps(text, separators=(",", ":")))
rows = []
def add(queue, body, name, payload, **more):
    rows.append(dict(queue=url + queue, body=body, want=[queue, name, payload], **more))
def dead(queue, body, reason):
    rows.append(dict(queue=url + queue, body=body, want=[queue, None, reason]))
for value in texts + [{"to": text} for text in texts] + [7, -1.5, 1e100, True, None, [], {}, [1, [2]], "", 2**63 - 1]:
    add("task", json.dumps(value), "task", value)
    add("task", json.dumps(value, ensure_ascii=False), "task", value)
    if value != "":
        add("raw", value if isinstance(value, str) else json.dumps(value), "raw", value)
    # Python of 0.7, of 0.5 with and without its id, and PHP, with and without line ends of MIME.
    add("old", old(id=f"n{len(rows)}{way}", name="add", args=[value], kwargs={}), "add", {"args": [value], "kwargs": {}})
    add("old", old(job_id=f"j{len(rows)}{way}", name="m|C", args=[], kwargs={"v": value}), "m|C", {"args": [], "kwargs": {"v": value}})
    add("old", php({"name": "mail", "args": [value], "kwargs": []}), "mail", {"args": [value], "kwargs": {}})
add("task", ' \n{"task_id": "x", "more": 1}\t', "task", {"task_id": "x", "more": 1})
add("task", '{"a": "\\ud83d\\ude00"}', "task", {"a": "😀"}, attributes={"trace": "é", "kind": "x"})
add("raw", "not JSON {", "raw", "not JSON {", attributes={"kind": "x"})
add("raw", '{"a":1}{"b":2}', "raw", '{"a":1}{"b":2}')
add("raw", "x" * 200000, "raw", "x" * 200000)
add("old", base64.encodebytes(json.dumps({"name": "long", "args": ["x" * 300], "kwargs": None}).encode()).decode(),
    "long", {"args": ["x" * 300], "kwargs": {}})
add("old", old(name="unpadded", args=[1], kwargs={}).rstrip("="), "unpadded", {"args": [1], "kwargs": {}})
dead("task", '{"task_id": "nobody-' + way + '"}', "refers to task nobody-" + way)
dead("task", '{"task_id": 420}', "refers to task 420")
dead("task", '{"task_id": ["x"]}', "task_id is neither a text nor a number")
dead("task", "{", "not JSON")
dead("task", '{"a": "\\ud83d"}', "not JSON")
dead("old", "not base64!", "not base64")
dead("old", b64("[]"), "not a JSON object")
dead("old", b64('{"args":[],"kwargs":{}}'), '"name" must be')
dead("old", php({"name": "x", "args": {"0": 1}, "kwargs": []}), '"args" is not a list')
# fauxqs refuses what SQS takes: characters beyond U+FFFF.
if os.environ.get("REEVE_TEST_EMULATOR") != "local":
    rows = [row for row in rows if max(row["body"]) <= "\uffff"]
# A poll of local-aws-sqs that has taken some messages waits on for ten.
for queue in ("task", "raw", "old"):
    while sum(row["want"][0] == queue for row in rows) % 10:
        add(queue, "?", "raw", "?") if queue == "raw" else dead(queue, "?", "not JSON" if queue == "task" else "not base64")
for index, row in enumerate(rows):
    if is_fifo:
        row.update(queue=row["queue"] + ".fifo", group=f"g{index % 3}", id=f"{way}-{index}")
        row["want"][0] += ".fifo"
        if row["want"][1] in ("task", "raw"):
            row["want"][1] += ".fifo"
    print(json.dumps(row))
P
# Compares what handlers saw with what was sent; the number of what is missing.
cat >check.py <<'P'
import collections, json, pathlib, subprocess, sys
reeve, *files = sys.argv[1:]
want, got, wrong = collections.Counter(), collections.Counter(), 0
dead = subprocess.run(reeve.split() + ["dead", "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout
reasons = collections.Counter((row["queue"], row["reason"]) for row in json.loads(dead))
for row in (json.loads(line) for name in files for line in open(name)):
    queue, name, payload = row["want"]
    if name is not None:
        want[json.dumps([queue, name, payload], sort_keys=True)] += 1
        continue
    found = [key for key, count in reasons.items() if key[0] == queue and payload in key[1] and count > 0]
    if found:
        reasons[found[0]] -= 1
    else:
        wrong += 1
        print("not dead:", queue, payload)
for path in pathlib.Path(".").glob("envelope.*"):
    row = json.loads(path.read_text())
    got[json.dumps([row["queue"], row["name"], row["payload"]], sort_keys=True)] += 1
for text, count in (want - got).items():
    print("missing:", count, text[:300])
for text, count in (got - want).items():
    print("too many:", count, text[:300])
for key, count in reasons.items():
    if count > 0:
        print("dead:", count, key)
sys.exit(bool(wrong or want != got or +reasons))
P
cat >reeve.yaml <<'Y'
store: sqlite:x.db
defaults: { retries: { delay: 100ms } }
queues:
  task: { workers: 2, run: [./effect.sh] }
  raw: { format: raw, workers: 2, run: [./effect.sh] }
  old: { format: sqjobs, workers: 2, run: [./effect.sh] }
  task.fifo: { workers: 2, run: [./effect.sh] }
  raw.fifo: { format: raw, workers: 2, run: [./effect.sh] }
  old.fifo: { format: sqjobs, workers: 2, run: [./effect.sh] }
Y
use_store
start_reeve
for queue in task raw old task.fifo raw.fifo old.fifo; do
	eventually 20 sqs GetQueueUrl "{\"QueueName\": \"$fresh-$queue\"}"
done

# sends WAY COMMAND…: the same messages by another client, to queues of both kinds
sends() {
	way=$1
	shift
	for kind in standard fifo; do
		/usr/bin/python3 messages.py "$(sqs_url '')" "$way$kind" $kind >"sent.$way.$kind"
		"$@" <"sent.$way.$kind" || fail "$way does not send"
	done
	deadline=$(($(date +%s) + 60))
	until /usr/bin/python3 check.py "$REEVE -c $home/reeve.yaml" sent.* >wrong; do
		[ "$(date +%s)" -le $deadline ] || fail "$way: $(head -n 20 wrong)"
		sleep 0.2
	done
	saw "messages of $way"
}
sends javascript "$REEVE_TEST_NODE" "$tests/emulators/producer.mjs" "$REEVE_STORY_BROKER"
sends json /usr/bin/python3 "$tests/producer.py" "$REEVE_STORY_BROKER" json
# fauxqs does not speak the older protocol.
[ "${REEVE_TEST_EMULATOR:-}" != local ] || sends boto3 /usr/bin/python3 "$tests/producer.py" "$REEVE_STORY_BROKER" boto3
stop_reeve
same "it drains" "$drained" 0
