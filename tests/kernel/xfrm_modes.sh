#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A tunnel carries IPv4 and IPv6 in transport and in tunnel mode under each
# cipher, and on the wire there is nothing but ESP.
#
#	hospital 10.77.0.1 fd77::1 ======== 10.77.0.2 fd77::2 biobank
#	  lo 10.1.0.1 fd01::1                 lo 10.2.0.1 fd02::1
# timeout: 240
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need ping tcpdump
xfrm_setup

ip -n hospital addr add 10.1.0.1/24 dev lo
ip -n hospital addr add fd01::1/64 dev lo
ip -n biobank addr add 10.2.0.1/24 dev lo
ip -n biobank addr add fd02::1/64 dev lo
ip -n hospital route add 10.2.0.0/24 via 10.77.0.2 src 10.1.0.1
ip -n hospital route add fd02::/64 via fd77::2 src fd01::1
ip -n biobank route add 10.1.0.0/24 via 10.77.0.1 src 10.2.0.1
ip -n biobank route add fd01::/64 via fd77::1 src fd02::1

# carries NAME TO FROM 'ARGS AT HOSPITAL' 'ARGS AT BIOBANK'
carries() {
	local name=$1 to=$2 from=$3 pcap=$test_dir/$((++n)).pcap

	capture_both "$pcap"
	# shellcheck disable=SC2086
	on hospital qkdctl tunnel add t link q $4 && on biobank qkdctl tunnel add t link q $5 ||
		fail "$name: made"
	check "$name: both directions get SAs" wait_live t
	check "$name: packets go" on hospital ping -c 5 -i 0.1 -W 2 -I "$from" "$to"
	capture_both_stop
	check "$name: only ESP on the wire" both_only_esp "$pcap"
	check "$name: nothing dropped" no_errors
	both qkdctl tunnel del t
}
n=0

t4='mode transport'
t6='mode transport local fd77::1 peer fd77::2'
t6b='mode transport local fd77::2 peer fd77::1'
n4='mode tunnel src 10.1.0.0/24 dst 10.2.0.0/24'
n4b='mode tunnel src 10.2.0.0/24 dst 10.1.0.0/24'
n6='mode tunnel src fd01::/64 dst fd02::/64'
n6b='mode tunnel src fd02::/64 dst fd01::/64'

carries 'transport, IPv4' 10.77.0.2 10.77.0.1 "$t4" "$t4"
carries 'transport, IPv6' fd77::2 fd77::1 "$t6" "$t6b"
carries 'tunnel, IPv4 in IPv4' 10.2.0.1 10.1.0.1 "$n4" "$n4b"
carries 'tunnel, IPv6 in IPv4' fd02::1 fd01::1 "$n6" "$n6b"
carries 'tunnel, IPv6 in IPv6' fd02::1 fd01::1 \
	"$n6 local fd77::1 peer fd77::2" "$n6b local fd77::2 peer fd77::1"
carries 'aes128gcm' 10.77.0.2 10.77.0.1 "$t4 aead aes128gcm" "$t4 aead aes128gcm"
if [ "$(on hospital qkdctl tunnel add x link q aead chacha20poly1305 policy none 2>&1)" ]; then
	skip chacha20poly1305 'the kernel does not have it'
else
	on hospital qkdctl tunnel del x
	carries chacha20poly1305 10.77.0.2 10.77.0.1 \
		"$t4 aead chacha20poly1305" "$t4 aead chacha20poly1305"
fi
carries 'without ESN' 10.77.0.2 10.77.0.1 "$t4 esn off replay-window 64" \
	"$t4 esn off replay-window 64"
carries 'in UDP' 10.77.0.2 10.77.0.1 "$t4 encap 4500 4500" "$t4 encap 4500 4500"
carries 'in UDP over IPv6' fd77::2 fd77::1 "$t6 encap 4500 4500" "$t6b encap 4500 4500"

# neighbours are found again although all else between the ends is ESP
on hospital qkdctl tunnel add t link q $t6
on biobank qkdctl tunnel add t link q $t6b
wait_live t
both ip -6 neigh flush dev wan
check 'neighbour discovery passes' on hospital ping -c 2 -W 2 fd77::2
both qkdctl tunnel del t

# by ports: only what is selected
p='mode transport proto tcp'
on hospital qkdctl tunnel add t link q $p dport 7777
on biobank qkdctl tunnel add t link q $p sport 7777
wait_live t
start on biobank socat -u TCP-LISTEN:7777,reuseaddr,fork OPEN:"$test_dir/got",creat,append
wait_for 5 on biobank sh -c 'ss -ltn | grep -q 7777'
check 'a selected port is carried' sh -c 'echo hello | ip netns exec hospital timeout 5 nc -N 10.77.0.2 7777'
check 'and used the SA' [ "$(field hospital t out.total_packets)" -gt 3 ]
before=$(field hospital t out.total_packets)
on hospital ping -c 2 -i 0.1 10.77.0.2 > /dev/null
is 'what is not selected is not' "$(field hospital t out.total_packets)" "$before"
both qkdctl tunnel del t

# an xfrm interface
if ip -n hospital link add xf type xfrm dev wan if_id 7 2>/dev/null &&
   ip -n biobank link add xf type xfrm dev wan if_id 7; then
	for n in hospital biobank; do ip -n $n link set xf up; done
	ip -n hospital route replace 10.2.0.0/24 dev xf src 10.1.0.1
	ip -n biobank route replace 10.1.0.0/24 dev xf src 10.2.0.1
	carries 'an xfrm interface' 10.2.0.1 10.1.0.1 \
		"mode tunnel src 0.0.0.0/0 dst 0.0.0.0/0 if-id 7" \
		"mode tunnel src 0.0.0.0/0 dst 0.0.0.0/0 if-id 7"
else
	skip 'an xfrm interface' 'the kernel has none'
fi

# what an administrator sees; invariant 4: no key in netlink
on hospital qkdctl tunnel add t link q $t4
on biobank qkdctl tunnel add t link q $t4
wait_live t
check 'ip xfrm state shows no key' sh -c \
	'! ip netns exec hospital ip xfrm state | grep aead | grep -vq " 0x00*  *128"'
both qkdctl tunnel del t
is 'deleted: no SA is left' "$(sas hospital) $(sas biobank)" '0 0'
is 'deleted: no policy is left' "$(both ip xfrm policy)" ''
check 'deleted: packets go in clear again' on hospital ping -c 1 -W 2 10.77.0.2
