#!/bin/sh
# Qyu's say-hello in sh.
. "${0%/*}/../reeve.sh"

hello() {
	i=0
	while [ $i -lt "$(reeve_get payload.times)" ]; do
		i=$((i + 1))
		echo "$i. Hello"
	done
	reeve_done "{\"said\":$i}"
}
reeve_work hello
