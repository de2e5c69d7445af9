# shellcheck shell=bash
# Sourced by what boots a Debian of its own with reeve in it.

# need PACKAGE…: installs those that are missing
need() {
	local missing=() package
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
			missing+=("$package")
	done
	[ ${#missing[@]} -eq 0 ] || apt-get install -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 "${missing[@]}" >/dev/null 2>&1
}
# make_root FOLDER SUITE [PACKAGE,…]: a Debian that boots
make_root() {
	mkdir "$1"
	eatmydata mmdebstrap --quiet --variant=minbase --include="systemd,systemd-sysv,dbus,procps${3:+,$3}" \
		"$2" - 2>/dev/null | tar -C "$1" -x --exclude='./dev/*'
}
# install_reeve FOLDER BUILD: as `meson install` does, with the libraries that the binary was built
# with, but the C library's
install_reeve() {
	ldd "$2/cli/reeve" | awk '$3 ~ /^\// && $1 !~ /^lib(c|m)\.so/ { print $3 }' |
		xargs cp -Lt "$1/usr/local/lib"
	chroot "$1" ldconfig
	DESTDIR=$1 meson install -C "$2" --no-rebuild >/dev/null
}
