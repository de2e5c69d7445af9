#!/bin/sh
# Installs what the tests need, builds with sanitizers and deaths at named steps, runs every test.
# usage: tests/run.sh [--all] [TEST…]   --all: what lasts longer too, some minutes: the stories and kills
#   with every pair of store and broker; TEST: a test's name as `meson test --list` shows it
set -eu
cd "$(dirname "$0")/.."
echo "== looking for what is needed"
sh contrib/debian/packages.sh build test
# The servers and languages that tests start arrive while the compiler works.
sh contrib/debian/packages.sh servers languages &
servers=$!
build=${REEVE_TEST_BUILD:-build-test}
# Each start of a sanitized program that is no PIE takes two thirds of the time: fewer pages to relocate. (With
# the sanitizers linked in it would take half, but then the search for leaks crashes now and then where libpq
# was loaded at run time.)
[ -f "$build/build.ninja" ] || meson setup "$build" -Dfaults=true -Db_sanitize=address,undefined \
	-Dbuildtype=debugoptimized -Dwerror=true -Dc_args=-fno-pie -Dc_link_args=-no-pie >/dev/null
echo "== building in $build"
ninja -C "$build" >"$build/ninja.log" 2>&1 || { tail -n 40 "$build/ninja.log"; exit 1; }
wait $servers
sh tests/layers.sh
which="--no-suite long"
export REEVE_TEST_QUICK=1
[ "${1:-}" != --all ] || { which='' REEVE_TEST_QUICK=''; shift; }
# More tests at a time than cores: most of them wait. Who names tests hunts for what fails once.
code=0
[ $# -eq 0 ] || { which=; export REEVE_TEST_ONCE=1; }
# shellcheck disable=SC2086 # words
sh tests/twice.sh "$build" --num-processes 8 $which "$@" || code=$?
sh tests/count.sh "$build" || code=1
exit $code
