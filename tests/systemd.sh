#!/bin/bash
# The units under a real systemd, booted in a container of its own (root only), as `meson install`
# puts them there. usage: tests/systemd.sh BUILD [SUITE]
#   BUILD/cli/reeve is the binary to install; SUITE is the Debian in the container, else this one
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "$1")
release=${2:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
[ "$(id -u)" -eq 0 ] || { echo "skipped: only root can boot a container"; exit 0; }
. tests/debian_root.sh
need mmdebstrap eatmydata systemd-container
work=$(mktemp -d "${TMPDIR:-/tmp}/reeve-systemd.XXXXXX")
root=$work/root
etc=$root/etc/reeve
dropins=$root/etc/systemd/system
nspawn=
init=
memory=/sys/fs/cgroup/memory$(awk -F: '$2=="memory"{print $3}' /proc/self/cgroup)/reeve.$$
pids=/sys/fs/cgroup/pids/reeve.$$
finish() {
	code=$?
	trap - EXIT
	if [ -n "$init" ]; then
		[ $code -eq 0 ] || inside journalctl --no-pager -n 60 | cut -c 1-200 || true
		inside systemctl poweroff >/dev/null 2>&1 || true
	fi
	[ -z "$nspawn" ] || wait "$nspawn" 2>/dev/null || true
	find /sys/fs/cgroup -depth -type d \( -path "*reeve.$$*" -o -path '*/payload*' -o \
		-path '*/supervisor*' \) -exec rmdir {} \; 2>/dev/null || true
	rm -rf "$work"
	exit $code
}
trap finish EXIT
inside() { nsenter -t "$init" -a "$@"; }
reeve() { inside /usr/local/bin/reeve -c "/etc/reeve/$1.yaml" "${@:2}"; }
. tests/stories/saw.sh
show() { inside systemctl show "$1" -p "$2" --value; }
# config NAME YAML: the store lies where the unit may write
config() { printf 'store: sqlite:/var/lib/reeve/%s.db\n%s' "$1" "$2" >"$etc/$1.yaml"; }
# dropin UNIT NAME: its text on standard input
dropin() { mkdir -p "$dropins/$1.d" && cat >"$dropins/$1.d/$2.conf"; }
# entries NAME=VALUE…: the journal's entries with these fields, one JSON object each
entries() { inside journalctl --no-pager --all -o json "$@"; }
# Not grep -q, which would end journalctl with SIGPIPE.
has_entry() { entries "${@:2}" | grep -- "$1" >/dev/null; }

make_root "$root" "$release"
install_reeve "$root" "$build"
# A short watchdog, so that the test need not wait for the units' own.
dropin reeve.service test <<<$'[Service]\nWatchdogSec=2'

mkdir -p "$memory" "$pids" "$etc"
(
	echo $BASHPID >"$memory/cgroup.procs"
	echo $BASHPID >"$pids/cgroup.procs"
	exec systemd-nspawn -q -D "$root" --boot --register=no --keep-unit --console=pipe \
		</dev/null >"$work/log" 2>&1
) &
nspawn=$!
booted() {
	init=$(pgrep -P "$nspawn" | head -n 1)
	[ -n "$init" ] && inside systemctl is-system-running | grep -qE 'running|degraded'
}
eventually 30 booted
inside systemd-sysusers
inside systemd-tmpfiles --create reeve.conf
echo "# $(inside systemctl --version | head -n 1)"

units=$(inside sh -c 'dirname "$(find /lib/systemd/system/ /usr/local/lib/systemd/system/ -name reeve.service 2>/dev/null | head -n 1)"')
for unit in reeve.service reeve@.service reeve-once@.service; do
	score=$(inside systemd-analyze security --offline=true --threshold=25 "$units/$unit" | tail -n 1) ||
		fail "$unit is at most as exposed as 2.5: $score"
	saw "${score#* }"
done
complaints=$(inside systemd-analyze verify reeve.service reeve@x.service reeve-once@x.timer 2>&1 |
	grep -i reeve | grep -v "Command 'man " || true)
same "systemd-analyze verify has nothing to say" "$complaints" ""

# A handler that makes code at run time, as a JIT does: memory that is written and executed.
jit='perl -e "exit(\`uname -m\` =~ /x86_64/ && syscall(9, 0, 4096, 7, 34, -1, 0) == -1)"'
config reeve "queues:
  one: { workers: 2, run: 'cat >/dev/null; id -un; touch /var/lib/reeve/seen /tmp/seen; echo trouble >&2' }
  jit: { run: '$jit' }
  away: { run: 'touch /etc/reeve/seen || exit 125' }
"
inside systemctl start reeve
same "the unit runs after start" "$(show reeve SubState)" running
case $(show reeve StatusText) in
*workers\ on*) saw "start is done at READY: $(show reeve StatusText)" ;;
*) fail "a status: $(show reeve StatusText)" ;;
esac
task=$(reeve reeve push one '{}' --wait)
saw "a task runs in the unit"
reeve reeve push jit '{}' --wait >/dev/null
saw "a handler may compile at run time"
! reeve reeve push away '{}' --wait >/dev/null 2>&1 || fail "a handler may not write in /etc"
saw "a handler may not write in /etc"

