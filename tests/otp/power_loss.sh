#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# power_loss.sh [-k VERSION] [-n LIVES] [-c CUTS]: invariant 1 through power loss,
# of the file driver on a real file system in a real kernel. A virtual machine
# uses up two pads at once, a plain one and an encrypted store, on a disk of its
# own and tells of each range; it is killed at a random moment, and the next one
# goes on with what the disk holds. No byte may be told of twice, or be another
# than the pad's. Ends with a line "N passed, N failed, N skipped".
#
# A machine takes a while to boot, so each life also serves for CUTS others: at
# random moments it is frozen, all its processors and its writes to the disk
# alike, and the disk is copied. That is what a machine killed then would have
# left, and what is used next of that is compared as well.
#
# tests/unit/qkdd_file.c tries every write of the same driver, on a model of a
# disk; this one, what the model may be wrong about.
set -u
cd "$(dirname "$0")/../.." || exit 2
O=$(realpath -m "${O:-build}")
kernel=6.12 times=3 cuts=10
while getopts k:n:c: opt; do
	case $opt in
	k)	kernel=$OPTARG ;;
	n)	times=$OPTARG ;;
	c)	cuts=$OPTARG ;;
	*)	exit 2 ;;
	esac
done
export PATH=$PATH:/sbin:/usr/sbin
for c in mkfs.ext4 e2fsck debugfs qemu-system-x86_64; do
	command -v $c > /dev/null || {
		echo "power_loss: needs $c"
		echo '0 passed, 0 failed, 1 skipped'
		exit 4
	}
done
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
head -c 48M /dev/urandom > "$dir/root/plain/pad"
"$O/bin/qkdctl" pad new 48M store "$dir/root/store/pad" key "$dir/root/store/key" \
	store "$dir/other" key "$dir/other.key" > /dev/null &&
	tests/interop/pad_open.py "$dir/other" "$dir/other.key" > "$dir/store" || exit 1
rm "$dir/other"
ln "$dir/root/plain/pad" "$dir/plain"
truncate -s 128M "$dir/disk"
mkfs.ext4 -q -d "$dir/root" "$dir/disk" || exit 1
rm -r "$dir/root/store"

# guest: what runs in the machine
cat > "$dir/guest" <<EOF
modprobe -q virtio_blk; modprobe -q ext4
mkdir -p /run/disk && mount /dev/vda /run/disk || exit
$O/tests/bin/pad_user /run/disk/plain 20 | sed -u 's/^/plain /' &
$O/tests/bin/pad_user /run/disk/store 20 | sed -u 's/^/store /'
EOF

a_while() { sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"; }

# said LIFE: what it told so far; a line that is not whole was not told
said() { head -n "$(wc -l < "$dir/said")" "$dir/said" | sed "s/^/$1 /"; }

# one_after DISK SAID: what a driver uses next of the pads on that disk, as the
# lines of another life
one_after() {
	local p

	e2fsck -fy "$1" > /dev/null 2>&1
	for p in plain store; do
		mkdir "$dir/after"
		debugfs -R "rdump /$p $dir/after" "$1" > /dev/null 2>&1
		# for as long as the ranges before could have been given up
		"$O/tests/bin/pad_user" "$dir/after/$p" 2> /dev/null |
			head -n 100 | sed "s/^/$2 $p /"
		rm -r "$dir/after"
	done
}

# compare NAME LIVES USED: no range in it is there twice
compare() {
	local p ok=0

	for p in plain store; do
		sed -n "s/^\([0-9]*\) $p /\1 /p" "$3" > "$3.$p"
		python3 tests/otp/power_loss.py "$dir/$p" "$3.$p" "$2" \
			"the $p pad: $1" || ok=1
		rm "$3.$p"
	done
	return $ok
}

# cut LIFE N
cut() {
	kill -STOP "$qemu"
	cp --sparse=always "$dir/disk" "$dir/cut"
	{
		cat "$dir/used"
		said "$1"
	} > "$dir/used.cut"
	one_after "$dir/cut" $((times + 1)) >> "$dir/used.cut"
	compare "life $1, cut $2" 2 "$dir/used.cut"
	count $?
	rm -f "$dir/cut"
	kill -CONT "$qemu"
}

passed=0 failed=0
count() { if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi; }
: > "$dir/used"
for ((i = 0; i < times; i++)); do
	rm -f "$dir/pid"
	# not in the background: what the last life said would be taken for this one's
	: > "$dir/said"
	tests/vm/run -k "$kernel" -m 512 -s 1 -t 300 \
		-q "-pidfile $dir/pid -drive file=$dir/disk,if=virtio,format=raw,cache=directsync" \
		sh "$dir/guest" > "$dir/said" 2>&1 &
	vm=$!
	# some ranges are used, and then some more, for as long as it happens
	for ((t = 0; t < 2000; t++)); do
		[ "$(grep -c '^plain used' "$dir/said")" -lt 3 ] ||
			[ "$(grep -c '^store used' "$dir/said")" -lt 3 ] || break
		sleep 0.1
	done
	qemu=$(cat "$dir/pid")
	for ((c = 0; c < cuts; c++)); do
		a_while
		kill -0 "$qemu" 2> /dev/null || break
		cut $i $c
	done
	a_while
	kill -9 "$qemu" 2> /dev/null
	qemu=
	wait $vm
	echo "# life $i: $(awk '$2 == "used" { n[$1]++; at[$1] = $3 }
		END { for (p in n) printf "%s %d ranges, to %d; ", p, n[p], at[p] }' "$dir/said")"
	said $i >> "$dir/used"
done
compare "all $times lives" "$times" "$dir/used"
count $?
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
