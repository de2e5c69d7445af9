#!/bin/sh
# Several stories, one after the other. usage: each.sh NAME…
set -eu
for name in "$@"; do
	echo "== $name"
	sh "$STORIES/$name.sh"
done
