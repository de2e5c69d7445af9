#!/bin/sh
# Schedules: two supervisors on one store start each instant once, whichever keeper dies at which step;
# overlaps, a reload, what is shown.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

mkdir workflows
echo '{ "starts": ["only"], "tasks": { "only": { "queue": "hop" } } }' >workflows/hop.json
# write_config CRON OVERLAP ENABLED HANDLER
write_config() {
	cat >new.yaml <<Y
store: sqlite:reeve.db
shutdown_grace: 3s
defaults: { restart: { max_delay: 200ms } }
queues:
  tick: { run: "$4" }
  hop: { run: "exit 0" }
schedules:
  beat: { queue: tick, task: tock, cron: "$1", overlap: $2, catch_up: all, enabled: $3, payload: { n: 1 } }
  hop: { workflow: hop, cron: "0 0 1 1 *", timezone: Europe/Madrid }
Y
	[ ! -f reeve.yaml ] || sed -i "s#^store: .*#$(grep '^store: ' reeve.yaml)#" new.yaml
	mv new.yaml reeve.yaml
	cp reeve.yaml other.yaml
}
schedule() { reeve schedules --json | json "[s for s in v if s['name'] == '$1'][0]['$2']"; }
count() { reeve tasks --queue tick --json | json 'len(v)'; }
seconds() { date -u -d "$1" +%s; }

write_config "* * * * * *" allow yes "exit 0"
use_store
cp reeve.yaml other.yaml
same "without a supervisor last is null" "$(schedule beat last)" null
same "and so is enabled told" "$(schedule beat enabled), $(schedule beat queue), $(schedule beat task)" "true, tick, tock"
contains "the next instant of a workflow is Madrid's midnight" "$(schedule hop next)" "-12-31T23:00:00.000Z"
same "its target is shown" "$(schedule hop workflow)" hop

# dies STEP: each of two keepers dies once at this step (not at the first instants: the log has to tell
# when they began); then no instant is lost and none is doubled
dies() {
	write_config "* * * * * *" "${2:-allow}" yes "${3:-exit 0}"
	use_store
	cp reeve.yaml other.yaml
	rm -f died other-died log
	export REEVE_DIE_AT="keeper/$1"
	REEVE_DIE_ONCE="$home/died" "$REEVE" -c reeve.yaml run >>log 2>&1 &
	supervisor=$!
	REEVE_DIE_ONCE="$home/other-died" "$REEVE" -c other.yaml run >>log 2>&1 &
	second=$!
	others=$second
	unset REEVE_DIE_AT
	eventually 60 test -e died
	eventually 60 test -e other-died
	had=$(count)
	eventually 60 has_more
	write_config "* * * * * *" "${2:-allow}" no "${3:-exit 0}"
	reeve reload >/dev/null
	"$REEVE" -c other.yaml reload >/dev/null
	# What is on its way is done when two looks see the same.
	eventually 30 is_quiet
	first=$(sed -n 's/.* is started for \(.*Z\)$/\1/p' log | sort | head -n 1)
	last=$(schedule beat last)
	same "death at $1: each instant was started once" "$(count)" $(($(seconds "$last") - $(seconds "$first") + 1))
	kill -TERM "$second"
	wait "$second" || true
	others=
	stop_reeve
}
has_more() { [ "$(count)" -ge $((had + 3)) ]; }
is_quiet() {
	seen=$(count)$(schedule beat last)
	sleep 1.5
	[ "$seen" = "$(count)$(schedule beat last)" ]
}
dies fired:6
if [ "${SCHEDULES_ALL:-}" ]; then
	dies fire:6
	dies fired:7
	dies schedule_cancel:2 replace "sleep 100"
	dies fire:5 replace "sleep 100"
fi

# Over one that still runs; and what a reload makes of it.
write_config "*/2 * * * * *" replace yes "sleep 100"
use_store
# shellcheck disable=SC2119
start_reeve
worker() { reeve status --json | json '[w["pid"] for w in v["workers"] if w["queue"] == "tick"]'; }
worker=$(worker)
of() { reeve tasks --queue tick --json | json "len([t for t in v if t['status'] == '$1'])"; }
has() { [ "$(of "$1")" -ge "$2" ]; }
eventually 30 has cancelled 2
saw "replace cancels the one that runs"
write_config "*/2 * * * * *" skip yes "sleep 100"
contains "check tells what a reload does" "$(reeve check)" "reload: schedules: taken over at once"
exits 0 reeve reload
eventually 30 grep -q "is left out, task .* still runs" log
running=$(count)
eventually 30 has working 1
sleep 3
same "skip starts nothing over one that runs" "$(count)" "$running"
same "no worker was replaced for it" "$(worker)" "$worker"
write_config "* * * * * *" skip no "sleep 100"
sed -i 's#"0 0 1 1 [*]"#"*/2 * * * * *"#' reeve.yaml
exits 0 reeve reload
same "what is disabled has no next" "$(schedule beat next)" null
has_job() { [ "$(reeve jobs --workflow hop --status completed --json | json 'len(v)')" -ge 2 ]; }
eventually 60 has_job
saw "jobs are started by the clock and end"
[ "$(schedule hop last)" != null ] || fail "last is not told"
contains "people see it too" "$(reeve schedules)" "workflow hop"
mv workflows/hop.json hop.json
contains "check names a workflow that is not there" "$(reeve check 2>&1)" \
	"schedules.hop.workflow: there is no workflow hop"
exits 2 reeve check --strict
stop_reeve
