#!/bin/sh
# Priorities from end to end: of a queue, of a push, of a task of a workflow, of a message.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

cat >reeve.yaml <<'YAML'
store: sqlite:reeve.db
queues:
  first: { run: "exit 0" }
  mail: { run: 'echo "$REEVE_TASK" >>order', priority: 3 }
YAML
use_store
mkdir workflows
cat >workflows/mixed.json <<'J'
{ "starts": ["first"],
  "tasks": { "first": { "queue": "first", "starts": ["low", "usual", "high"] },
    "low": { "queue": "mail", "priority": -100 }, "usual": { "queue": "mail" },
    "high": { "queue": "mail", "priority": 100 } } }
J
reeve push mail --task pushed-low --priority 2 >/dev/null
reeve push mail --task pushed-usual >/dev/null
reeve push mail --task pushed-high --priority 50 >/dev/null
reeve start mixed >/dev/null
done_all() { [ -f order ] && [ "$(wc -l <order)" -eq 6 ]; }
if [ -n "$broker" ]; then
	# What comes by messages is taken in as workers can use it: in the order of the store, a few at a time.
	# shellcheck disable=SC2119
	start_reeve
	eventually 60 done_all
	same "all came through the broker" "$(sort order | paste -sd' ')" \
		"high low pushed-high pushed-low pushed-usual usual"
	exit 0
fi
exits 0 reeve run --only first --until-idle
exits 0 reeve run --until-idle
same "higher goes first; the queue's own counts where a task brings none" "$(paste -sd' ' order)" \
	"high pushed-high pushed-usual usual pushed-low low"
