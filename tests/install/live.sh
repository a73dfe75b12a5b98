#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# live.sh SUITE: the packages of a running system of that suite, as packages.sh left
# it, are upgraded and removed while its tunnel carries traffic: tools first, then
# modules, which are then taken as the package says; at last all of it goes. A canary
# sends what the tunnel covers all the time, and the host looks at the cable. The
# peer is a namespace on the same machine, behind another card:
#
#	eth0 192.0.2.1 ----- captured by the host ----- 192.0.2.2 eth1 (biobank)
#
# QKD_BREAK=COMMAND is done in it instead of upgrading, to see that it is noticed:
#
#	QKD_BREAK='ip xfrm policy flush' tests/install/live.sh bookworm
# timeout: 3600
# shellcheck disable=SC2016
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/guest.sh"
need_root
need_cmd qemu-system-x86_64 tcpdump
suite=$1
cd "$tree" || exit 1
root=$(tests/install/system.sh "$suite" plain) || die 'no system'
layer=$O/install-$suite
link=hospital-biobank
ls "$layer"/share/new/qkd-tools_*.deb > /dev/null ||
	die "no system in $layer: tests/install/packages.sh $suite"
disk=${QKD_DISK:-$test_dir}
[ -e "$disk/disk" ] || tests/install/image.sh "$root" "$layer" "$disk" '
	printf "auto eth0\niface eth0 inet static\n  address 192.0.2.1/24\n" \
		> /etc/network/interfaces.d/eth0
	cat > /etc/qkd/qkd.conf << "END"
link hospital-biobank local-node hospital peer-node biobank local 192.0.2.1 \
     peer 192.0.2.2 driver file pool-size 256K config "pad=/var/lib/qkd/pad"
tunnel genomes link hospital-biobank mode transport rekey time 5s
END
	# the peer has programs of its own, which are not upgraded
	mkdir -p /srv/peer/psk /srv/peer/state
	cp /usr/sbin/qkdd /usr/sbin/qkdctl /usr/lib/*/libqkd.so.1 /srv/peer/
	sed -e "s/local-node hospital peer-node biobank/local-node biobank peer-node hospital/" \
		-e "s/local 192.0.2.1/local 192.0.2.2/; s/peer 192.0.2.2/peer 192.0.2.1/" \
		-e "s|/var/lib/qkd|/srv/peer|" /etc/qkd/qkd.conf > /srv/peer/qkd.conf
	head -c 65536 /dev/urandom > /etc/qkd/psk/hospital-biobank
	mkdir -p /var/lib/qkd
	head -c 32M /dev/urandom > /var/lib/qkd/pad
	cp /var/lib/qkd/pad /srv/peer/
	cp /etc/qkd/psk/hospital-biobank /srv/peer/psk/
	cat > /etc/systemd/system/qkd-peer.service << "END"
[Unit]
After=network.target

[Service]
Environment=LD_LIBRARY_PATH=/srv/peer
ExecStartPre=-ip netns add biobank
ExecStartPre=-ip link set eth1 netns biobank
ExecStartPre=-ip -n biobank addr add 192.0.2.2/24 dev eth1
ExecStartPre=ip -n biobank link set eth1 up
ExecStartPre=ip netns exec biobank /srv/peer/qkdctl restore /srv/peer/qkd.conf
ExecStart=ip netns exec biobank /srv/peer/qkdd --psk-dir /srv/peer/psk --state-dir /srv/peer/state

[Install]
WantedBy=multi-user.target
END
	systemctl -q enable canary qkd-peer' > "$test_dir/said" 2>&1 ||
	die "no disk: $(tail -n 3 "$test_dir/said")"
[ ! "${QKD_DISK_ONLY:-}" ] || exit 0

wire=$test_dir/wire
guest_start hospital "$disk" "$wire:a" "$test_dir/pcap" \
	-netdev "dgram,id=n1,local.type=unix,local.path=$wire.b,remote.type=unix,remote.path=$wire.a" \
	-device virtio-net-pci,netdev=n1,mac=52:54:00:00:00:02,romfile=
mkdir "$test_dir/hospital/new"
cp "$layer"/share/new/*.deb "$test_dir/hospital/new/"
# DKMS takes half an hour to compile where the processor is emulated: here it copies
# what packages.sh had it compile by chroot
dpkg-deb -R "$layer"/share/new/qkd-dkms_*.deb "$test_dir/x"
sed -i 's|^MAKE\[0\]=.*|MAKE[0]="cp -r /run/host/built/kmod ."|' "$test_dir"/x/usr/src/qkd-*/dkms.conf
dpkg-deb --root-owner-group -b "$test_dir/x" "$test_dir/hospital/new/" > /dev/null ||
	die 'repacking'
for m in qkd:core qkd_xfrm:xfrm qkd_otp:otp; do
	mkdir -p "$test_dir/hospital/built/kmod/${m#*:}"
	cp "$layer/share/built/${m%:*}.ko" "$test_dir/hospital/built/kmod/${m#*:}/" ||
		die 'no modules'
done
guest_up hospital
begin=$SECONDS
phase() { say "$1 ($((SECONDS - begin)) s)"; }
phase "$(guest hospital 'cat /etc/debian_version; uname -r; cat /proc/uptime' | xargs)"

# ---- what is looked at again and again

