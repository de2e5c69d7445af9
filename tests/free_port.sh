# shellcheck shell=sh
# Sourced by what starts servers on loopback.
# Below the ports that the kernel gives to clients: a server that dies finds its own free again.
free_port() {
	/usr/bin/python3 -c '
import random, socket
while True:
    port = random.randrange(15000, 32000)
    try:
        socket.socket().bind(("127.0.0.1", port))
        break
    except OSError:
        pass
print(port)'
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
