#!/bin/sh
# What tests/cgroup.sh runs in the virtual machine.
set -eu
. /root/saw.sh
finish() {
	code=$?
	[ $code -eq 0 ] || journalctl --no-pager -n 40 -u reeve | cut -c 1-180 | sed 's/^/log: /'
}
trap finish EXIT
reeve() { command /usr/local/bin/reeve -c /etc/reeve/reeve.yaml "$@"; }

systemctl start dbus systemd-journald
systemd-sysusers
systemd-tmpfiles --create reeve.conf
mkdir -p /etc/reeve
cat >/etc/reeve/reeve.yaml <<'Y'
store: sqlite:/var/lib/reeve/reeve.db
defaults: { retries: { delay: 100ms }, crashes: 2 }
queues:
  # What a handler has started counts with it.
  fat: { limits: { memory: 64M }, run: 'echo >>/var/lib/reeve/fat; perl -e "\$x = q(a) x (200 << 20); sleep 5" & wait' }
  lean: { limits: { memory: 64M }, run: 'echo lean' }
  leaver: { limits: { memory: 64M }, run: 'setsid sleep 1234 & setsid setsid sleep 1234 & exit 0' }
  stuck: { limits: { memory: 64M }, timeout: 1s, kill_after: 1s, run: 'trap "" TERM; setsid sleep 4321 & while :; do sleep 1; done' }
Y
systemctl start reeve
same "the unit runs" "$(systemctl show reeve -p SubState --value)" running
folder=/sys/fs/cgroup/system.slice/reeve.service
has_line() { journalctl --no-pager -u reeve | grep -- "$1" >/dev/null; }
eventually 60 has_line 'handlers run in cgroups below'
saw "handlers have cgroups of their own"
same "its limit" "$(cat "$folder"/reeve.*/fat#1/memory.max)" 67108864

fat=$(reeve push fat '{}')
reeve job "$fat" --wait >/dev/null 2>&1 || reeve task "$fat" >/dev/null
is_dead() { reeve task "$fat" --json | grep -q '"status": *"failed"'; }
eventually 120 is_dead
same "the second kill for memory sets the task aside" "$(wc -l </var/lib/reeve/fat)" 2
contains "the kill is told apart" "$(reeve task "$fat" --json)" "out of memory (limits.memory is 64M)"
events=$(awk '$1 == "oom_kill" { n += $2 } END { print n + 0 }' "$folder"/reeve.*/fat#1/memory.events)
[ "$events" -ge 2 ] || fail "the kernel counted $events kills"
saw "the kernel counted them"
reeve push lean '{}' --wait >/dev/null
saw "another queue works on"

reeve push leaver '{}' --wait >/dev/null
no_process() { ! pgrep -f "sleep $1" >/dev/null; }
eventually 30 no_process 1234
saw "what left its session ends with its handler"
stuck=$(reeve push stuck '{}')
failed_once() { reeve task "$stuck" --json | grep -q timeout; }
eventually 60 failed_once
reeve cancel "$stuck" >/dev/null
eventually 60 no_process 4321
saw "what will not end is killed with all that it started"

main=$(systemctl show reeve -p MainPID --value)
systemctl kill -s USR2 --kill-who=main reeve
eventually 60 has_line 'supervisor: replaced: '
reeve push lean '{}' --wait >/dev/null
reeve push leaver '{}' --wait >/dev/null
eventually 30 no_process 1234
same "a new binary goes on with the cgroup" "$(ls -d "$folder"/reeve.*)" "$folder/reeve.$main"
kill -KILL "$main"
is_replaced() { [ "$(systemctl show reeve -p MainPID --value)" != "$main" ] && reeve status >/dev/null; }
eventually 120 is_replaced
reeve push lean '{}' --wait >/dev/null
saw "a new supervisor divides the cgroup again"
systemctl stop reeve
same "nothing is left" "$(pgrep -c reeve || true)" 0
saw "all was seen"
