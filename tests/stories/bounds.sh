#!/bin/sh
# shellcheck disable=SC2086
# Who a handler is and what it may use, through the real binary. What needs root is left out without.
. "$STORIES/lib.sh"
chmod 755 "$home"
is_root() { [ "$(id -u)" -eq 0 ]; }

cat >reeve.yaml <<'Y'
store: sqlite:bounds.db
defaults: { retries: { max: 0 }, workers: 1 }
queues:
  lost: { run: [true], user: nobody-knows-him, groups: [root, no-such-group] }
Y
exits 2 reeve check
contains "an unknown user is named with its place" "$(cat err out)" \
	'reeve.yaml:4:24: queues.lost.user: this machine has no user "nobody-knows-him"'
contains "an unknown group too" "$(cat err out)" \
	'reeve.yaml:4:63: queues.lost.groups: this machine has no group "no-such-group"'

cat >reeve.yaml <<'Y'
store: sqlite:bounds.db
shutdown_grace: 4s
defaults: { retries: { max: 0 }, workers: 1, cwd: / }
queues:
  own: { run: 'echo "{\"done\":\"$(id -un) $HOME $USER $LOGNAME $SHELL $(pwd) $(umask)\"}" >/dev/fd/3', user: daemon, umask: 027, env: { SHELL: /bin/dash } }
  nowhere: { run: 'true', cwd: no/such/folder }
Y
use_store
reeve check >out 2>&1
contains "a folder that is not there is a warning" "$(cat out)" \
	"reeve.yaml:6:27: queues.nowhere.cwd: this folder is not there"
if is_root; then
	start_reeve
	task=$(reeve push own --wait --json | json 'v["result"]')
	same "a handler is the user, and its environment is the user's" "$task" \
		"daemon /usr/sbin daemon daemon /bin/dash / 0027"
	exits 1 reeve push nowhere --wait
	contains "a folder that is not there fails the task by name" \
		"$(reeve dead nowhere --json)" "cannot enter $home/no/such/folder: No such file"
	same "and the worker lives on" "$(reeve status --json | json 'v["queues"]["nowhere"]["restarts"]')" 0
	stop_reeve
fi

# Without root another user is nobody's to give.
nobody=
! is_root || nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
mkdir open
chmod 777 open
cat >open/reeve.yaml <<'Y'
store: sqlite:open.db
control: open.sock
shutdown_grace: 4s
defaults: { retries: { max: 0 }, workers: 1 }
queues:
  own: { run: [true], user: root }
Y
$nobody "$REEVE" -c "$home/open/reeve.yaml" check >out 2>&1 || fail "check"
contains "check says that user needs root" "$(cat out)" "reeve.yaml:6:23: queues.own.user: needs root"
$nobody "$REEVE" -c "$home/open/reeve.yaml" run >log 2>&1 &
supervisor=$!
eventually 20 $nobody "$REEVE" -c "$home/open/reeve.yaml" status
exits 1 $nobody "$REEVE" -c "$home/open/reeve.yaml" push own --wait
contains "where it runs all the same, the task fails by name" \
	"$($nobody "$REEVE" -c "$home/open/reeve.yaml" dead own --json)" "Operation not permitted"
