#!/bin/sh
# Installs what is needed, builds reeve, runs the examples on the embedded SQLite store and checks
# their results. usage: demo.sh [--packages]   (--packages: also a Debian index, 60,000 rows)
set -eu
cd "$(dirname "$0")/.."
root=$PWD
echo "== looking for what is needed"
sh contrib/debian/packages.sh build examples

build=${DEMO_BUILD:-$root/build-demo}
echo "== building in $build"
[ -f "$build/build.ninja" ] || meson setup "$build" -Dbuildtype=release -Dtests=false >/dev/null
ninja -C "$build" >"$build/ninja.log" 2>&1 || {
	tail -n 40 "$build/ninja.log"
	exit 1
}

DEMO_BIN=$build
DEMO_STATE=$(mktemp -d "${TMPDIR:-/tmp}/reeve-demo.XXXXXX")
export DEMO_BIN DEMO_STATE
supervisor=
finish() {
	code=$?
	trap - EXIT
	if [ -n "$supervisor" ]; then
		kill -TERM "$supervisor" 2>/dev/null || true
		wait "$supervisor" || true
	fi
	[ $code -eq 0 ] || tail -n 40 "$DEMO_STATE"/*.log
	rm -rf "$DEMO_STATE"
	exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM

# use EXAMPLE: its configuration from here on, with a supervisor in the background
use() {
	example=$1
	echo
	echo "== $example: reeve run"
	reeve() { "$build/cli/reeve" -c "$root/examples/$example/reeve.yaml" "$@"; }
	"$build/cli/reeve" -c "examples/$example/reeve.yaml" run >"$DEMO_STATE/$example.log" 2>&1 &
	supervisor=$!
}
leave() {
	kill -TERM "$supervisor"
	wait "$supervisor"
	supervisor=
}
# show WORKFLOW PAYLOAD: starts a job, waits for it with a progress bar, shows graph and status
show() {
	echo "-- reeve start $1"
	job=$(reeve start "$1" --payload "$2" --wait | head -n 1)
	reeve graph "$job"
	reeve job "$job"
}

use say-hello
show say-hello '{"times":5}'
grep -o '[1-5]\. Hello$' "$DEMO_STATE/say-hello.log"
leave

use adder
echo "-- reeve push adder: 1, 2, 3"
task=$(reeve push adder '{"args":[1,2,3],"kwargs":{}}' --task adder --wait | head -n 1)
reeve task "$task"
leave

use advertising
show advertising "{\"hotels\":\"hotels.json\",\"out\":\"$DEMO_STATE/out\"}"
leave
python3 examples/advertising/check.py examples/advertising/hotels.json "$DEMO_STATE/out"

use gush-import
printf 'one\ntwo\nthree\n' >"$DEMO_STATE/rows.csv"
show import_rows "{\"csv\":\"$DEMO_STATE/rows.csv\"}"
leave

use reviews
show review "{\"text\":\"it came late\",\"stars\":2,\"earlier\":[5,5],\"out\":\"$DEMO_STATE\"}"
leave

use import
zones=/usr/share/zoneinfo/zone1970.tab
show zones "{\"file\":\"$zones\",\"out\":\"$DEMO_STATE/out\"}"
(cd examples/import && python3 check.py zones "$zones" "$DEMO_STATE/out")
if [ "${1:-}" = --packages ]; then
	index=
	for file in /var/lib/apt/lists/*_main_binary-*_Packages*; do
		[ -f "$file" ] || continue
		[ -n "$index" ] && [ "$(stat -c %s "$file")" -le "$(stat -c %s "$index")" ] || index=$file
	done
	[ -n "$index" ] || { echo "no package index here: run apt-get update first" >&2; exit 1; }
	show packages "{\"file\":\"$index\",\"out\":\"$DEMO_STATE/out\"}"
	(cd examples/import && python3 check.py packages "$index" "$DEMO_STATE/out")
fi
leave
echo
echo "== all examples ended as they should"
