#!/bin/sh
# For meson test --wrap: valgrind in front of a test's program, which the scripts that start servers put there
# themselves.
set -eu
valgrind='valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite'
# shellcheck disable=SC2086 # words
case $1 in
*/sh | *.sh) REEVE_TEST_WRAP=$valgrind exec "$@" ;;
*) exec $valgrind "$@" ;;
esac
