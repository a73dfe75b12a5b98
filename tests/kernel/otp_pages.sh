#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A file sent through the tunnel by sendfile and by splice arrives, and is as
# it was, in the page cache and on disk: the device never writes into pages
# that it shares.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need
topo_two_nodes
otp_links pool-size 8388608
otp_fill
otp_tunnel 0
wait_for 5 on hospital ping -c 1 -W 1 10.99.0.2 || die "no key"
head -c 2000003 /dev/urandom > "$test_dir/file"
sum() { sha256sum < "$1" | cut -d ' ' -f 1; }
was=$(sum "$test_dir/file")

for how in sendfile splice; do
	start on biobank "$tree/tests/otp/pages.py" receive "$test_dir/got"
	wait_for 20 "ip netns exec biobank ss -ltnH 'sport = 7000' | grep -q 7000" ||
		die "nobody listens"
	check "$how sends" on hospital "$tree/tests/otp/pages.py" $how "$test_dir/file" 10.99.0.2
	wait_for 20 "! kill -0 $started"
	is "$how: what arrives is the file" "$(sum "$test_dir/got")" "$was"
	is "$how: the page cache is unchanged" "$(sum "$test_dir/file")" "$was"
	sync
	echo 3 > /proc/sys/vm/drop_caches
	is "$how: the disk is unchanged" "$(sum "$test_dir/file")" "$was"
	otp_fill
done
