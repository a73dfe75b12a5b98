# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Sourced, after tests/lib.sh: fresh systems that boot as they would on a
# machine of their own, from a disk of image.sh. What they write to it lasts
# until QEMU ends, also over their own reboots. The host speaks to them through
# a folder, $test_dir/NAME, which is their /run/host.
#
#	guest_start hospital DISKS-FOLDER CABLE:a PCAP
#	guest_up hospital
#	guest hospital 'apt-get remove qkd-tools'
#	guest_reboot hospital

declare -A guest_pid

# guest_start NAME FOLDER CABLE:SIDE PCAP [ARGUMENTS OF QEMU...]: two guests on
# sides a and b of one CABLE see each other, and what passes at this one's end is
# captured
guest_start() {
	local name=$1 disk=$2 cable=${3%:*} side=${3##*:} pcap=$4 accel cpu=host peer=a more=

	[ "$side" = b ] || peer=b
	mkdir -p "$test_dir/$name"
	accel=$("$tree/tests/vm/accel.sh" 6.1)
	# without randomisation: see tests/vm/run
	[ "$accel" = kvm ] || cpu=max accel=tcg,thread=multi more=norandmaps
	# what is written goes to a file of its own in TMPDIR
	TMPDIR=$test_dir qemu-system-x86_64 -M q35 -accel "$accel" -cpu $cpu -smp 2 -m 1024 \
		-nodefaults -nographic -kernel "$disk/vmlinuz" -initrd "$disk/initrd" \
		-append "root=/dev/vda rw console=ttyS0 quiet no_timer_check panic=-1 oops=panic net.ifnames=0 apparmor=1 security=apparmor systemd.hostname=$name $more" \
		-drive "file=$disk/disk,format=raw,if=virtio,snapshot=on,cache=unsafe" \
		-chardev "file,id=console,path=$test_dir/$name.console" -serial chardev:console \
		-netdev "dgram,id=n0,local.type=unix,local.path=$cable.$side,remote.type=unix,remote.path=$cable.$peer" \
		-device "virtio-net-pci,netdev=n0,mac=52:54:00:00:00:0$([ "$side" = a ] && echo 1 || echo 2),romfile=" \
		-object "filter-dump,id=dump,netdev=n0,file=$pcap" \
		-device virtio-rng-pci \
		-virtfs "local,security_model=none,path=$test_dir/$name,mount_tag=host" \
		"${@:5}" < /dev/null > "$test_dir/$name.qemu" 2>&1 &
	guest_pid[$name]=$!
	at_exit guest_end "$name"
}

guest_end() { kill -9 "${guest_pid[$1]}" 2>/dev/null; wait "${guest_pid[$1]}" 2>/dev/null || :; }

# guest_up NAME [BOOT]: has booted, and not that boot
guest_up() {
	local end=$((SECONDS + 300 * ${QKD_SLOW:-1})) boot

	until boot=$(cat "$test_dir/$1/boot" 2>/dev/null) && [ "$boot" != "${2:-}" ]; do
		kill -0 "${guest_pid[$1]}" 2>/dev/null && [ $SECONDS -lt $end ] ||
			die "$1 does not boot: $(tail -n 20 "$test_dir/$1.console" "$test_dir/$1.qemu")"
		sleep .3
	done
}

# guest NAME CMD: a line of shell in it; prints what that prints, returns what
# it returns
guest() {
	local dir=$test_dir/$1 n end=$((SECONDS + ${guest_patience:-300} * ${QKD_SLOW:-1}))

	n=$(($(find "$dir" -maxdepth 1 -name '*.cmd' | wc -l) + 1))
	printf '%s\n' "$2" > "$dir/cmd.new"
	mv "$dir/cmd.new" "$dir/$n.cmd"
	until [ -e "$dir/$n.status" ]; do
		kill -0 "${guest_pid[$1]}" 2>/dev/null && [ $SECONDS -lt $end ] || {
			echo "$1 does not answer: $(cat "$dir/$n.out" 2>/dev/null; tail -n 5 "$test_dir/$1.console")"
			return 125
		}
		sleep .1
	done
	cat "$dir/$n.out"
	return "$(cat "$dir/$n.status")"
}

# guest_wait SECONDS NAME CMD: until CMD succeeds there; else what it said
guest_wait() {
	guest "$2" "end=\$((SECONDS + $1 * ${QKD_SLOW:-1}))
		until { $3; } > /run/said 2>&1; do
			[ \$SECONDS -lt \$end ] || { cat /run/said; exit 1; }
			sleep .5
		done"
}

# guest_reboot NAME: in good order
guest_reboot() {
	local before

	before=$(cat "$test_dir/$1/boot")
	guest "$1" 'systemd-run -q --on-active=1 --timer-property=AccuracySec=100ms systemctl reboot' || die "$1 does not go down"
	guest_up "$1" "$before"
}

# seen FILE TEXT: packets there that hold it
seen() { tcpdump -n -r "$1" -A 2>/dev/null | grep -c "$2"; }
