#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Gives what the tests take from the kernel's own source rather than copy:
#
#   kernel-source.sh tools        folder with scripts/, tools/net/ynl, the
#                                 netlink schemas and kselftest's headers
#   kernel-source.sh tarball      the whole source, as Debian packs it
#   kernel-source.sh harness DIR  put kselftest.h, kselftest_harness.h in DIR
#
# The source is Debian's linux-source-6.12, downloaded once into the cache.
set -eu
cd "$(dirname "$0")/.."
. tests/vm/apt.sh

version=6.12

tarball() {
	local suite tar=$qkd_cache/source/linux-source-$version.tar.xz

	if [ -e "/usr/src/linux-source-$version.tar.xz" ]; then
		tar=/usr/src/linux-source-$version.tar.xz
	elif [ ! -e "$tar" ]; then
		suite=$(deb_suite_of $version)
		deb_suite "$suite"
		deb_unpack "$qkd_cache/source/tmp.$$" linux-source-$version
		mv "$qkd_cache/source/tmp.$$/usr/src/linux-source-$version.tar.xz" \
			"$tar"
		rm -r "$qkd_cache/source/tmp.$$"
	fi
	echo "$tar"
}

tools() {
	local dir=$qkd_cache/source/tools-$version tar tmp

	if [ ! -e "$dir/complete" ]; then
		tar=$(tarball)
		tmp=$(mktemp -d "$qkd_cache/source/tmp.XXXXXX")
		tar -C "$tmp" -xJf "$tar" --strip-components=1 --wildcards \
			'*/scripts' '*/tools/net/ynl' '*/MAINTAINERS' \
			'*/Documentation/netlink' '*/LICENSES' '*/COPYING' \
			'*/Documentation/dev-tools/checkpatch.rst' \
			'*/tools/testing/selftests/kselftest*.h'
		touch "$tmp/complete"
		rm -rf "$dir"
		mv "$tmp" "$dir"
	fi
	echo "$dir"
}

mkdir -p "$qkd_cache/source"
exec 9> "$qkd_cache/source/lock"
flock 9

case ${1:-} in
tarball)	tarball ;;
tools)		tools ;;
harness)	src=$(tools)/tools/testing/selftests
		install -m 644 "$src/kselftest.h" "$src/kselftest_harness.h" "$2"
		# How long a test may take is the runner's to say, which knows
		# how slow the machine is.
		sed -i 's/^\(#define TEST_TIMEOUT_DEFAULT\) 30\b/\1 120/' \
			"$2/kselftest_harness.h" ;;
*)		die "usage: kernel-source.sh tarball|tools|harness DIR" ;;
esac
