#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two builds, in different folders, locales, at different times, by different
# numbers of jobs, install the same byte for byte. Hardly optimized: what leaks
# into a build (paths, dates, orders) does so with and without it. Not with
# -O0: at that, GCC 12 fails of itself (in tools/qkdctl/units.c, while it looks
# for what printf cuts off).
. "$(dirname "$0")/../lib.sh"

need_cmd rst2man
cd "$tree" || exit 1
unset O MAKEFLAGS MFLAGS MAKELEVEL
copy() { mkdir -p "$1" && git ls-files -z | xargs -0 cp --parents -t "$1"; }
# build FOLDER JOBS ENVIRONMENT...: what it installs is in root.JOBS
build() {
	(cd "$1" && env "${@:3}" make -s -j"$2" install O=build \
		DESTDIR="$test_dir/root.$2" PREFIX=/usr MODULES=dkms \
		CFLAGS='-O1 -g' 2>&1) || { echo "in $1"; return 1; }
}
copy "$test_dir/one"
copy "$test_dir/another/place"
check 'it builds' build "$test_dir/one" 2
check 'and elsewhere' build "$test_dir/another/place" 1 LC_ALL=C.UTF-8 TZ=Pacific/Apia
is 'both are the same' "$(diff -r -q "$test_dir/root.1" "$test_dir/root.2" 2>&1 | head -n 20)" ''
at_least 'and not empty' "$(find "$test_dir/root.1" -type f | wc -l)" 60
