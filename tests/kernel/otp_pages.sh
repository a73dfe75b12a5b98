#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A file sent through the tunnel by sendfile, by splice and with MSG_ZEROCOPY
# arrives, and is as it was, in the page cache and on disk: the device never writes into pages
# that it shares.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need mkfs.ext4 losetup
need_kernel loop ext4
[ -e /dev/loop-control ] && grep -q ext4 /proc/filesystems || skip_all "needs the kernel's loop, ext4"
topo_two_nodes
otp_links pool-size 4194304
otp_fill
otp_tunnel 0
wait_for 5 on hospital ping -c 1 -W 1 10.99.0.2 || die "no key"
sum() { sha256sum < "$1" | cut -d ' ' -f 1; }

# A file system on a disk of its own, whatever the machine's root is: pages
# that were written to would go to that disk, and come back from it.
truncate -s 16M "$test_dir/image"
mkfs.ext4 -q -O '^has_journal' "$test_dir/image" || die "no file system"
disk=$(losetup -f --show "$test_dir/image") ||
	skip_all 'needs a loop device'
at_exit losetup -d "$disk"
mkdir "$test_dir/disk"
mount_disk() { mount -o "$1" "$disk" "$test_dir/disk" || die "cannot mount"; }
at_exit umount "$test_dir/disk"
mount_disk rw
file=$test_dir/disk/file
head -c 500003 /dev/urandom > "$file"
was=$(sum "$file")

for how in sendfile splice zerocopy; do
	start on biobank "$tree/tests/otp/pages.py" receive "$test_dir/got"
	wait_for 20 "ip netns exec biobank ss -ltnH 'sport = 7000' | grep -q 7000" ||
		die "nobody listens"
	check "$how sends" on hospital "$tree/tests/otp/pages.py" $how "$file" 10.99.0.2
	wait_for 20 "! kill -0 $started"
	is "$how: what arrives is the file" "$(sum "$test_dir/got")" "$was"
	is "$how: the page cache is unchanged" "$(sum "$file")" "$was"
	# what would be dirty goes to the disk, and is read from there
	umount "$test_dir/disk" || die "cannot unmount"
	mount_disk rw
	is "$how: the disk is unchanged" "$(sum "$file")" "$was"
done
# an in-place change of a page, as a driver would make it, would be seen
python3 - "$file" <<'P'
import mmap
import os
import sys
fd = os.open(sys.argv[1], os.O_RDWR)
m = mmap.mmap(fd, 4096)
m[100] ^= 1
P
umount "$test_dir/disk"
mount_disk ro
check 'a page that is written to would have been found' \
	[ "$(sum "$file")" != "$was" ]