eventually 30 has_entry '"MESSAGE"' REEVE_QUEUE=one "REEVE_TASK=$task" REEVE_STREAM=stdout
entry=$(entries REEVE_QUEUE=one "REEVE_TASK=$task" REEVE_STREAM=stdout | head -n 1)
for part in '] reeve"' '"REEVE_ATTEMPT":"1"' '"PRIORITY":"6"' '"_SYSTEMD_UNIT":"reeve.service"' \
	'"_TRANSPORT":"journal"' '"SYSLOG_IDENTIFIER":"reeve"' '"REEVE_PROCESS":"one#'; do
	[[ $entry == *"$part"* ]] || fail "the entry has $part: $entry"
done
[[ $entry != *CODE_* ]] || fail "the entry names no place in the code"
saw "the journal has a handler's line, run as the user reeve, with its fields"

before=$(show reeve MainPID)
config reeve "log: { line: 1M }
queues:
  one: { workers: 2, run: 'echo done' }
  two: { run: 'head -c 900000 /dev/zero | tr \\\\0 x' }
  loud: { run: 'seq 20000' }
  long: { run: 'until [ -f /var/lib/reeve/go ]; do sleep 0.1; done' }
"
inside systemctl reload reeve
same "reload keeps the process" "$(show reeve MainPID)" "$before"
has_queue() { reeve reeve status --json | grep -q "\"$1\""; }
eventually 30 has_queue two
saw "reload is RELOADING, then READY, and adds a queue"
# An upgrade while a task runs: the file is another one, the process the same.
running=$(reeve reeve push long '{}')
is_running() { reeve reeve task "$running" --json | grep -q '"working"'; }
eventually 30 is_running
cp "$root/usr/local/bin/reeve" "$root/usr/local/bin/reeve.new"
mv "$root/usr/local/bin/reeve.new" "$root/usr/local/bin/reeve"
inside systemctl kill -s USR2 --kill-who=main reeve
eventually 30 has_entry 'replaced: version' _SYSTEMD_UNIT=reeve.service
same "USR2 keeps the main process" "$(show reeve MainPID)" "$before"
same "which runs the new file" "$(inside readlink "/proc/$before/exe")" /usr/local/bin/reeve
is_active() { [ "$(show reeve ActiveState)/$(show reeve SubState)" = active/running ]; }
eventually 30 is_active
touch "$root/var/lib/reeve/go"
has_completed() { reeve reeve task "$running" --json | grep -q '"completed"'; }
eventually 30 has_completed
reeve reeve task "$running" --json | grep -q '"attempt":1' || fail "the task ran on over USR2"
saw "USR2 is RELOADING, then READY; a task runs on over it"
rm "$root/usr/local/bin/reeve" && cp "$build/cli/reeve" "$root/usr/local/bin/gone"
inside systemctl kill -s USR2 --kill-who=main reeve
eventually 30 has_entry 'not replaced, the running binary stays' PRIORITY=3 _SYSTEMD_UNIT=reeve.service
mv "$root/usr/local/bin/gone" "$root/usr/local/bin/reeve"
same "without a binary the old one stays" "$(show reeve MainPID)" "$before"
printf 'queues: 7\n' >"$etc/broken" && cp "$etc/reeve.yaml" "$etc/good" && cp "$etc/broken" "$etc/reeve.yaml"
! inside systemctl reload reeve 2>/dev/null || fail "a reload of a file with mistakes fails"
cp "$etc/good" "$etc/reeve.yaml"
[ "$(show reeve MainPID)" = "$before" ] && has_queue two || fail "a bad reload changes nothing"
saw "a reload of a file with mistakes fails and changes nothing"

long=$(reeve reeve push two '{}' --wait)
eventually 30 has_entry xxx "REEVE_TASK=$long" REEVE_STREAM=stdout
length=$(entries "REEVE_TASK=$long" REEVE_STREAM=stdout | grep -o 'x\{1000\}' | wc -l)
same "a line of 900,000 bytes is whole in the journal" "$length" 900

burst=$(reeve reeve push loud '{}' --wait)
inside journalctl --sync
lines=$(entries "REEVE_TASK=$burst" REEVE_STREAM=stdout | wc -l)
echo "# of a burst of 20,000 lines the journal has $lines"
journald=$(show systemd-journald MainPID)
inside kill -STOP "$journald"
for _ in 1 2 3; do reeve reeve push loud '{}' --wait >/dev/null; done
inside kill -CONT "$journald"
reeve reeve push one '{}' --wait >/dev/null
eventually 30 has_entry 'lines of the log were dropped' PRIORITY=4 _SYSTEMD_UNIT=reeve.service
saw "handlers go on while the journal reads nothing, and what was dropped is told"

inside kill -STOP "$before"
is_replaced() { [ "$(show reeve NRestarts)" -ge 1 ] && [ "$(show reeve SubState)" = running ]; }
eventually 30 is_replaced
[ "$(show reeve MainPID)" != "$before" ] || fail "the watchdog replaces a hung supervisor"
same "after the watchdog one supervisor and its own processes are left" \
	"$(inside pgrep -c -u reeve -P 1)" 1

