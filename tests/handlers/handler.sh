#!/bin/sh
# What tests/stories/clients.py asks of each client.
. "$CLIENTS/reeve.sh"

handle() {
	value=$(reeve_get payload.value)
	case $(reeve_get payload.do) in
	spawn)
		reeve_spawn row '{"i":1}'
		reeve_spawn row '{"i":"ü"}'
		reeve_done '{"spawned":2}'
		;;
	progress)
		reeve_progress 0.5 half
		reeve_beat
		;;
	permanent) reeve_permanent never ;;
	retry) [ "$(reeve_get attempt)" -gt 1 ] || reeve_retry 100ms later ;;
	say) printf said ;;
	again) [ "$(reeve_get attempt)" -gt 1 ] || exit 75 ;;
	raise) reeve_fail bäng ;;
	push) reeve_done "[\"$(reeve_push rows "$value" --task row --delay 10ms)\",\"$(reeve_start rows "$value")\"]" ;;
	wait)
		trap 'touch "cancelled.$REEVE_QUEUE"; exit 1' TERM
		touch "waiting.$REEVE_QUEUE"
		while :; do sleep 0.02; done
		;;
	*) [ ! "$value" ] || reeve_done "$(reeve_quote "$value")" ;;
	esac
}
reeve_work handle
