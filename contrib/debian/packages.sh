#!/bin/sh
# Installs what reeve needs from Debian's own packages (12 and 13).
# usage: packages.sh build|examples|test|servers|languages|ci …   Only what is missing is installed; without root it
# names what is missing and ends with 1.
set -eu

build="gcc libc6-dev meson ninja-build pkg-config libev-dev libyaml-dev libjansson-dev libsqlite3-dev
	libmd-dev libhiredis-dev libpq-dev libcurl4-openssl-dev"
examples="python3 tzdata"
tests="libcunit1-dev openssl procps python3 sqlite3 tzdata"
languages="nodejs php-cli ruby"
servers="redis-server postgresql pgbouncer npm python3-boto3 curl"
ci="clang clang-format shellcheck valgrind git scdoc"

wanted=
for set in "$@"; do
	case $set in
	build) wanted="$wanted $build" ;;
	examples) wanted="$wanted $examples" ;;
	test) wanted="$wanted $tests" ;;
	servers) wanted="$wanted $servers" ;;
	languages) wanted="$wanted $languages" ;;
	ci) wanted="$wanted $ci" ;;
	*) echo "packages.sh: expected build, examples, test, servers, languages or ci, got \"$set\"" >&2; exit 2 ;;
	esac
done

missing=
for package in $wanted; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	# npm may have come with another package of Node.js than Debian's, which does not go with it.
	[ "$package" = npm ] && command -v npm >/dev/null && state=installed
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "packages.sh: no apt-get here; needed under the names that this system gives them:$missing" >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "packages.sh: missing, and only root can install; as root: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
echo "packages.sh: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086 # the list is words
install() { apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 $missing; }
# The lists of what there is may be missing, or of long ago.
if ! { install || { apt-get update && install; }; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"
