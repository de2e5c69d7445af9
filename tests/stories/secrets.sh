#!/bin/sh
# A store's password and a broker's keys are shown to nobody: not in the log at debug, status, check,
# the command lines of our processes, what handlers inherit, nor in the text of any error.
# shellcheck source=tests/stories/lib.sh
. "$STORIES/lib.sh"

export STORE_SECRET=Kx7secretA BROKER_SECRET=Kx7secretB
case ${REEVE_STORY_STORE:-} in
redis*)
	port=${REEVE_STORY_STORE##*:}
	redis-cli -p "$port" ACL SETUSER teller on ">$STORE_SECRET" '~*' '&*' '+@all' >/dev/null
	shape='redis://teller:%s@127.0.0.1:%s/'
	;;
postgres*)
	port=${REEVE_STORY_STORE##*:}
	port=${port%%/*}
	shape='postgres://postgres:%s@127.0.0.1:%s/postgres'
	;;
*) echo "skipped: no store with a password" && exit 0 ;;
esac
config() {
	# shellcheck disable=SC2059 # the shape is ours
	url=$(printf "$shape" "$1" "$2")
	cat >reeve.yaml <<Y
store: "$url"
log: { level: debug }
queues:
  look: { run: [./look.sh] }
Y
	[ -z "${REEVE_STORY_BROKER:-}" ] || case $REEVE_STORY_BROKER in
	redis*) echo "broker: \"redis://\${BROKER_USER}:\${BROKER_SECRET}@${REEVE_STORY_BROKER#redis://}\"" >>reeve.yaml ;;
	http*) echo "broker: \"sqs://us-east-1/secrets-?endpoint=$REEVE_STORY_BROKER\"" >>reeve.yaml ;;
	esac
}
cat >look.sh <<'S'
#!/bin/sh
env
cat
S
chmod +x look.sh
[ "${REEVE_STORY_BROKER:-}" = "${REEVE_STORY_BROKER:+${REEVE_STORY_BROKER#http}}" ] || export AWS_ACCESS_KEY_ID=AKIAKx7 AWS_SECRET_ACCESS_KEY=$BROKER_SECRET
export BROKER_USER=teller
[ "${REEVE_STORY_BROKER:-}" = "${REEVE_STORY_BROKER:+${REEVE_STORY_BROKER#redis}}" ] ||
	redis-cli -p "${REEVE_STORY_BROKER##*:}" ACL SETUSER teller on ">$BROKER_SECRET" '~*' '&*' '+@all' >/dev/null

# nowhere WHAT FILE…: no file holds a secret ($secrets, a pattern)
nowhere() {
	what=$1
	shift
	! grep -laE "${secrets:-Kx7secret[AB]}" "$@" >found 2>/dev/null || fail "$what: a secret in $(cat found)"
	saw "no secret in $what"
}

for written in '${STORE_SECRET}' "$STORE_SECRET"; do
	config "$written" "$port"
	: >log
	start_reeve
	reeve push look '{"a":1}' --wait >pushed 2>&1
	reeve status >status 2>&1
	reeve status --json >>status 2>&1
	reeve check --json >check 2>&1
	reeve logs look >logs 2>&1
	for process in /proc/[0-9]*; do
		line=$(tr '\0' ' ' 2>/dev/null <"$process/cmdline" || true) 2>/dev/null
		case $line in *"$home"*) echo "$line" >>cmdlines ;; esac
	done
	[ -s cmdlines ] || fail "no process of ours was seen"
	nowhere "status, check, logs and command lines" pushed status check cmdlines
	case $written in
	*STORE*) secrets=$STORE_SECRET nowhere "what a handler inherits for the store" logs log ;;
	esac
	stop_reeve
done

config '${STORE_SECRET}' 1
exits 75 reeve push look 1
nowhere "the error of a server that is not there" err out
config 'wrong${STORE_SECRET}' "$port"
timeout 5 "$REEVE" -c reeve.yaml push look 1 >out 2>err || true
nowhere "the error of a wrong password" err out
printf 'store: "redis://u:%s@h:port"\nqueues: {}\n' "$STORE_SECRET" >reeve.yaml
exits 2 reeve check
nowhere "the error of a broken URL" err out
