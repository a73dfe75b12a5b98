#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
#
# Forged, truncated and replayed packets are not accepted, and cost no key:
# what was meant to be received afterwards is. OTP_FORGERIES (500) of them over
# IPv4 and as many over IPv6; `make check-forged` sends millions.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping tcpdump
forgeries=${OTP_FORGERIES:-500}
topo_two_nodes
otp_links
otp_feed
otp_tunnel 0
# nothing but what the test sends
for n in hospital biobank; do
	on $n sysctl -q -w net.ipv6.conf.otp0.disable_ipv6=1
done
wait_for 5 on hospital ping -c 1 -W 1 10.99.0.2 || die "no key"
stop $feeder

# real packets that biobank never got, whose key is still there
ip -n biobank link set otp0 down
capture_start hospital wan "$test_dir/wan.pcap" udp port 51015
on hospital ping -q -c 40 -i 0.05 -W 1 10.99.0.2 > /dev/null
capture_stop
ip -n biobank link set otp0 up
rx() { on biobank qkdctl -j key | python3 -c '
import json, sys
print(sum(c["rx_bytes"] for l in json.load(sys.stdin) for c in l["consumers"] if c["kind"] == "otp"))'; }
sleep 1
endpoint() { on biobank qkdctl -j otp show otp0 | jq -c '.[0] | [.endpoint, .endpoint_port]'; }
refused() { on biobank ethtool -S otp0 | awk '/rx_(auth|malformed|no_key|replay|clear):/ { n += $2 } END { print n }'; }
key=$(rx) delivered=$(otp_stat biobank otp0 rx_payload_bytes) before=$(endpoint) none=$(refused)
for to in 10.77.0.2 fd77::2; do
	say "$(on hospital "$tree/tests/otp/forge.py" "$test_dir/wan.pcap" $to "$forgeries")"
done
sleep 1
is 'forged packets cost no key' "$(rx)" "$key"
is 'and none is delivered' "$(otp_stat biobank otp0 rx_payload_bytes)" "$delivered"
is 'nor is the peer where they came from' "$(endpoint)" "$before"
at_least 'their tags were found wrong' "$(otp_stat biobank otp0 rx_auth)" $((forgeries / 5))
# a quarter and more names no generation of ours
at_least 'they came, and were refused' $(($(refused) - none)) $((forgeries * 2 * 6 / 10))
read -r n size < <(on hospital "$tree/tests/otp/replay.py" "$test_dir/wan.pcap" 10.77.0.2)
at_least 'the real ones are sent at last' "$n" 40
sleep 1
replays=$(otp_stat biobank otp0 rx_replay)
is 'each is accepted' "$(otp_stat biobank otp0 rx_payload_bytes)" $((delivered + size))
on hospital "$tree/tests/otp/replay.py" "$test_dir/wan.pcap" 10.77.0.2 > /dev/null
sleep 1
is 'but once' "$(otp_stat biobank otp0 rx_payload_bytes)" $((delivered + size))
is 'replays are counted' "$(otp_stat biobank otp0 rx_replay)" $((replays + n))
check 'the tunnel works on' on hospital ping -c 2 -i 0.2 -W 2 10.99.0.2
