#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 400
#
# Two builds, in different folders, locales, at different times, by different
# numbers of jobs, are the same byte for byte. Without optimization: what
# leaks into a build (paths, dates, orders) does so with and without it.
. "$(dirname "$0")/lib.sh"

need_cmd rst2man
copy() { mkdir -p "$1" && git ls-files -z | xargs -0 cp --parents -t "$1"; }
# build FOLDER JOBS
build() {
	(cd "$1" && make -s -j"$2" install O="build" DESTDIR="$test_dir/root.$2" \
		PREFIX=/usr MODULES=dkms CFLAGS='-O0 -g') > "$test_dir/log.$2" 2>&1
}
copy "$test_dir/one"
copy "$test_dir/another/place"
check 'it builds' build "$test_dir/one" 2
check 'and elsewhere' env LC_ALL=C.UTF-8 TZ=Pacific/Apia bash -c "umask 022; cd '$test_dir/another/place' &&
	make -s -j1 install O=build DESTDIR='$test_dir/root.1' PREFIX=/usr MODULES=dkms CFLAGS='-O0 -g'"
is 'both are the same' "$(diff -r -q "$test_dir/root.1" "$test_dir/root.2" 2>&1 | head -n 20)" ''
at_least 'and not empty' "$(find "$test_dir/root.1" -type f | wc -l)" 60
