#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
# shellcheck disable=SC2154
#
# What the pools give and cost, on one CPU's worth of work:
#
#	BENCH getkey_per_s X 1/s	QKD_IOC_GET of 32 bytes
#	BENCH takekey_per_s X 1/s	QKD_IOC_TAKE of the same at the peer
#	BENCH read_MBps X MB/s		read(2) of a stream open at both ends
#	BENCH getkey_vs_urandom, read_vs_urandom: ratio to read(2) of as many
#		bytes of /dev/urandom, in turns
#	BENCH link_add_ms, link_del_ms, link_bytes ...: of POOL_BENCH_LINKS
. "$(dirname "$0")/../lib.sh"
need_root
need_module qkd

bench() { # NAME CMD...: its figures, and whether it got to its end
	local name=$1

	shift
	"$@" > "$test_dir/out" 2>&1
	is "$name" $? 0
	cat "$test_dir/out"
}
bench 'the device was measured' "$O/tests/bin/pool_device" run
bench 'links were measured' \
	env QKD_LINKS="${POOL_BENCH_LINKS:-10000}" "$O/tests/kernel/links"