# Two instances beside it; the sockets of the others stay when one stops.
for name in mail ads; do config $name "log: { to: stderr }
queues: { $name: { run: 'echo $name' } }
"; done
inside systemctl start reeve@mail reeve@ads
inside systemctl stop reeve@mail
reeve ads push ads '{}' --wait >/dev/null
reeve ads status >/dev/null && reeve reeve status >/dev/null || fail "other instances are reached"
same "an instance per configuration" "$(show reeve@ads SubState) $(show reeve@mail SubState)" "running dead"
eventually 30 has_entry '"MESSAGE":"ads#1: \[' _SYSTEMD_UNIT=reeve@ads.service _TRANSPORT=stdout PRIORITY=6
saw "log.to: stderr gives the journal lines with their priorities"
inside systemctl stop reeve@ads

# The supervisor's grace is over before systemd's.
config slow "shutdown_grace: 2s
queues: { slow: { run: 'sleep 1000' } }
"
inside systemctl start reeve@slow
slow=$(reeve slow push slow '{}')
is_working() { reeve slow task "$slow" --json | grep -q '"working"'; }
eventually 30 is_working
inside systemctl stop reeve@slow || true
same "stop with a task that does not end: exit code 1" \
	"$(show reeve@slow Result) $(show reeve@slow ExecMainStatus)" "exit-code 1"
reeve slow task "$slow" --json | grep -q '"queued"' || fail "the task is given back"
same "its handler is gone" "$(inside pgrep -x sleep || true)" ""
inside systemctl stop reeve
same "stop drains" "$(show reeve Result)" success
same "stop leaves no process" "$(inside pgrep -u reeve || true)" ""

# The examples of drop-ins.
dropin reeve.service credentials <contrib/systemd/examples/credentials.conf
install -d -m 700 "$etc/secrets"
printf 'sqlite:/var/lib/reeve/secret-place.db\n' >"$etc/secrets/store" && chmod 600 "$etc/secrets/store"
printf 'store: "${credential:store}"\nqueues: { one: { run: "echo done" } }\n' >"$etc/reeve.yaml"
inside systemctl daemon-reload
inside systemctl start reeve
[ -f "$root/var/lib/reeve/secret-place.db" ] || fail "the store is the credential's"
inside systemctl reload reeve
saw "a credential fills the store, over a reload too"
inside systemctl stop reeve
rm "$dropins/reeve.service.d/credentials.conf"

dropin reeve.service user <contrib/systemd/examples/user.conf
config reeve "queues: { one: { user: daemon, cwd: /, retries: { max: 0 }, run: 'cat >/dev/null; id -un; grep Cap /proc/self/status' } }
"
inside systemctl daemon-reload
inside systemctl start reeve
task=$(reeve reeve push one '{}' --wait)
output=$(reeve reeve task "$task" --json)
for set in Prm Eff Amb; do
	[[ $output == *daemon* && $output == *"Cap$set:\\t0000000000000000"* ]] || fail "user: $output"
done
saw "user: the handler is another user and has no capability"
inside systemctl stop reeve
rm "$dropins/reeve.service.d/user.conf"

if [ "$(inside systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p')" -ge 253 ]; then
	dropin reeve.service reload <contrib/systemd/examples/notify-reload.conf
	config reeve "queues: { one: { run: 'echo one' } }
"
	inside systemctl daemon-reload
	inside systemctl start reeve
	config reeve "queues: { one: { run: 'echo one' }, two: { run: 'echo two' } }
"
	inside systemctl reload reeve
	eventually 30 has_queue two
	same "notify-reload: the unit is active again" "$(show reeve ActiveState)" active
	inside systemctl stop reeve
fi

config night "queues: { night: { run: 'echo night' } }
"
done_task=$(reeve night push night '{}')
inside systemctl start reeve-once@night.timer
[ -n "$(show reeve-once@night.timer NextElapseUSecRealtime)" ] || fail "the timer has a next time"
inside systemctl start reeve-once@night
ended() { [ "$(show "$1" SubState)" = dead ] || [ "$(show "$1" SubState)" = failed ]; }
eventually 30 ended reeve-once@night
same "once: ends by itself when idle" "$(show reeve-once@night Result) $(show reeve-once@night ExecMainStatus)" "success 0"
reeve night task "$done_task" --json | grep -q '"completed"' || fail "the night's task ran"
reeve night push night '{}' --delay 1h >/dev/null
dropin reeve-once@night.service short <<-CONF
	[Service]
	ExecStart=
	$(inside sed -n '/^ExecStart=/s/ 1h / 1s /p' "$units/reeve-once@.service")
CONF
inside systemctl daemon-reload
inside systemctl start reeve-once@night
eventually 30 ended reeve-once@night
same "once: drains when its hour is over" "$(show reeve-once@night Result) $(show reeve-once@night ExecMainStatus)" "success 0"
same "and leaves no process" "$(inside pgrep -u reeve || true)" ""
