#!/bin/sh
# What Gush (github.com/chaps-io/gush) and its article promise: the import, in the files of
# examples/gush-import, outputs handed on, globals, one run at a time, and going on after a failure.
. "$STORIES/lib.sh"

export DEMO_STATE="$home"
example=$STORIES/../../examples/gush-import
reeve() { "$REEVE" -c "$example/reeve.yaml" "$@"; }
start_example() {
	"$REEVE" -c "$1" run >>log 2>&1 &
	supervisor=$!
	eventually 20 "$REEVE" -c "$1" status
}
printf 'one\ntwo\nthree\nfour\n' >rows.csv

same "the import is at most ten lines of YAML" "$(($(wc -l <"$example/workflows/import.yaml") <= 10))" 1
start_example "$example/reeve.yaml"
job=$(reeve start import --wait | head -n 1)
same "import_csv and import_xml, then the report" "$(reeve results "$job" report)" \
	'{"import_csv":["import_csv"],"import_xml":["import_xml"]}'
same "globals reach every task" "$(reeve tasks "$job" --json | json '[t["payload"]["creator"] for t in v]')" "[7, 7, 7]"
times=$(reeve tasks "$job" --json | json '{t["name"]: t["trace"][0] for t in v}')
same "the report runs after both have ended" "$(echo "$times" | json 'v["report"]["received_at"] >= max(v["import_csv"]["finished_at"], v["import_xml"]["finished_at"])')" true
job=$(reeve start import_rows --payload "{\"csv\":\"$home/rows.csv\"}" --wait | head -n 1)
same "a task for each row, and the report after every row and the XML" "$(reeve results "$job" report)" \
	'{"import_row":["four","one","three","two"],"import_xml":["import_xml"]}'
same "eager: the same" "$(reeve eager import_rows --payload "{\"csv\":\"$home/rows.csv\"}" 2>/dev/null | json 'v["results"]["report"][0]')" \
	"$(reeve results "$job" report | json v)"
contains "the graph" "$(reeve graph "$job")" "import_row  spawned  queue import  4 completed"
contains "the graph for Graphviz" "$(reeve graph import_rows --format dot)" "digraph"
stop_reeve

cp -r "$example" here
example=$home/here
cat >here/import.sh <<'S'
#!/bin/sh
while [ ! -e go ]; do sleep 0.05; done
echo "$REEVE_TASK" >>ran
[ "$REEVE_TASK" != import_xml ] || [ -e mended ] || exit 125
row=$(sed -n 's/.*"rows":\["\([^"]*\)"\].*/\1/p')
eval "echo '{\"done\":\"${row:-$REEVE_TASK}\"}' >&$REEVE_FD"
S
start_example "$example/reeve.yaml"
job=$(reeve start import_rows --payload "{\"csv\":\"$home/rows.csv\"}" --key nightly)
same "one run at a time: a key that a running job has answers that job" \
	"$(reeve start import_rows --payload "{\"csv\":\"$home/rows.csv\"}" --key nightly)" "$job"
: >here/go
exits 1 reeve job "$job" --wait
: >here/mended
reeve retry "$job" 2>/dev/null
ended() { [ "$(reeve job "$job" --json | json 'v["status"]')" = completed ]; }
eventually 20 ended
same "it goes on from where it failed" "$(sort here/ran | uniq -c | tr -s ' ' | tr '\n' ';')" " 4 import_row; 2 import_xml;"
stop_reeve
