#!/bin/sh
# A queue with `post:`: tasks as requests to a web server with every bad habit. Each is a named failure
# within its time-out, the next task on the same worker unaffected.
. "$STORIES/lib.sh"

start_server() {
	place=$1
	shift
	/usr/bin/python3 "$STORIES/post_server.py" "$home/$place" "$@" 2>>"$home/log" &
	others="$others $!"
	eventually 20 test -s "$place"
}
start_server port
start_server unix "$home/app.sock"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
	-keyout key.pem -out ca.pem 2>/dev/null
cat key.pem ca.pem >both.pem
POST_CERTIFICATE=$home/both.pem start_server tls
port=$(cat port)
cat >hook.sh <<'S'
#!/bin/sh
cat >>"hook.$1"
S
chmod +x hook.sh
cat >reeve.yaml <<Y
store: sqlite:post.db
shutdown_grace: 2s
defaults: { timeout: 2s, retries: { max: 1, delay: 100ms, jitter: false } }
queues:
  web: { post: "http://127.0.0.1:$port/work?x=1" }
  once: { post: "http://127.0.0.1:$port/", retries: { max: 0 } }
  hooked:
    post: "http://127.0.0.1:$port/"
    before: [./hook.sh, before]
    on_success: [./hook.sh, success]
    validate: { n: { type: integer, presence: true } }
  slow: { post: "http://127.0.0.1:$port/", timeout: 1h, lease: 5s }
  unix: { post: "http://unix:$home/app.sock:/over/there" }
  tls: { post: "https://localhost:$(cat tls)/", retries: { max: 0 } }
  trusted: { post: "https://localhost:$(cat tls)/", env: { SSL_CERT_FILE: "$home/ca.pem" } }
  nobody: { post: "http://127.0.0.1:1/", retries: { max: 0 } }
  bare: { post: "http://127.0.0.1:$port/", format: raw }
Y
use_store
start_reeve
# last FILTER: of the request that came last
last() { tail -n 1 "$home/$1.requests" | json "$2"; }
task() { json "$1" <task; }
# run QUEUE PAYLOAD [OPTION…]: until the task has ended; $id, $state (with its last attempt), $why
run() {
	reeve push "$@" --wait --json >task 2>>log || true
	{ read -r id && read -r state && read -r why; } <<T
$(json '"\n".join([v["id"], v["status"] + "/" + str(v["attempt"]), ((v["trace"] or [{}])[-1].get("message") or "-").split("\n")[0]])' <task)
T
}
is_working() { [ "$(reeve task "$1" --json | json 'v["status"]')" = working ]; }

run web '{"rows":[1,2]}'
same "2xx is done" "$state" completed/1
same "the body is the result" "$(task 'sorted(v["result"])')" '["bytes"]'
same "the envelope is posted" "$(last port 'json.loads(v["body"])["id"]')" "$id"
same "to the path" "$(last port 'v["path"]')" "/work?x=1"
same "with the headers of sqsd" "$(last port '[v["headers"][n] for n in ("x-aws-sqsd-msgid","x-aws-sqsd-queue",
	"x-aws-sqsd-receive-count","content-type","x-aws-sqsd-path")]')" \
	"[\"$id\", \"web\", \"1\", \"application/json\", \"/work\"]"
contains "and its name" "$(last port 'v["headers"]["user-agent"]')" "aws-sqsd/"
same "and the time" "$(last port '__import__("re").fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", v["headers"]["x-aws-sqsd-first-received-at"]) is not None')" true
same "and no task name" "$(last port '"x-aws-sqsd-taskname" in v["headers"]')" false
run web 1 --task nightly
same "a task with a name has it" "$(last port 'v["headers"]["x-aws-sqsd-taskname"]')" nightly
first=$(last port 'v["from"]')
run web '"text"'
same "a body that is no JSON is a string" "$(task 'v["result"]')" "$(printf 'grüße, \357\277\275\357\277\275')"
same "one connection is kept" "$(last port 'v["from"]')" "$first"
run web '"nothing"'
same "an empty body is null" "$state/$(task 'v["result"]')" completed/1/null
run web '"quits"'
run web '{}'
same "a kept connection that has died is made anew" "$state" completed/1

for habit in busy later broken; do
	run web "\"$habit\""
	same "$habit is tried again" "$state" completed/2
	first=$(task 'v["trace"][0]["status"]')
	same "$habit in the trace" "$first" "$([ $habit = broken ] && echo failure || echo retry)"
done
for habit in bad moved half gigabyte long_error garbage hangup slow; do
	run once "\"$habit\""
	[ "$state" = failed/1 ] && [ "$why" != - ] || fail "$habit: $state: $why"
	saw "$habit: $(echo "$why" | cut -c 1-80)"
	run once '{}'
	same "the task after it" "$state" completed/1
done
run web '"bad"'
same "4xx is not tried again" "$state" failed/1
contains "and its body says why" "$why" "HTTP 404 Not Found: no such page"
run once '"moved"'
contains "a redirect is said" "$why" "redirects are not followed"
run once '"slow"'
same "a time-out" "$why" "timed out after 2s"
run nobody '{}'
contains "nobody listens" "$why" "cannot post to 127.0.0.1:1:"
same "which is no crash" "$(task 'v["trace"][0]["status"]')" failure

run hooked '{"n":1}'
same "hooks" "$(json 'v["id"]' <hook.before)/$(json 'v["outcome"]["result"]["bytes"] > 0' <hook.success)" "$id/true"
run hooked '{"n":"x"}'
same "validation" "${state%/*}" invalid_payload
run unix '{}'
same "a unix socket" "$state/$(last unix 'v["path"]')" completed/1//over/there
run tls '{}'
contains "a certificate that nobody vouches for" "$why" "cannot post to localhost:"
run trusted '{}'
same "SSL_CERT_FILE" "$state" completed/1
run bare '{"any":"thing"}'
same "format raw posts the message itself" "$(last port 'v["body"]')" '{"any":"thing"}'
run bare '"any text"'
same "text too" "$(last port 'v["body"] + " " + v["headers"]["content-type"]')" "any text text/plain; charset=utf-8"

# A cancel is seen while the request lasts.
id=$(reeve push slow '"slow"')
eventually 20 is_working "$id"
reeve cancel "$id" >/dev/null
is_cancelled() { [ "$(reeve task "$id" --json | json 'v["status"]')" = cancelled ]; }
eventually 20 is_cancelled
saw "a cancel ends the request"
# A stop gives it back.
id=$(reeve push slow '"slow"')
eventually 20 is_working "$id"
stop_reeve
same "what had to be given back" "$drained" 1
same "is queued again" "$(reeve task "$id" --json | json 'v["status"]')" queued
