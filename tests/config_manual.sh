#!/bin/sh
# The table of keys in docs/configuration.md is printed from the one in the code.
#   config_manual.sh PROGRAM DOCUMENT           fails where they differ
#   config_manual.sh PROGRAM DOCUMENT --write   puts the code's table into the document
set -eu
program=$1 document=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
begin='<!-- keys: begin' end='<!-- keys: end'
"$program" > "$scratch/table"
if [ ! -s "$scratch/table" ] || ! grep -q "^$begin" "$document" || ! grep -q "^$end" "$document"; then
	echo "no table, or no place for it in $document"
	exit 1
fi
{
	sed "/^$begin/q" "$document"
	echo
	cat "$scratch/table"
	sed -n "/^$end/,\$p" "$document"
} > "$scratch/document"
if [ "${3:-}" = --write ]; then
	cp "$scratch/document" "$document"
else
	diff -u "$document" "$scratch/document"
fi
