#!/bin/sh
# Answers the rows of the file that the payload names: each becomes a task.
file=$(sed -n 's/.*"csv":"\([^"]*\)".*/\1/p')
rows=$(sed 's/.*/"&",/' "$file") || exit 65
eval "printf '{\"done\":[%s]}\n' '$(echo "$rows" | tr -d '\n' | sed 's/,$//')' >&$REEVE_FD"
