#!/bin/sh
# Writes the texts of files as C: a file NAME.EXT becomes the array PREFIX_NAME_EXT, ended by a 0.
# usage: embed.sh OUTPUT PREFIX FILE…
set -eu
output=$1 prefix=$2
shift 2
for file in "$@"; do
	name=$(basename "$file" | tr .- __)
	printf 'extern const char %s_%s[];\nconst char %s_%s[] = {\n' \
		"$prefix" "$name" "$prefix" "$name"
	od -An -v -tu1 "$file" | sed 's/ *\([0-9][0-9]*\)/\1,/g'
	printf '0 };\n'
done >"$output"
