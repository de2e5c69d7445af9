#!/bin/sh
# The offset of a row's time zone from UTC at the start of 2026, by the system's own tz database.
zone=$(sed -n 's/.*"payload":{[^}]*"zone":"\([^"]*\)".*/\1/p')
[ -n "$zone" ] || exit 65
[ -f "/usr/share/zoneinfo/$zone" ] || {
	echo "no such zone: $zone" >&2
	exit 125
}
offset=$(TZ=$zone date -d @1767225600 +%z)
eval "echo '{\"done\":{\"zone\":\"$zone\",\"offset\":\"$offset\"}}' >&$REEVE_FD"
