#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# cold.sh SUITE: a system of that suite with the packages, as packages.sh left it,
# and a configuration in /etc/qkd boots, and its peer is not there: no key, so what the
# tunnel covers must not leave, from before the network is up on. A quick part of
# boot.sh. QKD_BREAK=COMMAND is done in it beforehand, to see that it is noticed:
#
#	QKD_BREAK='systemctl disable qkd' tests/install/cold.sh bookworm
# timeout: 900
# shellcheck disable=SC2016
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/guest.sh"
need_root
need_cmd qemu-system-x86_64 tcpdump
suite=$1
cd "$tree" || exit 1
root=$(tests/install/system.sh "$suite" plain) || die 'no system'
layer=$O/install-$suite
[ -d "$layer/upper/etc/qkd" ] || die "no system in $layer: tests/install/packages.sh $suite"
disk=${QKD_DISK:-$test_dir}
[ -e "$disk/disk" ] || tests/install/image.sh "$root" "$layer" "$disk" '
	printf "auto eth0\niface eth0 inet static\n  address 192.0.2.1/24\n" \
		> /etc/network/interfaces.d/eth0
	cat > /etc/qkd/qkd.conf << "END"
link hospital-biobank local-node hospital peer-node biobank \
     local 192.0.2.1 peer 192.0.2.2 driver sim role alice config "length=25"
tunnel genomes link hospital-biobank mode transport
END
	head -c 65536 /dev/urandom > /etc/qkd/psk/hospital-biobank
	systemctl -q enable canary qkd-relayd
	'"${QKD_BREAK:-}" > "$test_dir/said" 2>&1 || die "no disk: $(tail -n 3 "$test_dir/said")"
[ ! "${QKD_DISK_ONLY:-}" ] || exit 0

guest_start hospital "$disk" "$test_dir/wire:a" "$test_dir/pcap"
guest_up hospital
is 'all units are up' "$(guest hospital 'systemctl is-system-running --wait > /dev/null
	systemctl list-units --failed --plain --no-legend | cut -d" " -f1')" ''
say "$(guest hospital 'cat /etc/debian_version; uname -r; cat /proc/uptime' | xargs)"
at_least 'the witness is on the wire' "$(seen "$test_dir/pcap" a-witness-whom)" 20
is 'the canary is not' "$(seen "$test_dir/pcap" the-canary-that)" 0
is 'the policies were there before the network' "$(guest hospital '
	u() { systemctl show -P "$1" "$2"; }
	[ "$(u ExecMainExitTimestampMonotonic qkd)" -gt 0 ] &&
	[ "$(u ExecMainExitTimestampMonotonic qkd)" -lt "$(u ExecMainStartTimestampMonotonic networking)" ] && echo before')" before
is 'the link is there' "$(guest hospital 'qkdctl -j link | grep -o hospital-biobank | head -n 1')" hospital-biobank
is 'the tunnel is there' "$(guest hospital 'qkdctl -j tunnel | grep -o genomes | head -n 1')" genomes
check 'the daemon has taken the secret' guest_wait 30 hospital '[ ! -s /etc/qkd/psk/hospital-biobank ]'
is 'daemons run under their profiles' "$(guest hospital '
	for p in qkdd qkd-exporter qkd-relayd; do
		cat /proc/$(systemctl show -P MainPID $p)/attr/current
	done' | xargs)" 'qkdd (enforce) qkd-exporter (enforce) qkd-relayd (enforce)'
is 'which deny nothing' "$(guest hospital 'journalctl -q -b --no-pager |
	grep -E "apparmor=\"?(DENIED|ALLOWED)" | grep qkd')" ''
guest hospital 'journalctl -q -k -b --no-pager' > "$test_dir/dmesg"
check 'the kernel reports nothing' tests/vm/check-log "$test_dir/dmesg"
