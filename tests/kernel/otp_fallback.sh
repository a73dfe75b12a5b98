#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
#
# Without key a device that has a fallback sends under the SA of the IPsec
# tunnel named, says so, counts it and raises an alarm; without the SA, or the
# tunnel, it sends nothing at all. Never in clear (invariant 3), and what comes
# in clear is not believed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping tcpdump nft
need_kernel esp4 xfrm_user nft_chain_nat nf_tables
need_module qkd_xfrm
both() { on hospital "$@" && on biobank "$@"; }
needle=c1ea7e57c1ea7e57
topo_two_nodes
otp_links pool-size 262144
otp_tunnel 0 key-reserve 200000
for n in hospital biobank; do
	on $n sysctl -q -w net.ipv6.conf.otp0.disable_ipv6=1
done
state() { on hospital qkdctl -j otp show otp0 | python3 -c '
import json,sys; print(json.load(sys.stdin)[0]["state"])'; }
reaches() { on hospital ping -c 3 -i 0.2 -W 1 -p $needle -s 500 10.99.0.2; }

check_fails 'a fallback must exist' 'no IPsec tunnel' \
	on hospital qkdctl otp set otp0 fallback spare
on hospital qkdctl tunnel add spare link ab mode tunnel if-id 7 src 10.4.0.0/24 dst 10.5.0.0/24 ||
	die "no tunnel of mode tunnel"
check_fails 'and be between the two ends alone' 'transport' \
	on hospital qkdctl otp set otp0 fallback spare
on hospital qkdctl tunnel del spare
on hospital qkdctl tunnel add spare link ab mode transport if-id 7 &&
	on biobank qkdctl tunnel add spare link ba mode transport if-id 7 || die "no tunnel"
start on hospital qkdctl monitor
alarms=$test_dir/started.$test_started
capture_start hospital wan "$test_dir/wan.pcap"

# less than key-reserve: there is key for the IPsec tunnel, none for the device
"$O/tests/bin/qkd-feed" "$dev_a" "$dev_b" start 131072
check 'the tunnel of the fallback has its SAs' wait_for 10 \
	"[ \"\$(on hospital qkdctl -j tunnel show spare | grep -c '\"live\"')\" -ge 1 ]"
check_fails 'without a fallback packets wait' '100% packet loss' reaches
is 'the device is starved' "$(state)" starved
check 'a fallback is chosen at both ends' both qkdctl otp set otp0 fallback spare
check 'packets go' wait_for 5 reaches
is 'the device says how' "$(state)" fallback
at_least 'they are counted' "$(otp_stat hospital otp0 tx_fallback)" 3
at_least 'at the other end as well' "$(otp_stat biobank otp0 rx_fallback)" 3
is 'none went under pad' "$(otp_stat hospital otp0 tx_pad_bytes)" 0
check 'an alarm told it' wait_for 3 "grep -q 'otp0 has no key and sends through IPsec tunnel spare' $alarms"
check 'large packets are fragmented outside' on hospital ping -M 'do' -s 1412 -c 1 -W 2 10.99.0.2
# of 65,427 bytes inside, which ESP makes longer than IP packets can be, and less
ip -n hospital link set otp0 mtu 65455 && ip -n biobank link set otp0 mtu 65455 || die "no such MTU"
check_fails 'one that ESP makes too long is dropped' '100% packet loss' \
	on hospital ping -s 65427 -c 1 -W 1 10.99.0.2
is 'and counted' "$(otp_stat hospital otp0 tx_too_large)" 1
check 'others go past it' on hospital ping -s 65300 -c 1 -W 2 10.99.0.2
ip -n hospital link set otp0 mtu 1440 && ip -n biobank link set otp0 mtu 1440
check 'ESP is on the wire' sh -c "tcpdump -n -r $test_dir/wan.pcap 2> /dev/null | grep -q ESP"

# who routes packets by marks cannot take ESP off them
on hospital nft -f - <<-'N'
	table ip t {
		chain out { type route hook output priority 0; udp dport 51015 meta mark set 5; }
		chain nat { type nat hook postrouting priority 0; udp dport 51015 snat to 10.77.0.9; }
	}
N
reaches > /dev/null
on hospital nft delete table ip t

# what comes in clear is not believed
gen=$(on hospital qkdctl -j link show ab | python3 -c '
import json,sys; print(json.load(sys.stdin)[0]["generation"].replace("-", "")[:12])')
inner=4500001c000040004001$(printf '%04x' 0x2622)0a6300010a6300020800f7fd00020000
dropped=$(otp_stat biobank otp0 rx_clear_dropped) got=$(otp_stat biobank otp0 rx_fallback)
on hospital python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(bytes.fromhex('01010001' + '$gen' + '00' * 22 + '$inner'), ('10.77.0.2', 51015))
s.sendto(bytes.fromhex('01020001' + '$gen' + '00' * 22 + '$inner'), ('10.77.0.2', 51015))"
sleep 0.5
is 'a fallback packet in clear is dropped' "$(otp_stat biobank otp0 rx_clear_dropped)" $((dropped + 1))
is 'not delivered' "$(otp_stat biobank otp0 rx_fallback)" "$got"
is 'and one of no known type is malformed' "$(otp_stat biobank otp0 rx_malformed)" 1

# the SA goes; the tunnel goes; the module goes: packets wait
on hospital ip xfrm state deleteall
sent=$(otp_stat hospital otp0 tx_fallback)
check 'SAs come back by themselves' wait_for 10 reaches
on biobank qkdctl tunnel del spare
on hospital qkdctl tunnel del spare
sent=$(otp_stat hospital otp0 tx_fallback)
check_fails 'without the tunnel packets wait' '100% packet loss' reaches
is 'none was sent' "$(otp_stat hospital otp0 tx_fallback)" "$sent"
is 'the device is starved again' "$(state)" starved

on hospital qkdctl otp set otp0 key-reserve 0
check 'with key they go under pad' wait_for 5 "[ \$(otp_stat hospital otp0 tx_payload_bytes) -gt 0 ]"
capture_stop
printf '\xc1\xea\x7e\x57%.0s' {1..16} > "$test_dir/planted"
check 'nothing was in clear' qkd-canary -p "$test_dir/planted" "$test_dir/wan.pcap"
capture_start hospital wan "$test_dir/clear.pcap"
on hospital ping -q -c 1 -p $needle -s 100 10.77.0.2 > /dev/null
capture_stop
check_fails 'which the canary would have found' . qkd-canary -p "$test_dir/planted" "$test_dir/clear.pcap"
