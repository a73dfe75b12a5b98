#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# power_loss.sh [-k VERSION] [-n TIMES]: invariant 1 through power loss, of the
# file driver on a real file system in a real kernel. A virtual machine uses up
# two pads at once, a plain one and an encrypted store, on a disk of its own and
# tells of each range; it is killed at a random moment, and the next one goes on
# with what the disk holds. No byte may be told of twice, or be another than the
# pad's. Ends with a line "N passed, N failed, N skipped".
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

mkdir -p "$dir/root/plain" "$dir/root/store"
head -c 128M /dev/urandom > "$dir/root/plain/pad"
"$O/bin/qkdctl" pad new 128M store "$dir/root/store/pad" key "$dir/root/store/key" \
	store "$dir/other" key "$dir/other.key" &&
	tests/interop/pad_open.py "$dir/other" "$dir/other.key" > "$dir/store" || exit 1
ln "$dir/root/plain/pad" "$dir/plain"
truncate -s 400M "$dir/disk"
mkfs.ext4 -q -d "$dir/root" "$dir/disk" || exit 1

# guest: what runs in the machine
cat > "$dir/guest" <<EOF
modprobe -q virtio_blk; modprobe -q ext4
mkdir -p /run/disk && mount /dev/vda /run/disk || exit
$O/tests/bin/pad_user /run/disk/plain | sed -u 's/^/plain /' &
$O/tests/bin/pad_user /run/disk/store | sed -u 's/^/store /'
EOF
: > "$dir/used"
for ((i = 0; i < times; i++)); do
	rm -f "$dir/pid"
	# not in the background: what the last life said would be taken for this one's
	: > "$dir/said"
	tests/vm/run -k "$kernel" -m 512 -s 1 -t 240 \
		-q "-pidfile $dir/pid -drive file=$dir/disk,if=virtio,format=raw,cache=directsync" \
		sh "$dir/guest" > "$dir/said" 2>&1 &
	vm=$!
	# some ranges are used, and then some more, for as long as it happens
	for ((t = 0; t < 2000; t++)); do
		[ "$(grep -c '^plain used' "$dir/said")" -lt 3 ] ||
			[ "$(grep -c '^store used' "$dir/said")" -lt 3 ] || break
		sleep 0.1
	done
	sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
	qemu=$(cat "$dir/pid")
	kill -9 "$qemu"
	qemu=
	wait $vm
	echo "# life $i: $(awk '$2 == "used" { n[$1]++; at[$1] = $3 }
		END { for (p in n) printf "%s %d ranges, to %d; ", p, n[p], at[p] }' "$dir/said")"
	sed "s/^/$i /" "$dir/said" >> "$dir/used"
done
bad=0
for p in plain store; do
	sed -n "s/^\([0-9]*\) $p /\1 /p" "$dir/used" > "$dir/used.$p"
	python3 tests/otp/power_loss.py "$dir/$p" "$dir/used.$p" "$times" $p || bad=$((bad + 1))
done
echo "$((2 - bad)) passed, $bad failed, 0 skipped"
[ $bad = 0 ]
