#!/bin/sh
# A full disk: said, nothing lost, goes on when there is room again (root only: it mounts a tmpfs).
. "$STORIES/lib.sh"
[ "$(id -u)" -eq 0 ] || { echo "ok - skipped: only root can mount"; exit 0; }
mkdir disk
mount -t tmpfs -o size=3m tmpfs disk 2>/dev/null || { echo "ok - skipped: no mount here"; exit 0; }
trap 'umount -l "$home/disk" 2>/dev/null; finish' EXIT

cat >reeve.yaml <<'Y'
store: sqlite:disk/reeve.db
log: { to: log }
defaults: { lease: 5s }
queues:
  mail: { run: ["/bin/sh", "-c", "sleep 0.3; echo $REEVE_TASK_ID >>ended"] }
Y
start_reeve
for _ in 1 2 3 4 5; do reeve push mail 1 >>ids; done
dd if=/dev/zero of=disk/filler bs=4k 2>/dev/null || true
{ printf '"'; head -c 200000 /dev/zero | tr '\0' x; printf '"'; } >large
grow() { reeve push mail @large >>ids 2>err; }
refused=0
for _ in $(seq 40); do
	grow || { refused=$?; break; }
done
same "a push that finds no room is refused as unavailable" "$refused" 75
contains "with a line that says why" "$(cat err)" "no space left"
sleep 1
rm disk/filler
all_are_done() { [ "$(sort -u ended | wc -l)" -eq "$(wc -l <ids)" ]; }
eventually 40 all_are_done
saw "what was accepted is done once there is room"
exits 0 reeve push mail 2 --wait
saw "and it goes on"
stop_reeve
same "drained in time" "$drained" 0
