#!/bin/bash
# The images of contrib/docker/Dockerfile, built and run with podman: the advertising workflow with a
# container per queue on Redis; reeve as process 1. Root only; takes about two minutes, most of
# them for Debian's packages. usage: tests/container.sh
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "skipped: only root can run these containers"; exit 0; }
. tests/debian_root.sh
need podman runc mmdebstrap eatmydata redis-server python3
work=$(mktemp -d "${TMPDIR:-/tmp}/reeve-container.XXXXXX")
export TMPDIR=$work
redis=
podman() {
	command podman --root "$work/containers" --runroot "$work/run" --storage-driver overlay \
		--cgroup-manager cgroupfs --runtime runc "$@" 2> >(grep -v 'systemd connection' >&2)
}
finish() {
	code=$?
	trap - EXIT
	if [ $code -ne 0 ]; then
		tail -n 30 "$work/build.log" 2>/dev/null || true
		for name in $(podman ps -aq 2>/dev/null); do podman logs --tail 15 "$name" || true; done
	fi
	podman rm -fa -t 0 >/dev/null 2>&1 || true
	podman rmi -fa >/dev/null 2>&1 || true
	[ -z "$redis" ] || kill "$redis" 2>/dev/null || true
	rm -rf "$work"
	find /sys/fs/cgroup -depth -type d -path '*libpod_parent*' -exec rmdir {} \; 2>/dev/null || true
	exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM
. tests/stories/saw.sh
. tests/free_port.sh

# What debian:trixie-slim leaves out.
slim=(--dpkgopt='path-include=/usr/share/doc/*/copyright')
for place in doc man locale info lintian; do
	slim=(--dpkgopt="path-exclude=/usr/share/$place/*" "${slim[@]}")
done
eatmydata mmdebstrap --quiet --variant=minbase "${slim[@]}" trixie "$work/base.tar" 2>/dev/null
podman import "$work/base.tar" docker.io/library/debian:trixie-slim >/dev/null 2>&1
rm "$work/base.tar"
build() {
	podman build --isolation chroot --pull=never --format docker -f contrib/docker/Dockerfile \
		--ignorefile contrib/docker/Dockerfile.dockerignore --target "$1" -t "$2" . >>"$work/build.log" 2>&1
}
build reeve reeve
build advertising reeve-advertising
size=$(podman image inspect reeve --format '{{.Size}}')
[ "$size" -le 100000000 ] || fail "the image is at most 100 MB: $size bytes"
saw "the image has $((size / 1000000)) MB"

port=$(free_port)
redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" >/dev/null &
redis=$!
eventually 60 redis-cli -p "$port" ping
# run NAME IMAGE OPTION… -- WORD…: as contrib/docker/compose.yaml does it
run() {
	local name=$1 image=$2 options=()
	shift 2
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	podman run -d --name "$name" --pull=never --network host --read-only --cap-drop ALL \
		--security-opt no-new-privileges --ulimit nofile=20000:20000 --ulimit nproc=4096:4096 \
		--tmpfs /tmp --tmpfs /run/reeve:mode=1777 -e "REEVE_STORE=redis://127.0.0.1:$port" \
		-v "$work/out:/srv/out" "${options[@]}" "localhost/$image" "$@" >/dev/null
}
install -d -o 10001 -g 10001 "$work/out"
chmod 711 "$work"
# "generate ad-group-generate" …, as the file for compose has them; three of `children`.
services=
while read -r service queue; do
	copies=1
	[ "$service" != children ] || copies=3
	for n in $(seq $copies); do
		services="$services $service$n"
		run "$service$n" reeve-advertising -- run --only "$queue"
	done
done < <(awk '/^  [a-z]+:$/ { sub(/:/, "", $1); name = $1 }
	/command: \[run, --only,/ { gsub(/[],]/, ""); print name, $4 }' contrib/docker/compose.yaml)
same "services of compose.yaml" "$(echo $services | wc -w)" 7
for name in $services; do eventually 60 podman healthcheck run "$name"; done
saw "every container is healthy"
same "reeve is process 1, and not root" "$(podman exec package1 sh -c 'cat /proc/1/comm; id -u' | tr '\n' ' ')" "reeve 10001 "
podman exec generate1 reeve start advertising --wait \
	--payload '{"hotels":"/srv/advertising/hotels.json","out":"/srv/out"}' >/dev/null
python3 examples/advertising/check.py examples/advertising/hotels.json "$work/out"
saw "the workflow ran over a container per queue"
same "a line of the log is an object" \
	"$(podman logs package1 2>&1 | python3 -c 'import json, sys; print(all(json.loads(l)["message"] for l in sys.stdin))')" True
# What kubernetes.yaml has in its map of files, and its probe of readiness.
awk '/^  reeve.yaml: \|/ { on = 1; next } /^---/ { on = 0 } on { sub(/^    /, ""); print }' \
	contrib/docker/kubernetes.yaml >"$work/kubernetes.yaml"
printf 'redis://127.0.0.1:%s\n' "$port" >"$work/secret"
run kubernetes reeve-advertising -v "$work/kubernetes.yaml:/etc/reeve/reeve.yaml:ro" \
	-v "$work/secret:/etc/reeve/secret/store:ro" -- run --only ad-group-children-generate
probe=$(sed -n 's/.*command: \[sh, -c, "\(.*\)"\]$/\1/p' contrib/docker/kubernetes.yaml | sed 's/\\"/"/g')
[ -n "$probe" ] || fail "kubernetes.yaml has a probe of readiness"
eventually 60 podman exec kubernetes sh -c "$probe"
podman exec kubernetes reeve check --strict >/dev/null
saw "the file of kubernetes.yaml is good, and its probe sees a worker that is ready"
podman exec package1 sh -c '(setsid sleep 0.1 &) ; exit 0'
no_zombie() { ! podman exec package1 sh -c 'cat /proc/[0-9]*/stat 2>/dev/null' | grep -q ') Z 1 '; }
eventually 60 no_zombie
saw "strangers are reaped"
# shellcheck disable=SC2086 # the list is words
podman stop -t 40 $services kubernetes >/dev/null
for name in $services kubernetes; do
	code=$(podman inspect "$name" --format '{{.State.ExitCode}}')
	[ "$code" = 0 ] || fail "$name ended with $code"
done
saw "docker stop drains: exit code 0"

cat >"$work/slow.yaml" <<'YAML'
store: sqlite:/var/lib/reeve/reeve.db
shutdown_grace: 2s
queues:
  slow: { run: "trap '' TERM; sleep 1000" }
  quick: { run: "exit 0" }
  bad: { run: "exit 125" }
YAML
config=(-v "$work/slow.yaml:/etc/reeve/reeve.yaml:ro" -v "state:/var/lib/reeve")
run slow reeve "${config[@]}" --
eventually 60 podman healthcheck run slow
task=$(podman exec slow reeve push slow)
is_working() { podman exec slow reeve task "$task" --json | grep -q '"working"'; }
eventually 60 is_working
podman stop -t 40 slow >/dev/null
same "a stop that has to kill a task ends with 1, not with docker's KILL" \
	"$(podman inspect slow --format '{{.State.ExitCode}}')" 1
run after reeve "${config[@]}" -- task "$task" --json
podman wait after >/dev/null
podman logs after | grep -q '"queued"' || fail "the task is given back: $(podman logs after)"
saw "its task is queued again, in the volume"
for queue in quick bad; do
	run push-$queue reeve "${config[@]}" -- push $queue
	podman wait push-$queue >/dev/null
	run idle-$queue reeve "${config[@]}" -- run --only $queue --until-idle
done
same "--until-idle: exit codes" "$(podman wait idle-quick idle-bad | tr '\n' ' ')" "0 1 "
