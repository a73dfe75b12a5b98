#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Without key packets wait, in a bounded queue, and nothing leaves in clear
# (invariant 3); with key they go on. What key-reserve leaves to others stays.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping tcpdump
needle=5a7e11e75a7e11e7
topo_two_nodes
otp_links pool-size 262144
otp_tunnel 0 key-reserve 65536
capture_start hospital wan "$test_dir/wan.pcap"

check_fails 'no generation: no answer' '100% packet loss' \
	on hospital ping -c 2 -i 0.3 -W 1 -p $needle -s 500 10.99.0.2
# one that was no larger than the MTU when it began to wait
ip -n hospital link set otp0 mtu 65000
on hospital ping -c 1 -W 1 -p $needle -s 60000 10.99.0.2 > /dev/null
ip -n hospital link set otp0 mtu 1440
otp_fill
check 'key comes: the waiting packets go first' wait_for 5 \
	"[ \$(otp_stat hospital otp0 tx_payload_bytes) -ge $((1056 + 60028)) ]"
check 'and the tunnel works' on hospital ping -c 2 -i 0.2 -W 2 10.99.0.2

available() { on hospital qkdctl -j link show ab | python3 -c '
import json,sys; print(json.load(sys.stdin)[0]["tx"]["available"])'; }
start on hospital ping -f -s 1372 -p $needle 10.99.0.2
check 'a flood takes the key' wait_for 60 "[ \$(otp_stat hospital otp0 tx_starved) -gt 0 ]"
sleep 2
at_least 'down to what is left to others' "$(available)" 65536
at_most 'and not far from it' "$(available)" $((65536 + 16384))
at_least 'packets went' "$(otp_stat hospital otp0 tx_payload_bytes)" 50000
is 'the device says so' "$(on hospital qkdctl -j otp show otp0 | python3 -c '
import json,sys; print(json.load(sys.stdin)[0]["state"])')" starved
backlog() { tc -n hospital -s -j qdisc show dev otp0 | python3 -c '
import json,sys; print(max(q.get("qlen", 0) for q in json.load(sys.stdin)))'; }
at_least 'packets wait' "$(backlog)" 1
at_most 'not too many' "$(backlog)" 1100
stop $started
capture_stop
clear() { grep -q -a "$(printf '\x5a\x7e\x11\xe7\x5a\x7e\x11\xe7')" "$1"; }
check 'nothing left in clear' eval '! clear "$test_dir/wan.pcap"'
check 'no pad was used twice' "$tree/tests/otp/pad_hunt.py" "$test_dir/wan.pcap"
capture_start hospital wan "$test_dir/clear.pcap"
on hospital ping -q -c 1 -p $needle -s 100 10.77.0.2 > /dev/null
capture_stop
check 'which the search would have found' clear "$test_dir/clear.pcap"

# one packet that would be more than a full pool has for it
ip -n hospital link set otp0 mtu 65000
on hospital qkdctl otp set otp0 key-reserve 220000
otp_fill
on hospital ping -c 1 -W 1 -s 60000 10.99.0.2 > /dev/null
is 'a packet for which there will never be key is dropped' "$(otp_stat hospital otp0 tx_too_large)" 1
check 'and others go past it' on hospital ping -c 2 -i 0.2 -W 2 10.99.0.2
is 'being no larger than that' "$(otp_stat hospital otp0 tx_too_large)" 1
ip -n hospital link set otp0 mtu 1440

# segments of one packet, 64,728 bytes of pad, where a full pool has less to give
ip -n hospital link set otp0 down
on hospital qkdctl otp set otp0 key-reserve 200000
ip -n hospital link set otp0 up
otp_fill
sleep 1
was=$(otp_stat hospital otp0 tx_payload_bytes)
on hospital python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
UDP_SEGMENT = 103
s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
s.sendto(bytes(62000), ("10.99.0.2", 9))'
check 'what is more than the pool can have goes as far as there is key' wait_for 5 \
	"[ \$(otp_stat hospital otp0 tx_payload_bytes) -ge $((was + 40000)) ]"
otp_fill
check 'and does not stand in the way' on hospital ping -c 2 -i 0.2 -W 2 10.99.0.2

# its link goes: the route to the device holds, even where those without a carrier do not
on hospital sysctl -q -w net.ipv4.conf.all.ignore_routes_with_linkdown=1 \
	net.ipv4.conf.default.ignore_routes_with_linkdown=1 \
	net.ipv4.conf.otp0.ignore_routes_with_linkdown=1
ip -n hospital route add 10.5.0.0/24 dev otp0 metric 10
ip -n hospital route add 10.5.0.0/24 via 10.77.0.2 metric 20
around() {
	capture_start hospital wan "$test_dir/around.pcap"
	on hospital ping -q -c 2 -i 0.2 -W 1 -p $needle -s 100 10.5.0.1 > "$test_dir/around" 2>&1
	capture_stop
	clear "$test_dir/around.pcap"
}
on hospital qkdctl link del ab
check 'without its link no packet goes around the device' eval '! around'
check 'and the sender is told' grep -q '+[12] errors' "$test_dir/around"
ip -n hospital link set otp0 down
check 'which would be seen: it goes around one that is down' around
