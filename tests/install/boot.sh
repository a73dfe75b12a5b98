#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# boot.sh SUITE: two systems of that suite with the packages, as packages.sh left
# them, booted, an administrator who follows the README, and the host that looks at
# the wire. The daemons run under their AppArmor profiles. Hospital reboots while a
# program on it sends, from before the network is up.
#
#	hospital 192.0.2.1 ----- captured by the host ----- 192.0.2.2 biobank
#
# QKD_BREAK=COMMAND is done at hospital before the reboot, to see that it is noticed;
# what a reboot does not need is left out then.
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
[ -d "$layer/upper/etc/qkd" ] || die "no system in $layer: tests/install/packages.sh $suite"
get='apt-get -qy --no-install-recommends -o Dpkg::Use-Pty=0'

# disk LAYER FOLDER: kept, and as packages.sh is run anew made anew
disk() {
	[ ! "$2/disk" -nt tests/install/image.sh ] || [ ! "$2/disk" -nt tests/install/canary ] ||
		return 0
	mkdir -p "$2"
	tests/install/image.sh "$root" "$1" "$2" > "$test_dir/said" 2>&1 ||
		die "no disk: $(tail -n 3 "$test_dir/said")"
}
# in LAYER CMD
in_layer() {
	tests/install/inside.sh "$root" "$1" sh -c "$2" > "$test_dir/said" 2>&1 ||
		die "$2: $(tail -n 3 "$test_dir/said")"
}
disk=$layer.disk
[ -e "$disk/disk" ] || in_layer "$layer" "$get install curl"
disk "$layer" "$disk"

both() { guest hospital "$1" && guest biobank "$1"; }
begin=$SECONDS
phase() { say "$1 ($((SECONDS - begin)) s)"; }

guest_start hospital "$disk" "$test_dir/wire:a" "$test_dir/pcap"
guest_start biobank "$disk" "$test_dir/wire:b" "$test_dir/pcap.b"
for n in hospital biobank; do
	guest_up $n
	guest $n "printf 'auto eth0\niface eth0 inet static\n  address 192.0.2.$([ $n = hospital ] && echo 1 || echo 2)/24\n' \
		> /etc/network/interfaces.d/eth0; ifup eth0"
done
phase "$(guest hospital 'cat /etc/debian_version; uname -r; cat /proc/uptime' | xargs)"
check 'they see each other' guest_wait 10 hospital 'ping -c 1 -W 1 192.0.2.2'
for n in hospital biobank; do
	is "$n: all units are up" "$(guest $n 'systemctl is-system-running --wait > /dev/null
		systemctl list-units --failed --plain --no-legend | cut -d" " -f1')" ''
done

# ---- the README, to the letter

