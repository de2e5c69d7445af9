#!/bin/bash
# The unit under a real systemd, booted in a container of its own (root only): start is done at READY,
# a reload adds a queue, a hung supervisor is replaced by the watchdog, stop ends within the grace.
# usage: tests/systemd.sh BUILD     BUILD/cli/reeve is the binary to install
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
[ "$(id -u)" -eq 0 ] || { echo "skipped: only root can boot a container"; exit 0; }
apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 \
	mmdebstrap eatmydata systemd-container >/dev/null 2>&1
work=$(mktemp -d "${TMPDIR:-/tmp}/reeve-systemd.XXXXXX")
root=$work/root
nspawn=
init=
memory=/sys/fs/cgroup/memory$(awk -F: '$2=="memory"{print $3}' /proc/self/cgroup)/reeve.$$
pids=/sys/fs/cgroup/pids/reeve.$$
finish() {
	code=$?
	trap - EXIT
	if [ -n "$init" ]; then
		[ $code -eq 0 ] || inside journalctl -u reeve --no-pager -n 40 || true
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
saw() { echo "ok - $*"; }
fail() { echo "FAILED - $*"; exit 1; }
eventually() {
	for _ in $(seq 400); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	fail "in time: $*"
}

release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mkdir "$root"
eatmydata mmdebstrap --quiet --variant=minbase \
	--include=systemd,systemd-sysv,dbus,procps,libev4,libyaml-0-2,libjansson4,libsqlite3-0,libmd0 \
	"$release" - 2>/dev/null | tar -C "$root" -x --exclude='./dev/*'
install -D "$build/cli/reeve" "$root/usr/local/bin/reeve"
install -Dm644 contrib/systemd/reeve.service "$root/usr/lib/systemd/system/reeve.service"
mkdir -p "$root/etc/reeve"
config() { printf 'store: sqlite:/var/lib/reeve/reeve.db\nqueues:\n%s' "$1" >"$root/etc/reeve/reeve.yaml"; }
config '  one: { workers: 2, run: "echo done" }
'
# A short watchdog, so that the test need not wait for the unit's own.
mkdir -p "$root/etc/systemd/system/reeve.service.d"
printf '[Service]\nWatchdogSec=2\n' >"$root/etc/systemd/system/reeve.service.d/test.conf"

mkdir -p "$memory" "$pids"
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
eventually booted
show() { inside systemctl show reeve -p "$1" --value; }

inside systemctl start reeve
[ "$(show SubState)" = running ] || fail "the unit runs after start"
saw "start is done at READY: $(show StatusText)"
task=$(inside /usr/local/bin/reeve push one '{}' --wait)
[ "$(inside /usr/local/bin/reeve task "$task" --json | grep -c '"completed"')" -ge 1 ] || fail "a task runs in the unit"
saw "a task runs in the unit"

before=$(show MainPID)
config '  one: { workers: 2, run: "echo done" }
  two: { run: "echo two" }
'
inside systemctl reload reeve
[ "$(show MainPID)" = "$before" ] || fail "reload keeps the process"
has_queue_two() { inside /usr/local/bin/reeve status --json | grep -q '"two"'; }
eventually has_queue_two
saw "reload is RELOADING, then READY, and adds the queue"

inside kill -STOP "$before"
is_replaced() { [ "$(show NRestarts)" -ge 1 ] && [ "$(show SubState)" = running ]; }
eventually is_replaced
[ "$(show MainPID)" != "$before" ] || fail "the watchdog replaces a hung supervisor"
saw "the watchdog replaces a hung supervisor"

inside systemctl stop reeve
[ "$(show Result)" = success ] || fail "stop: $(show Result)"
[ -z "$(inside pgrep -x reeve || true)" ] || fail "nothing is left after stop"
saw "stop drains and leaves nothing"
