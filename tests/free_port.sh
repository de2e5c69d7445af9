# shellcheck shell=sh
# Sourced by what starts servers on loopback.
free_port() {
	/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
# start_server FOLDER: FOLDER/start, on the port that it finds in FOLDER/port
start_server() {
	# Another process may take a port that was free a moment ago.
	for _ in 1 2 3 4 5; do
		free_port >"$1/port"
		"$1/start" && return
	done
	cat "$1/log" >&2
	return 1
}
