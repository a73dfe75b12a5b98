#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Debian's kernels and their headers, taken from the suite that has them and
# unpacked in the cache, never installed.
#
#   kernels.sh root VERSION      the folder it is unpacked in (fetched first)
#   kernels.sh release VERSION   as uname -r says
#   kernels.sh image VERSION     its bzImage
#   kernels.sh headers VERSION   the folder to build modules against
#   kernels.sh inside VERSION    yes if the headers' tools need a newer system
#                                than this: build by chroot into the root,
#                                where "headers" is then a path of
#   kernels.sh list              the VERSIONs there are, in kernels.list
#
# VERSION may be kcsan as well: the one that debug-kernel.sh built.
set -eu
cd "$(dirname "$0")/../.."
. tests/vm/apt.sh

verb=${1:-} version=${2:-}
if [ "$verb" = list ]; then
	awk '/^[0-9]/ { print $1 }' tests/vm/kernels.list | sort -uV | xargs
	exit
fi
[ "$verb" ] && [ "$version" ] ||
	die "usage: kernels.sh root|release|image|headers|inside VERSION"
root=$qkd_cache/kernels/$version

if [ "$version" = kcsan ]; then
	dir=$(tests/vm/debug-kernel.sh --dir kcsan)
	case $verb in
	root)		echo "$dir/root" ;;
	release)	cat "$dir/include/config/kernel.release" ;;
	image)		echo "$dir/arch/x86/boot/bzImage" ;;
	headers)	echo "$dir" ;;
	esac
	exit
fi

# the oldest suite whose userland runs what SUITE's packages contain
base_of() { echo "${1%-backports}"; }

# A small system of the suite, with a compiler, for headers whose tools do
# not run here.
make_system() {
	local suite=$1 dir=$2

	command -v mmdebstrap > /dev/null || die "mmdebstrap is missing"
	[ "$(id -u)" = 0 ] || die "kernel $version needs a $suite system: be root"
	mmdebstrap --quiet --variant=apt --include=gcc,make,libelf1t64,kmod,pahole,sparse \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt="$(deb_valid_until)" \
		"$(base_of "$suite")" "$dir" "$(deb_mirror)" \
		> "$qkd_cache/kernels/$version.log" 2>&1 ||
		{ tail -n 10 "$qkd_cache/kernels/$version.log" >&2
		  die "mmdebstrap of $suite failed"; }
	rm -rf "$dir"/var/cache/apt/* "$dir"/var/lib/apt/lists/*
}

fetch() {
	local suite new=$root.new host headers kbuild f
	local -a packages

	suite=$(deb_suite_of "$version")
	# shellcheck source=/dev/null
	host=$(. /etc/os-release && echo "$VERSION_CODENAME")
	echo "fetching kernel $version of $suite" >&2
	deb_suite "$suite"
	mapfile -t packages < <({ deb_depends linux-image-amd64
		deb_depends linux-headers-amd64; } | sort -u |
		grep -v -e -unsigned$ -e '^linux-[a-z]*-amd64$')
	rm -rf "$new"
	deb_unpack "$new" "${packages[@]}"

	# one place for modules, whether or not the package knows usr-merge
	if [ -d "$new/lib/modules" ]; then
		mkdir -p "$new/usr/lib"
		mv "$new/lib/modules" "$new/usr/lib/modules"
		rmdir "$new/lib"
	fi
	[ -e "$new/lib" ] || ln -s usr/lib "$new/lib"

	kbuild=$(echo "$new"/usr/lib/linux-kbuild-*)
	if find "$kbuild/scripts/mod" "$kbuild/tools" -type f -perm -1 \
			-exec ldd {} + 2>&1 | grep -q 'not found'; then
		echo "making a $(base_of "$suite") system to build for it" >&2
		make_system "$suite" "$new.system"
		cp -a "$new/usr" "$new.system/"
		[ ! -d "$new/boot" ] || cp -a "$new/boot" "$new.system/"
		rm -rf "$new"
		mv "$new.system" "$new"
		touch "$new/inside"
	else
		# the packages refer to each other by absolute paths
		for f in "$new"/usr/src/linux-headers-*/Makefile; do
			sed -i "s|\([ =]\)/usr/src|\1$root/usr/src|" "$f"
		done
	fi
	headers=$(cd "$new"/usr/src && echo linux-headers-*-amd64)
	# suites move on
	case ${headers#linux-headers-} in
	"$version".*|"$version"+*|"$version"-*) ;;
	*)	die "$suite has ${headers#linux-headers-} now; mend tests/vm/kernels.list" ;;
	esac
	echo "${headers#linux-headers-}" > "$new/release"
	depmod -b "$new" "$(cat "$new/release")"
	rm -rf "$root"
	mv "$new" "$root"
}

mkdir -p "$qkd_cache/kernels"
exec 9> "$qkd_cache/kernels/$version.lock"
flock 9
[ -e "$root/release" ] || fetch >&2
release=$(cat "$root/release")

case $verb in
root)		echo "$root" ;;
release)	echo "$release" ;;
image)		for f in "$root/boot/vmlinuz-$release" \
			"$root/usr/lib/modules/$release/vmlinuz"; do
			[ ! -e "$f" ] || { echo "$f"; exit 0; }
		done
		die "no image of $release" ;;
headers)	if [ -e "$root/inside" ]; then
			echo "/usr/src/linux-headers-$release"
		else
			echo "$root/usr/src/linux-headers-$release"
		fi ;;
inside)		[ ! -e "$root/inside" ] || echo yes ;;
*)		die "unknown verb $verb" ;;
esac
