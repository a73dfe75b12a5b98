#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A one-time-pad device carries IPv4 and IPv6 over IPv4 and over IPv6, packets
# of all sizes, and follows its peer to another address.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping
topo_two_nodes
otp_links
otp_feed
otp_tunnel 0
otp_tunnel 1 remote fd77::2
on biobank qkdctl otp set otp1 remote fd77::1
wait_for 5 on hospital ping -c 1 -W 1 10.99.0.2 || die "no key"

mtu() { ip -n hospital -j link show "$1" | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["mtu"])'; }
is 'MTU follows from the way over IPv4' "$(mtu otp0)" 1440

check 'IPv4 in IPv4' on hospital ping -c 3 -i 0.2 -W 2 10.99.0.2
check 'IPv6 in IPv4' on hospital ping -c 3 -i 0.2 -W 2 fd99:0::2
check 'IPv4 in IPv6' on hospital ping -c 3 -i 0.2 -W 2 10.100.0.2
check 'IPv6 in IPv6' on hospital ping -c 3 -i 0.2 -W 2 fd99:1::2
check 'the whole MTU goes unfragmented' on hospital ping -M 'do' -s 1412 -c 1 -W 2 10.99.0.2
check_fails 'one byte more does not' 'too long|mtu' on hospital ping -M 'do' -s 1413 -c 1 -W 2 10.99.0.2
check 'fragments go inside' on hospital ping -s 5000 -c 2 -i 0.2 -W 2 10.99.0.2
ip -n hospital link set otp0 mtu 9000
ip -n biobank link set otp0 mtu 9000
check 'fragments go outside' on hospital ping -M 'do' -s 8972 -c 2 -i 0.2 -W 2 10.99.0.2
for size in 0 1 7 8 9 15 16 17 355 356 357 1371 1372; do
	on hospital ping -q -s $size -c 1 -W 2 10.99.0.2 > /dev/null || break
done
is 'sizes around words and groups' $size 1372

ip -n hospital addr del 10.77.0.1/24 dev wan
ip -n hospital addr add 10.77.0.7/24 dev wan
check 'the peer that moved is still heard' on hospital ping -c 3 -i 0.2 -W 2 10.99.0.2
check 'and answered where it is' sh -c "ip netns exec biobank qkdctl otp show otp0 | grep -q 'endpoint 10.77.0.7 '"
at_least 'the move was counted' "$(otp_stat biobank otp0 roamed)" 1

payload=$(otp_stat hospital otp0 tx_payload_bytes) pad=$(otp_stat hospital otp0 tx_pad_bytes)
packets=$(ip -n hospital -s -j link show otp0 | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["stats64"]["tx"]["packets"])')
is 'pad is payload and 16 bytes a packet' "$pad" $((payload + 16 * packets))
on hospital qkdctl otp set otp0 pad-to 256
before=$(otp_stat hospital otp0 tx_padding_bytes)
check 'padding arrives as it should' on hospital ping -c 1 -s 100 -W 2 10.99.0.2
is 'and is counted' $(($(otp_stat hospital otp0 tx_padding_bytes) - before)) 128
