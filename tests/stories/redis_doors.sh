#!/bin/sh
# How a Redis is reached: by TLS, with certificates of its own making, by a socket, as a user with a
# password; and what is said where that fails. Where the build's hiredis has no TLS that is said too.
# REEVE_STORY_REDIS names the server's program (redis-server).
# shellcheck source=tests/stories/lib.sh
# shellcheck disable=SC2119 # no options of the story are meant
. "$STORIES/lib.sh"
: "${REEVE_STORY_REDIS:=redis-server}"

. "$STORIES/../free_port.sh"
port=$(free_port)
plain=$(free_port)

# authority NAME: a certificate authority; certificate NAME AUTHORITY: one that it has signed
authority() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
certificate() {
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 -out "$1.pem" 2>/dev/null
}
authority ours
authority theirs
certificate server ours
certificate client ours

# serve OPTION…: the server, which asks for a certificate only where told so
serve() {
	setpriv --pdeathsig KILL "$REEVE_STORY_REDIS" --port "$plain" --bind 127.0.0.1 --tls-port "$port" --tls-cert-file "$home/server.pem" \
		--tls-key-file "$home/server.key" --tls-ca-cert-file "$home/ours.pem" --dir "$home" --save '' \
		--appendonly yes --unixsocket "$home/socket" --requirepass Default1 \
		--user app on '>Secret7' '~*' '&*' +@all "$@" >>"$home/redis.log" 2>&1 &
	server=$!
	eventually 20 test -S "$home/socket"
}
stop_server() {
	kill -KILL "$server"
	wait "$server" 2>/dev/null || true
	rm -f "$home/socket"
}

# config STORE BROKER
config() {
	cat >reeve.yaml <<YAML
store: "$1"
broker: "$2"
queues:
  mail: { run: [sh, -c, "echo '{\"done\":1}' >&\$REEVE_FD"] }
YAML
}
# works NAME STORE BROKER: a task goes through the broker and ends
works() {
	config "$2" "$3"
	start_reeve
	task=$(reeve push mail 1 --wait | head -n 1)
	same "$1" "$(reeve task "$task" --json | json 'v["status"]')" completed
	stop_reeve
	rm -f log
}
# fails NAME STORE WORD: no task can be pushed, the reason is said and the password is not
fails() {
	config "$2" redis://127.0.0.1
	exits "${4:-75}" reeve push mail 1
	contains "$1" "$(cat err)" "$3"
	case $(cat err) in *Secret7* | *Wrong9*) fail "a password is shown" ;; esac
}

serve
works "a socket, a user with a password" "redis://app:Secret7@$home/socket?db=1" "redis://app:Secret7@$home/socket?db=2&prefix=b-"
works "the default user" "redis://:Default1@127.0.0.1:$plain" "redis://:Default1@127.0.0.1:$plain/2?prefix=b-"
fails "a wrong password" "redis://app:Wrong9@127.0.0.1:$plain" "refuses the user or password"
fails "no password" "redis://127.0.0.1:$plain" "wants a password"
fails "nobody at that socket" "redis://app:Secret7@$home/nothing" "No such file"

tls="rediss://app:Secret7@127.0.0.1:$port"
config "$tls" redis://127.0.0.1
if ! reeve check >out 2>err; then
	contains "a hiredis without TLS is said" "$(cat err)" "has no TLS"
	config redis://127.0.0.1 "$tls"
	exits 2 reeve check
	contains "for the broker too" "$(cat err)" "has no TLS"
	exit 0
fi
fails "an authority that is not known" "$tls" "certificate verify failed"
fails "a wrong authority" "$tls?ca=$home/theirs.pem" "certificate verify failed"
fails "a file that is not there" "$tls?ca=$home/none.pem" "TLS: Failed to load"
fails "the port without TLS" "rediss://app:Secret7@127.0.0.1:$plain?ca=$home/ours.pem" "TLS"
fails "without TLS to the port that has it" "redis://app:Secret7@127.0.0.1:$port" "redis 127.0.0.1:$port"
fails "no certificate where one is asked for" "$tls?ca=$home/ours.pem" "redis 127.0.0.1:$port"
shown="ca=$home/ours.pem&cert=$home/client.pem&key=$home/client.key"
fails "a wrong password by TLS" "rediss://app:Wrong9@127.0.0.1:$port?$shown" "refuses the user or password"
works "a certificate of ours" "$tls/1?$shown" "$tls/2?prefix=b-&$shown"
stop_server
serve --tls-auth-clients no
works "none where none is asked for" "$tls/1?ca=$home/ours.pem" "$tls/2?prefix=b-&ca=$home/ours.pem"
works "unchecked" "$tls/1?insecure=1" "$tls/2?prefix=b-&insecure=1"

# Store and broker each have their own authority.
config "$tls/1?ca=$home/ours.pem" "$tls/2?prefix=b-&ca=$home/theirs.pem"
start_reeve
eventually 20 grep -q "TLS: no handshake" log
saw "a broker with a wrong authority is said in the log"
stop_reeve

# The server dies under load and comes back with TLS.
config "$tls/1?ca=$home/ours.pem" "$tls/2?prefix=b-&ca=$home/ours.pem"
start_reeve
reeve push mail 1 >/dev/null
stop_server
exits 75 reeve push mail 1
serve --tls-auth-clients no
task=$(reeve push mail 2 --wait | head -n 1)
same "what is pushed then is done" "$(reeve task "$task" --json | json 'v["status"]')" completed
saw "work goes on after a restart of the server"
stop_reeve