apt='apt-get -qy --no-install-recommends -o Dpkg::Use-Pty=0'
passes() { guest_wait 100 hospital 'ping -c 1 -W 1 192.0.2.2'; }
rekeys() { guest hospital 'qkdctl -j -s tunnel show genomes | grep -o "\"rekeys\": *[0-9]*" | head -n 1 | grep -o "[0-9]*$"'; }
begin_ping() { guest hospital 'systemd-run -q --unit=pinger sh -c "exec ping -q -i .2 192.0.2.2 > /run/pinged"'; }
# the last one may be on its way
lost() {
	guest hospital 'systemctl kill -s INT pinger; while systemctl -q is-active pinger; do sleep .1; done
		awk "/transmitted/ { n = \$1 - \$4; print (n > 1 ? n \" of \" \$1 : 0) }" /run/pinged'
}
witnesses=0
# closed WHEN: nothing was in clear of what the tunnel covers, and it is looked at
closed() {
	local n

	sleep 1
	n=$(seen "$test_dir/pcap" a-witness-whom)
	at_least "$1: the witness is on the wire" $((n - witnesses)) 20
	witnesses=$n
	is "$1: the canary is not" "$(seen "$test_dir/pcap" the-canary-that)" 0
}
loaded() { guest hospital 'for m in qkd qkd_xfrm; do cat /sys/module/$m/srcversion; done' | xargs; }
installed() { guest hospital 'for m in qkd qkd_xfrm; do modinfo -F srcversion $m; done' | xargs; }
pid() { guest hospital 'systemctl show -P MainPID qkdd'; }

check 'packets pass under quantum key' passes
closed 'before'

# ---- upgraded

upgrades() {
	local n old before status

	# the tools
	n=$(rekeys) old=$(pid)
	begin_ping
	check 'the tools are upgraded' guest hospital \
		"$apt install \$(ls /run/host/new/*.deb | grep -v dkms)"
	is 'to the next version' "$(guest hospital 'dpkg-query -W -f "\${Version}\n" qkd-tools' | grep -c next)" 1
	at_least 'the daemon is the new one' "$(($(pid) != old ? 1 : 0))" 1
	is 'and runs' "$(guest hospital 'systemctl is-active qkdd')" active
	sleep 8
	is 'no packet was lost by it' "$(lost)" 0
	at_least 'the tunnel was rekeyed meanwhile' $(($(rekeys) - n)) 2
	closed 'tools upgraded'
	phase 'tools upgraded'

	# and the modules
	before=$(loaded)
	begin_ping
	guest_patience=900
	guest hospital "$apt install /run/host/new/qkd-dkms_*.deb" > "$test_dir/dkms"
	status=$?
	unset guest_patience
	is 'the modules are upgraded' "$status $(grep -c 'not configured' "$test_dir/dkms")" '0 0'
	is 'those loaded stay' "$(loaded)" "$before"
	at_least 'others are installed' "$([ "$(installed)" = "$before" ] && echo 0 || echo 1)" 1
	check 'which is told' eval \
		'grep "^qkd-dkms: the kernel goes on with what it has loaded of qkd qkd_xfrm" "$test_dir/dkms" ||
			{ tail -n 20 "$test_dir/dkms"; false; }'
	is 'no packet was lost by it' "$(lost)" 0
	closed 'modules upgraded'
	phase 'modules upgraded'

	# what it says is done, and the peer, which shares the modules, with it
	grep '^    ' "$test_dir/dkms" > "$test_dir/how"
	say "$(cat "$test_dir/how")"
	check 'they are taken as it is told' guest hospital "set -e; $(cat "$test_dir/how")
		systemctl start qkd-peer"
	is 'those that were installed' "$(loaded)" "$(installed)"
	check 'packets pass again' passes
	closed 'modules taken'
	phase 'modules taken'
}
if [ "${QKD_BREAK:-}" ]; then
	guest hospital "$QKD_BREAK"
else
	upgrades
fi

# ---- all of it goes

guest hospital "$apt remove 'qkd-*' 'libqkd*'" > "$test_dir/removal"
is 'all is removed' "$? $(guest hospital 'ls /usr/sbin | grep -c qkd; systemctl is-active qkdd' | xargs)" '0 0 inactive'
is 'which tunnels remain is told' "$(grep '^qkd-tools: tunnels remain' "$test_dir/removal")" \
	'qkd-tools: tunnels remain: genomes.'
is 'and what they do at the next boot' "$(grep -c 'NOTHING HOLDS IT BACK' "$test_dir/removal")" 1
is 'and of the modules' "$(grep -c '^qkd-dkms: modules that are loaded stay' "$test_dir/removal")" 1
is 'the policies are there' "$(guest hospital 'ip xfrm policy | grep -c "dir out priority 1000"')" 1
closed 'removed'
check 'the modules are unloaded' guest hospital 'systemctl stop qkd-peer; modprobe -r qkd_xfrm qkd || rmmod qkd_xfrm qkd'
closed 'and unloaded'
check 'the kernel reports nothing' eval 'guest hospital "journalctl -q -k -b --no-pager" > "$test_dir/dmesg" &&
	tests/vm/check-log "$test_dir/dmesg"'
guest_reboot hospital
sleep 2
at_least 'after a reboot, it is in clear as was told' "$(seen "$test_dir/pcap" the-canary-that)" 1
