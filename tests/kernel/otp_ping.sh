#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
#
# A one-time-pad device carries IPv4 and IPv6 over IPv4 and over IPv6, packets
# of all sizes, and follows its peer to another address. All its pad is accounted
# for, and packets padded to one size are so on the wire.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping tcpdump
topo_two_nodes
otp_links
otp_feed
otp_tunnel 0
otp_tunnel 1 remote fd77::2
on biobank qkdctl otp set otp1 remote fd77::1
wait_for 5 on hospital ping -c 1 -W 1 10.99.0.2 || die "no key"
wait_for 5 on hospital ping -c 1 -W 1 10.100.0.2 || die "no key"

mtu() { ip -n hospital -j link show "$1" | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["mtu"])'; }
reaches() { on hospital ping -q -i 0.2 -W $((2 * ${QKD_SLOW:-1})) "$@"; }

# edges DEVICE OUTSIDE MTU ADDRESS4 ADDRESS6
edges() {
	local dev=$1 over=$2 mtu=$3 to4=$4 to6=$5 size

	is "MTU follows from the way over $over" "$(mtu "$dev")" "$mtu"
	check "IPv4 in $over" reaches -c 3 "$to4"
	check "IPv6 in $over" reaches -c 3 "$to6"
	check "$over: the whole MTU of IPv4 goes unfragmented" reaches -M 'do' -s $((mtu - 28)) -c 1 "$to4"
	check "$over: and of IPv6" reaches -M 'do' -s $((mtu - 48)) -c 1 "$to6"
	check_fails "$over: one byte more does not" 'too long|mtu' on hospital ping -W 2 -M 'do' -s $((mtu - 27)) -c 1 "$to4"
	check_fails "$over: nor in IPv6" 'too long|mtu|too big' on hospital ping -W 2 -M 'do' -s $((mtu - 47)) -c 1 "$to6"
	check "$over: fragments of IPv4 go inside" reaches -s 5000 -c 2 "$to4"
	check "$over: and of IPv6" reaches -s 5000 -c 2 "$to6"
	ip -n hospital link set "$dev" mtu 9000
	ip -n biobank link set "$dev" mtu 9000
	check "$over: fragments go outside" reaches -M 'do' -s 8972 -c 2 "$to4"
	check "$over: around IPv6, too" reaches -M 'do' -s 8952 -c 2 "$to6"
	for size in 0 1 7 8 9 15 16 17 355 356 357 1371 1372; do
		reaches -s $size -c 1 "$to4" > /dev/null || break
	done
	is "$over: sizes around words and groups" $size 1372
}
edges otp0 IPv4 1440 10.99.0.2 fd99:0::2
edges otp1 IPv6 1420 10.100.0.2 fd99:1::2

# roams DEVICE OUTSIDE NEW ADDRESS
roams() {
	local before

	before=$(otp_stat biobank "$1" roamed)
	check "$2: the peer that moved is still heard" reaches -c 3 "$4"
	check "$2: and answered where it is" sh -c "ip netns exec biobank qkdctl otp show $1 | grep -q 'endpoint $3 '"
	at_least "$2: the move was counted" "$(otp_stat biobank "$1" roamed)" $((before + 1))
}
ip -n hospital addr del 10.77.0.1/24 dev wan
ip -n hospital addr add 10.77.0.7/24 dev wan
roams otp0 IPv4 10.77.0.7 10.99.0.2
ip -n hospital addr del fd77::1/64 dev wan
ip -n hospital addr add fd77::7/64 dev wan nodad
roams otp1 IPv6 fd77::7 fd99:1::2

# nothing but what is asked for: no router is looked for meanwhile
for n in hospital biobank; do
	on $n sysctl -q -w net.ipv6.conf.otp0.disable_ipv6=1
done
sleep 1
payload=$(otp_stat hospital otp0 tx_payload_bytes) pad=$(otp_stat hospital otp0 tx_pad_bytes)
packets=$(ip -n hospital -s -j link show otp0 | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["stats64"]["tx"]["packets"])')
is 'pad is payload and 16 bytes a packet' "$pad" $((payload + 16 * packets))
on hospital qkdctl otp set otp0 pad-to 256
before=$(otp_stat hospital otp0 tx_padding_bytes)
check 'padding arrives as it should' reaches -c 1 -s 100 10.99.0.2
is 'and is counted' $(($(otp_stat hospital otp0 tx_padding_bytes) - before)) 128

# lengths: of packets on the wire, for pings of several
lengths() {
	local size

	capture_start hospital wan "$test_dir/wan.pcap" ip and udp port 51015
	for size in 0 100 700 1300; do
		reaches -c 1 -s $size 10.99.0.2 > /dev/null
	done
	capture_stop
	tcpdump -n -r "$test_dir/wan.pcap" 2> /dev/null | sed -n 's/.*UDP, length //p' | sort -nu | xargs
}
for n in hospital biobank; do
	ip -n $n link set otp0 mtu 1440
	on $n qkdctl otp set otp0 pad-to 0
done
is 'without padding the wire shows how long packets are' "$(lengths)" '60 160 760 1360'
for n in hospital biobank; do
	on $n qkdctl otp set otp0 pad-to 1440
done
is 'padded to the MTU all look alike' "$(lengths)" 1472

on hospital qkdctl otp set otp0 pad-to 0
on hospital ping -q -f -c 200 10.99.0.2 > /dev/null
# what the link says that it gave to the device went under packets, or is erased
accounted() {
	local pad wasted given

	pad=$(otp_stat hospital otp0 tx_pad_bytes) wasted=$(otp_stat hospital otp0 tx_wasted_pad_bytes)
	given=$(on hospital qkdctl -j key | python3 -c '
import json, sys
print(sum(c["tx_bytes"] for l in json.load(sys.stdin) for c in l["consumers"]
	if c["kind"] == "otp" and c["name"] == "otp0"))')
	said="given $given, used $pad, erased $wasted"
	[ "$given" = $((pad + wasted)) ]
}
check 'of a device that falls silent no pad is left' wait_for 5 accounted
say "$said"
