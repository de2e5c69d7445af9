# shellcheck shell=sh
# Handlers of reeve in sh (POSIX, with its awk); needs nothing but this file. See docs/handlers.md.
#
#     . ./reeve.sh
#     hello() { reeve_done "{\"said\":$(reeve_get payload.times)}"; }
#     reeve_work hello
#
# Works with `protocol: exec` and `protocol: stream` alike. The function runs in a shell of its own for
# each task. It says reeve_done, reeve_fail, reeve_retry or reeve_permanent once, at its end; where it
# says none of them it is done with null, or failed where it ends with another status than 0: 75 asks for
# another try, 65 and 125 are for good. A SIGTERM that is not trapped ends it.

reeve_nothing='{}'

# reeve_get PATH: a value of the task, as payload.rows.0.name; a text without its quotes, all else as
# JSON; nothing where it is missing or null
reeve_get() { printf '%s\n' "$reeve_task" | reeve_awk "$1"; }

# reeve_quote TEXT: the text as JSON
reeve_quote() {
	printf '%sx\n' "$1" | LC_ALL=C awk '
		BEGIN { for (i = 1; i < 32; i++) code[sprintf("%c", i)] = sprintf("\\u%04x", i) }
		{ text = text (NR > 1 ? "\n" : "") $0 }
		END {
			text = substr(text, 1, length(text) - 1)
			while (match(text, /[\001-\037"\\]/)) {
				c = substr(text, RSTART, 1)
				out = out substr(text, 1, RSTART - 1) (c in code ? code[c] : "\\" c)
				text = substr(text, RSTART + 1)
			}
			printf "\"%s%s\"", out, text
		}'
}

# shellcheck disable=SC2120 # handlers pass what they have
# reeve_done [JSON]; reeve_fail REASON; reeve_retry DELAY [REASON] (an empty DELAY: the queue's); reeve_permanent REASON
reeve_done() { reeve_answer "\"done\":${1:-null}"; }
reeve_fail() { reeve_answer "\"fail\":$(reeve_quote "$1"),\"backtrace\":$(reeve_quote "$0: $reeve_handler")"; }
reeve_retry() {
	reeve_delay=${1:+$(reeve_quote "$1")}
	reeve_answer "\"fail\":$(reeve_quote "${2:-try again}"),\"retry_in\":${reeve_delay:-true}"
}
reeve_permanent() { reeve_answer "\"fail\":$(reeve_quote "$1"),\"permanent\":true"; }
# reeve_spawn TASK [JSON]; reeve_progress FRACTION [MESSAGE]; reeve_beat
reeve_spawn() { reeve_say "\"spawn\":{\"task\":$(reeve_quote "$1"),\"payload\":${2:-$reeve_nothing}}"; }
reeve_progress() { reeve_say "\"progress\":$1${2:+,\"message\":$(reeve_quote "$2")}"; }
reeve_beat() { reeve_say '"beat":true'; }

# reeve_push QUEUE [JSON] [OPTION…]; reeve_start WORKFLOW [JSON] [OPTION…]: print an id
reeve_push() {
	reeve_queue=$1 reeve_json=${2:-$reeve_nothing}
	shift $(($# > 1 ? 2 : 1))
	printf '%s' "$reeve_json" | "${REEVE_BIN:-reeve}" ${REEVE_CONFIG:+-c "$REEVE_CONFIG"} push "$reeve_queue" - "$@"
}
reeve_start() {
	reeve_queue=$1 reeve_json=${2:-$reeve_nothing}
	shift $(($# > 1 ? 2 : 1))
	printf '%s' "$reeve_json" | "${REEVE_BIN:-reeve}" ${REEVE_CONFIG:+-c "$REEVE_CONFIG"} start "$reeve_queue" --payload - "$@"
}

# reeve_work FUNCTION
reeve_work() {
	reeve_handler=$1 reeve_told=
	trap reeve_told=yes TERM # which ends the function, or is what it has trapped; then we follow
	eval "exec 8>&$REEVE_FD"
	if [ "${REEVE_TASK_ID-}" ]; then
		reeve_task=$(cat)
		reeve_attempt
		exit
	fi
	eval "exec 9<&$REEVE_FD"
	echo '{"ready":true}' >&8
	while IFS= read -r reeve_line <&9; do
		case $reeve_line in
		'{"task":'*)
			reeve_task=${reeve_line#'{"task":'}
			reeve_task=${reeve_task%?}
			reeve_attempt
			[ ! "$reeve_told" ] || exit 0
			;;
		'{"stop":'*) exit 0 ;;
		esac
	done
}

# --- inside ---

reeve_say() { printf '{"id":%s,%s}\n' "$reeve_id" "$1" >&8; }
reeve_answer() {
	reeve_has_answered=yes
	reeve_say "$1"
}
# A function in a shell of its own, so that whatever it sets or exits is of its task alone.
reeve_attempt() (
	reeve_id=$(reeve_quote "$(reeve_get id)")
	reeve_has_answered=
	trap 'reeve_end $?' EXIT
	"$reeve_handler"
)
reeve_end() {
	[ ! "$reeve_has_answered" ] || return 0
	[ "$1" -eq 0 ] || [ ! "${REEVE_TASK_ID-}" ] || exit "$1" # which says it all
	case $1 in
	0) reeve_done ;;
	65 | 125) reeve_permanent "$reeve_handler ended with $1" ;;
	75) reeve_retry '' "$reeve_handler ended with 75" ;;
	*) reeve_fail "$reeve_handler ended with $1" ;;
	esac
}
# Goes through the JSON token by token; what is not on the path is passed over.
reeve_awk() {
	LC_ALL=C awk -v path="$1" '
	function blank() { while (index(" \t\r\n", c = substr(s, at, 1)) && c != "") at++ }
	function string(  from, part, n) {
		from = at++
		while (1) {
			part = substr(s, at, 4096)
			n = match(part, /["\\]/)
			if (!n) { if (part == "") return ""; at += length(part); continue }
			at += n
			if (substr(part, n, 1) == "\"") return substr(s, from, at - from)
			at++
		}
	}
	function skip(  depth) {
		depth = 0
		do {
			blank()
			if (c == "\"") string()
			else if (c == "{" || c == "[") { depth++; at++ }
			else if (c == "}" || c == "]") { depth--; at++ }
			else if (c == "," || c == ":") at++
			else { if (!match(substr(s, at, 64), /^[^],:} \t\r\n[{]+/)) return; at += RLENGTH }
		} while (depth > 0)
	}
	function utf8(code) {
		if (code < 128) return sprintf("%c", code)
		if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
		if (code < 65536) return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
		return sprintf("%c%c%c%c", 240 + int(code / 262144), 128 + int(code / 4096) % 64, 128 + int(code / 64) % 64, 128 + code % 64)
	}
	function hex(text,  i, n) {
		n = 0
		for (i = 1; i <= 4; i++) n = n * 16 + index("0123456789abcdef", tolower(substr(text, i, 1))) - 1
		return n
	}
	function plain(text,  out, n, e, code) {
		out = ""
		text = substr(text, 2, length(text) - 2)
		while (n = index(text, "\\")) {
			out = out substr(text, 1, n - 1)
			e = substr(text, n + 1, 1)
			if (e == "u") {
				code = hex(substr(text, n + 2, 4))
				n += 4
				if (code >= 55296 && code < 56320 && substr(text, n + 2, 2) == "\\u") {
					code = 65536 + (code - 55296) * 1024 + hex(substr(text, n + 4, 4)) - 56320
					n += 6
				}
				out = out utf8(code)
			} else out = out (e == "n" ? "\n" : e == "t" ? "\t" : e == "r" ? "\r" : e == "b" ? "\b" : e == "f" ? "\f" : e)
			text = substr(text, n + 2)
		}
		return out text
	}
	function enter(name,  closing, i) {
		blank()
		if (c != "{" && c != "[") exit
		closing = c == "{" ? "}" : "]"
		at++
		for (i = 0; ; i++) {
			blank()
			if (c == "" || c == closing) exit
			if (closing == "}") { key = string(); blank(); at++ } else key = "\"" i "\""
			if (key == "\"" name "\"") return
			skip(); blank()
			if (c == ",") at++
		}
	}
	{
		s = $0; at = 1
		count = split(path, names, ".")
		for (step = 1; step <= count; step++) enter(names[step])
		blank(); from = at
		if (c == "\"") { printf "%s\n", plain(string()); exit }
		skip()
		if (substr(s, from, 4) != "null") printf "%s\n", substr(s, from, at - from)
		exit
	}'
}
