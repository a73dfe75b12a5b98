#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# system.sh SUITE plain|build: a fresh Debian of that suite, made by mmdebstrap
# and kept in the cache for a week; prints its folder. "plain" is a small
# server with the suite's kernel and its headers, "build" has what
# debian/control wants for building, and lintian.
set -eu
cd "$(dirname "$0")/../.."
. tests/vm/apt.sh

suite=$1 kind=$2
root=$qkd_cache/systems/$suite-$kind
mkdir -p "${root%/*}"
exec 9> "$root.lock"
flock 9
case $kind in
plain)	packages=systemd-sysv,dbus,udev,kmod,ifupdown,iproute2,iputils-ping,linux-image-amd64,linux-headers-amd64,apparmor ;;
build)	packages=build-essential,fakeroot,lintian,$(sed -n '/^Build-Depends:/,/^[A-Z]/s/^ \([^ ,]*\).*/\1/p' debian/control |
		sed 's/^debhelper-compat$/debhelper/; s/^dh-sequence-dkms$/dh-dkms/' | paste -sd,) ;;
*)	die "plain or build, not $kind" ;;
esac
if [ "$(cat "$root/done" 2>/dev/null)" = "$packages" ] &&
	[ "$(find "$root/done" -mtime -7)" ]; then
	echo "$root"
	exit
fi
mirror=$(deb_mirror)
echo "making a $suite system ($kind)" >&2
# What mmdebstrap mounts (the host's /proc, /sys, /dev) is seen by nobody else
# and goes with it, even when it is killed; and rm stays where it is.
rm -rf --one-file-system "$root"
unshare --mount mmdebstrap --quiet --variant=minbase --include="$packages" \
	--aptopt='APT::Install-Recommends "false"' --aptopt="$(deb_valid_until)" "$suite" "$root" \
	"deb $mirror $suite main" "deb ${mirror%/}-security $suite-security main" \
	> "$root.log" 2>&1 || { tail -n 10 "$root.log" >&2; die "mmdebstrap of $suite failed"; }
echo "$packages" > "$root/done"
echo "$root"
