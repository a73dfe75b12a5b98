#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deb.sh [SUITE]: the Debian packages of this tree, in $O/deb, and what lintian
# has to say of them. Built from a copy of what git knows, here; with SUITE
# (bookworm, trixie) in a fresh system of it, in $O/deb-SUITE.
set -eu
cd "$(dirname "$0")/../.."

suite=${1:-}
out=$(realpath -m "${O:-build}")/deb${suite:+-$suite}
unset MAKEFLAGS MFLAGS MAKELEVEL O
rm -rf "$out"
mkdir -p "$out/qkd"
git ls-files -z | xargs -0 cp --parents -t "$out/qkd"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

if [ "$suite" ]; then
	root=$(tests/install/system.sh "$suite" build)
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	cp -a "$out/qkd" "$work/"
	chroot_run=(unshare --mount --pid --fork bash -c '
		root=$1; shift
		mount -t tmpfs tmpfs "$root/mnt" && mkdir "$root/mnt/"{up,wk,all} &&
		mount -t overlay overlay -o "lowerdir=$root,upperdir=$root/mnt/up,workdir=$root/mnt/wk" "$root/mnt/all" &&
		root=$root/mnt/all && mkdir -p "$root/build" &&
		mount --bind "$1" "$root/build" && shift &&
		mount -t proc proc "$root/proc" && mount -t devtmpfs dev "$root/dev" &&
		exec chroot "$root" "$@"' - "$root" "$work")
	"${chroot_run[@]}" sh -c 'cd /build/qkd && dpkg-buildpackage -us -uc -b' \
		> "$out/log" 2>&1 || { tail -n 30 "$out/log" >&2; exit 1; }
	find "$work" -maxdepth 1 -type f -exec mv -t "$out" {} +
else
	(cd "$out/qkd" && dpkg-buildpackage -us -uc) > "$out/log" 2>&1 ||
		{ tail -n 30 "$out/log" >&2; exit 1; }
fi
rm -rf "$out/qkd"
ls "$out"/*.deb
[ "$suite" ] || lintian --fail-on error,warning --suppress-tags \
	bogus-mail-host "$out"/*.changes
