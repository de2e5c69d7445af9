#!/bin/sh
# What the article on DAGs of queues promises, with its customer reviews (examples/reviews): nodes that
# transform or save, one queue and handler for several workflows, and the stack trace of queues.
. "$STORIES/lib.sh"

export DEMO_STATE="$home"
cp -r "$STORIES/../../examples/reviews" here
reeve() { "$REEVE" -c "$home/here/reeve.yaml" "$@"; }
"$REEVE" -c here/reeve.yaml run >>log 2>&1 &
supervisor=$!
eventually 20 reeve status
exits 0 reeve check --strict
saw "two workflows share queues and handler"

job=$(reeve start review --payload "{\"text\":\"it came late\",\"stars\":2,\"earlier\":[5,5],\"out\":\"$home\"}" --wait | head -n 1)
same "each result is saved by its own node" "$(sort saved)" \
	'save_average {"average": 4.0}
save_review "it came late"
save_sentiment {"mood": "bad"}'
same "one mail node serves all mails" "$(sort mails | cut -d: -f1 | tr '\n' ' ')" "mail_alert mail_customer mail_merchant "
rm -f saved mails
job=$(reeve start storefront --payload "{\"text\":\"lovely\",\"out\":\"$home\"}" --wait | head -n 1)
same "a storefront review comes in at the sentiment" "$(cat saved)" 'save_sentiment {"mood": "good"}'
same "a good one raises no alert" "$(reeve job "$job" --json | json 'v["tasks"]["mail_alert"]')" '{"skipped": 1}'

entry=$(reeve tasks "$job" --json | json '[t["trace"] for t in v if t["name"] == "sentiment"][0][0]')
same "the trace of a task has the article's fields" "$(echo "$entry" | json 'sorted(v)')" \
	'["attempt", "backtrace", "finished_at", "host", "message", "message_id", "queue", "received_at", "seconds", "status", "task", "worker"]'
contains "reeve task shows it" "$(reeve task "$job.1")" "success"
cat >here/reviews.py <<'P'
import json, os, sys
task = json.load(sys.stdin)
print(json.dumps([(e["task"], e["attempt"], e["status"]) for e in task["trace"]]), file=open(task["payload"]["out"] + "/trace." + task["name"], "w"))
if task["name"] == "sentiment" and task["attempt"] == 1:
    sys.exit(75)
os.fdopen(int(os.environ["REEVE_FD"]), "w").write(json.dumps({"done": {"mood": "bad"}}) + "\n")
P
printf 'defaults: { run: [python3, reviews.py], retries: { delay: 50ms } }\n' >defaults
sed -i -e '/^defaults/{r defaults' -e 'd}' here/reeve.yaml
reeve reload >/dev/null
rm -f trace.*
job=$(reeve start storefront --payload "{\"text\":\"x\",\"out\":\"$home\"}" --wait | head -n 1)
same "and every attempt is handed to the tasks behind it" "$(cat trace.save_sentiment)" \
	'[["sentiment", 1, "retry"], ["sentiment", 2, "success"]]'
told=$(reeve task "$(reeve tasks "$job" --json | json '[t["id"] for t in v if t["name"] == "save_sentiment"][0]')")
same "reeve task tells them for people, and its own" \
	"$(echo "$told" | awk '/^before it:/{on = 1} on && $2 ~ /^[0-9]+$/{print $1, $2, $3}')" \
	"$(printf 'sentiment 1 retry\nsentiment 2 success\nsave_sentiment 1 success')"
same "reeve job tells the trace of the whole job" \
	"$(reeve job "$job" | awk '$3 ~ /^(retry|success)$/{print $1, $2, $3}' | sort)" \
	"$(printf 'mail_alert 1 success\nsave_sentiment 1 success\nsentiment 1 retry\nsentiment 2 success')"
same "a failure repeats one node only" "$(reeve tasks "$job" --json | json '{t["name"]: t["attempt"] for t in v if t["attempt"]}')" \
	'{"sentiment": 2, "save_sentiment": 1, "mail_alert": 1}'
stop_reeve
