#!/bin/sh
# Prints as many greetings as the payload says. The envelope is one line of JSON on stdin.
times=$(sed -n 's/.*"times":\([0-9][0-9]*\).*/\1/p')
[ -n "$times" ] || exit 65 # a bad payload: no retry mends it
i=1
while [ "$i" -le "$times" ]; do
	echo "$i. Hello"
	i=$((i + 1))
done
# The result goes to the descriptor that reeve names; stdout is only log.
eval "echo '{\"done\":{\"said\":$times}}' >&$REEVE_FD"
