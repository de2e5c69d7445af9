# shellcheck shell=sh
# Sourced by what looks from outside: one line per thing seen, the first that is wrong ends the test.
saw() { echo "ok - $*"; }
fail() {
	echo "FAILED - $*"
	exit 1
}
# same WHAT GOT WANTED
same() {
	[ "$2" = "$3" ] || fail "$1: got \"$2\", wanted \"$3\""
	saw "$1"
}
# contains WHAT TEXT PART
contains() {
	case $2 in
	*"$3"*) saw "$1" ;;
	*) fail "$1: \"$3\" is not in \"$2\"" ;;
	esac
}
# eventually SECONDS COMMAND…: awaits a condition
eventually() {
	deadline=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -le "$deadline" ] || fail "in time: $*"
		sleep 0.05
	done
}
