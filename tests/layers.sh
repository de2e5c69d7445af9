#!/bin/sh
# Fails on an #include that docs/layers.txt does not allow, or that is not rooted.
set -eu
cd "$(dirname "$0")/.."
bad=0
for file in $(git ls-files --cached --others --exclude-standard '*.c' '*.h' | grep -v '^tests/\|^bench/\|^examples/\|^contrib/'); do
	folder=${file%%/*}
	allowed=" $folder $(sed -n "s/^$folder://p" docs/layers.txt) "
	for included in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file"); do
		case $included in
		*/*) ;;
		*) echo "$file: \"$included\" is not rooted"; bad=1; continue ;;
		esac
		case $allowed in
		*" ${included%%/*} "*) ;;
		*) echo "$file: $folder may not include $included"; bad=1 ;;
		esac
	done
done
# The supervisor sees workers/ through two headers only: nothing stateful crosses fork.
if grep -n '#include "workers/' supervisor/*.[ch] 2>/dev/null | grep -v 'workers/worker.h\|workers/scoreboard.h'; then
	echo "supervisor/ may include only workers/worker.h and workers/scoreboard.h"
	bad=1
fi
exit $bad