# block PATTERN: the first block of commands below a line that has it
block() { sed -n "/$1/,\$p" README.md | awk '/^    / { print substr($0, 5); n = 1; next } n { exit }'; }
before=$(block 'daemon once')
is 'the README says how to start' "$(echo "$before" | xargs)" 'modprobe qkd_xfrm systemctl start qkdd'
both "$before" || fail 'and so it starts'
readme=$(block '^Then, at the hospital')
# key sooner than on 25 km
readme=${readme//\"length=25\"/\"length=5 block=131072 pz=.8\"}
say "$readme"
echo "$readme" | grep -v -e '^qkdctl save' -e '^ip xfrm' > "$test_dir/lines"
# the daemon takes the secret as soon as there is a link
check 'hospital: a secret' guest hospital "$(grep 'psk new' "$test_dir/lines")"
guest hospital "cat /etc/qkd/psk/$link" > "$test_dir/biobank/psk"
check 'hospital: what it says is taken' guest hospital "set -e; $(grep -v 'psk new' "$test_dir/lines")"
# the mirror image, and the secret that was carried over
sed -e "/psk new/s|.*|install -m 600 psk /etc/qkd/psk/$link|" \
	-e 's/local-node hospital peer-node biobank/local-node biobank peer-node hospital/' \
	-e 's/local 192.0.2.1 peer 192.0.2.2/local 192.0.2.2 peer 192.0.2.1/; s/role alice/role bob/' \
	"$test_dir/lines" > "$test_dir/mirror"
check 'biobank: and its mirror image' guest biobank "set -e; $(cat "$test_dir/mirror")"
tells() {
	guest "$1" 'journalctl -q -b -u qkdd -u qkd -n 30 --no-pager -o cat
		journalctl -q -b --no-pager -o cat -g apparmor | grep qkd | tail -n 20
		qkdctl -s link show; qkdctl tunnel show; ip xfrm policy | grep -A1 ^src'
}
if guest_wait 100 hospital 'ping -c 1 -W 1 192.0.2.2' > "$test_dir/said"; then
	ok 'packets pass under quantum key'
else
	fail 'packets pass under quantum key' "$(cat "$test_dir/said")" "$(tells hospital)" \
		"$(tells biobank)"
	exit 1
fi
is 'secrets are gone from where they were left' "$(both 'find /etc/qkd/psk -type f -size +0')" ''
is 'devices are named by udev, for the group' \
	"$(guest hospital "stat -L -c '%G %a' /dev/qkd/$link")" 'qkd 660'
phase 'key'

# ---- the key service and the relay, as their pages say

# services NODE PEER ADDRESS
services() {
	local n=$1 o=$2

	guest "$n" "set -e
		chgrp qkd /etc/qkd/pki /etc/qkd/pki/kme-$n.key
		chmod g+x /etc/qkd/pki; chmod g+r /etc/qkd/pki/kme-$n.key
		head -c 32 /dev/urandom > /etc/qkd/kmed-store-key
		chgrp qkd /etc/qkd/kmed-store-key; chmod 640 /etc/qkd/kmed-store-key
		cat > /etc/qkd/kmed.json << END
{ \"kme\": \"kme-$n\", \"certificate\": \"/etc/qkd/pki/kme-$n.crt\",
  \"key\": \"/etc/qkd/pki/kme-$n.key\", \"ca\": \"/etc/qkd/pki/ca.crt\",
  \"store\": \"/var/lib/qkd-kmed/store\", \"store-key\": \"/etc/qkd/kmed-store-key\",
  \"links\": [ { \"link\": \"$link\", \"peer-kme\": \"kme-$o\", \"peer\": \"$3:8443\",
      \"pairs\": [ { \"local\": \"fw-$n\", \"remote\": \"fw-$o\" } ] } ] }
END
		systemctl enable --now qkd-kmed qkd-relayd"
}
# ask NODE ADDRESS WHAT: of its KME, as the SAE there
ask() {
	guest "$1" "cd /etc/qkd/pki && curl -sS --cacert ca.crt --cert fw-$1.crt --key fw-$1.key \
		'https://$2:8443/api/v1/keys/$3'" | tee "$test_dir/answer.$1"
}
# whole KEYS: of enc_keys or dec_keys, ID and key
whole() { grep -o '"key\(_ID\)\?": *"[^"]*"' | sort | xargs; }
if [ ! "${QKD_BREAK:-}" ]; then
	check 'certificates' guest hospital 'set -e; qkdctl pki init
		for n in hospital\ 192.0.2.1 biobank\ 192.0.2.2; do
			qkdctl pki issue kme kme-${n% *} host ${n#* }; qkdctl pki issue sae fw-${n% *}
		done
		tar cf pki.tar -C /etc/qkd pki'
	cp "$test_dir/hospital/pki.tar" "$test_dir/biobank/"
	guest biobank 'tar xf pki.tar -C /etc/qkd'
	check 'hospital: key service and relay' services hospital biobank 192.0.2.2
	check 'biobank: key service and relay' services biobank hospital 192.0.2.1
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		got=$(ask hospital 192.0.2.1 'fw-biobank/enc_keys?number=1&size=256' | whole)
		[ ! "$got" ] || break
		sleep 3
	done
	id=$(sed -n 's/.*"key_ID": *"\([^"]*\)".*/\1/p' "$test_dir/answer.hospital")
	is 'the key service gives both the same key' \
		"$(ask biobank 192.0.2.2 "fw-hospital/dec_keys?key_ID=$id" | whole)" "$got"
	at_least 'which is one' "${#got}" 40
	check 'the relays would send each other key' guest_wait 30 hospital \
		'journalctl -q -b -u qkd-relayd --no-pager | grep "biobank: chunks can be sent"'
	phase 'services'

	# ---- a hybrid tunnel, of two machines

	letters() { # NODE I PEER J
		guest "$1" "ip addr add 203.0.113.$2/32 dev lo &&
			ip route add 203.0.113.$4/32 via 192.0.2.$4 src 203.0.113.$2 &&
			qkdctl tunnel add letters link $link mode tunnel \
				src 203.0.113.$2/32 dst 203.0.113.$4/32 hybrid on"
	}
	check 'a hybrid tunnel' letters hospital 1 biobank 2
	check 'at both ends' letters biobank 2 hospital 1
	newer=$(guest hospital 'dpkg-query -W -f "\${Version}" "libssl3*"')
	if dpkg --compare-versions "$newer" ge 3.5; then
		check "OpenSSL $newer: it is keyed" guest_wait 60 hospital 'ping -c 1 -W 1 203.0.113.2'
		ids=$(both 'qkdctl -j tunnel show letters' | grep -o '"secret_id": *"[^"]*"' | sort | uniq -c)
		is 'with one post-quantum secret at both ends, both ways' \
			"$(echo "$ids" | awk '{ print $1 }')" 4
	else
		check "OpenSSL $newer: it says what it needs" guest_wait 60 hospital \
			'qkdctl tunnel show letters | grep "OpenSSL 3.5 or later"'
		check 'and nothing passes' guest hospital '! ping -c 1 -W 2 203.0.113.2'
	fi
	both 'qkdctl tunnel del letters'
	phase 'hybrid'
fi

# ---- AppArmor

daemons='qkdd qkd-exporter qkd-kmed qkd-relayd'
[ ! "${QKD_BREAK:-}" ] || daemons='qkdd qkd-exporter'
profiles=$(for p in $daemons; do echo "$p (enforce)"; done | xargs)
confined() {
	guest "$1" "for p in $daemons; do cat /proc/\$(systemctl show -P MainPID \$p)/attr/current; done" | xargs
}
denied() { guest "$1" 'journalctl -q -b --no-pager | grep -E "apparmor=\"?(DENIED|ALLOWED)" | grep qkd'; }
for n in hospital biobank; do
	is "$n: daemons run under their profiles" "$(confined $n)" "$profiles"
	is "$n: which deny nothing that they do" "$(denied $n)" ''
done

# ---- a reboot

both 'qkdctl save > /etc/qkd/qkd.conf'
guest hospital 'systemctl -q enable --now canary'
heard() { guest biobank "awk '/^Udp: [0-9]/ { print \$3 }' /proc/net/snmp"; }
[ -z "${QKD_BREAK:-}" ] || guest hospital "$QKD_BREAK"
sung=$(seen "$test_dir/pcap" a-witness-whom)
guest_reboot hospital
phase 'booted again'
check 'after a reboot, packets pass again' guest_wait 100 hospital 'ping -c 1 -W 1 192.0.2.2'
is 'the link is back' "$(guest hospital 'qkdctl -j link | grep -o hospital-biobank | head -n 1')" $link
is 'the tunnel is back' "$(guest hospital 'qkdctl -j tunnel | grep -o genomes | head -n 1')" genomes
n=$(heard)
sleep 2
at_least 'the witness was on the wire' $(($(seen "$test_dir/pcap" a-witness-whom) - sung)) 20
is 'the canary was not, in clear' "$(seen "$test_dir/pcap" the-canary-that)" 0
at_least 'but it arrives' $(($(heard) - n)) 5
is 'the policies were there before the network' "$(guest hospital '
	u() { systemctl show -P "$1" "$2"; }
	[ "$(u ExecMainExitTimestampMonotonic qkd)" -gt 0 ] &&
	[ "$(u ExecMainExitTimestampMonotonic qkd)" -lt "$(u ExecMainStartTimestampMonotonic networking)" ] && echo before')" before
guest hospital 'systemctl is-system-running --wait' > /dev/null
is 'daemons run under their profiles again' "$(confined hospital)" "$profiles"
is 'which deny nothing' "$(denied hospital)" ''
[ ! "${QKD_BREAK:-}" ] || exit

# ---- metrics

guest hospital 'exec 3<> /dev/tcp/127.0.0.1/9517; printf "GET /metrics HTTP/1.0\r\n\r\n" >&3; cat <&3' > "$test_dir/metrics"
check 'the exporter tells of link and tunnel' eval \
	'grep -q "^qkd_link_secret.*hospital-biobank" "$test_dir/metrics" && grep -q "^qkd_tunnel_rekeys.*genomes" "$test_dir/metrics"'

for n in hospital biobank; do
	guest $n 'journalctl -q -k -b --no-pager' > "$test_dir/dmesg.$n"
	check "$n: the kernel reports nothing" tests/vm/check-log "$test_dir/dmesg.$n"
done
