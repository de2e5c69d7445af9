#!/bin/bash
# `limits.memory` by cgroups of version 2, on a kernel and a systemd of their own in a virtual machine
# without acceleration: no more than root's own files are touched. Root only, x86-64 only.
# usage: tests/cgroup.sh BUILD   BUILD/cli/reeve is the binary to install
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "$1")
[ "$(id -u)" -eq 0 ] || { echo "skipped: only root can make a Debian"; exit 0; }
[ "$(uname -m)" = x86_64 ] || { echo "skipped: no virtual machine for $(uname -m)"; exit 0; }
. tests/debian_root.sh
need mmdebstrap eatmydata qemu-system-x86 cpio zstd
work=$(mktemp -d "${TMPDIR:-/tmp}/reeve-cgroup.XXXXXX")
root=$work/root
trap 'rm -rf "$work"' EXIT

# Debian's kernel for virtual machines; the root is its initial file system, so it needs no module.
kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2 }')
(cd "$work" && apt-get download -qq "$kernel" 2>/dev/null && dpkg-deb -x "$kernel"_*.deb kernel)
make_root "$root" "$(. /etc/os-release && echo "$VERSION_CODENAME")"
install_reeve "$root" "$build"
cp tests/stories/saw.sh tests/cgroup_guest.sh "$root/root"
mkdir -p "$root/etc/systemd/system/reeve.service.d"
cp contrib/systemd/examples/memory.conf "$root/etc/systemd/system/reeve.service.d"
cat >"$root/etc/systemd/system/test.service" <<'U'
[Service]
Type=oneshot
ExecStart=-/bin/sh /root/cgroup_guest.sh
ExecStartPost=/usr/bin/systemctl poweroff --force --force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
U
ln -sfn lib/systemd/systemd "$root/init"
rm -rf "$root"/var/lib/apt "$root"/var/cache/apt "$root"/usr/share/{doc,locale,man}
(cd "$root" && find . -xdev | cpio -o -H newc --quiet | zstd -q -3 -T2 >"$work/initrd")

timeout 400 qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nographic \
	-no-reboot -nic none -kernel "$work"/kernel/boot/vmlinuz-* -initrd "$work/initrd" -append \
	'console=ttyS0 quiet panic=-1 systemd.unit=test.service systemd.mask=serial-getty@ttyS0.service' \
	</dev/null 2>&1 | tr -d '\r' | tee "$work/out" | grep -aE '^(ok|FAILED|log:) ' || true
grep -aqx 'ok - all was seen' "$work/out" || { tail -n 40 "$work/out"; exit 1; }
