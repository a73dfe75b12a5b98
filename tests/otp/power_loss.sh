#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# power_loss.sh [-k VERSION] [-n TIMES]: invariant 1 through power loss, of the
# file driver on a real file system in a real kernel. A virtual machine uses up
# a pad on a disk of its own and tells of each range; it is killed at a random
# moment, and the next one goes on with what the disk holds. No byte may be
# told of twice, or be another than the pad's. Ends with a line "N passed, N
# failed, N skipped".
#
# tests/unit/qkdd_file.c tries every write of the same driver, on a model of a
# disk; this one, what the model may be wrong about.
set -u
cd "$(dirname "$0")/../.." || exit 2
O=$(realpath -m "${O:-build}")
kernel=6.12 times=8
while getopts k:n: opt; do
	case $opt in
	k)	kernel=$OPTARG ;;
	n)	times=$OPTARG ;;
	*)	exit 2 ;;
	esac
done
for c in mkfs.ext4 qemu-system-x86_64; do
	PATH=$PATH:/sbin:/usr/sbin command -v $c > /dev/null || {
		echo "power_loss: needs $c"
		echo '0 passed, 0 failed, 1 skipped'
		exit 4
	}
done
export PATH=$PATH:/sbin:/usr/sbin
dir=$(mktemp -d)
qemu=
end() {
	[ -z "$qemu" ] || kill -9 "$qemu" 2> /dev/null
	wait
	rm -rf "$dir"
}
trap end EXIT
trap 'exit 1' INT TERM

mkdir "$dir/root"
head -c $((256 << 20)) /dev/urandom > "$dir/root/pad"
truncate -s 320M "$dir/disk"
mkfs.ext4 -q -d "$dir/root" "$dir/disk" || exit 1

# guest: what runs in the machine
cat > "$dir/guest" <<EOF
modprobe -q virtio_blk; modprobe -q ext4
mkdir -p /run/disk && mount /dev/vda /run/disk && exec $O/tests/bin/pad_user /run/disk
EOF
: > "$dir/used"
for ((i = 0; i < times; i++)); do
	rm -f "$dir/pid"
	tests/vm/run -k "$kernel" -m 512 -s 1 -t 240 \
		-q "-pidfile $dir/pid -drive file=$dir/disk,if=virtio,format=raw,cache=directsync" \
		sh "$dir/guest" > "$dir/said" 2>&1 &
	vm=$!
	# some ranges are used, and then some more, for as long as it happens
	for ((t = 0; t < 2000; t++)); do
		[ "$(grep -c '^used' "$dir/said")" -lt 3 ] || break
		sleep 0.1
	done
	sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
	qemu=$(cat "$dir/pid")
	kill -9 "$qemu"
	qemu=
	wait $vm
	say="$(grep -c '^used' "$dir/said") ranges, to $(awk '/^used/ { at = $2 } END { print at }' "$dir/said")"
	echo "# life $i: $say"
	sed "s/^/$i /" "$dir/said" >> "$dir/used"
done
python3 tests/otp/power_loss.py "$dir/root/pad" "$dir/used" "$times"
