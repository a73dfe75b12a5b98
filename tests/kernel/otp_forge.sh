#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
#
# Forged, truncated and replayed packets are not accepted, and cost no key:
# what was meant to be received afterwards is.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping tcpdump
# by the million: tests/unit/otp_forge.c, the same code
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
key=$(rx) delivered=$(otp_stat biobank otp0 rx_payload_bytes)
say "$(on hospital "$tree/tests/otp/forge.py" "$test_dir/wan.pcap" 10.77.0.2 "$forgeries")"
sleep 1
is 'forged packets cost no key' "$(rx)" "$key"
is 'and none is delivered' "$(otp_stat biobank otp0 rx_payload_bytes)" "$delivered"
at_least 'their tags were found wrong' "$(otp_stat biobank otp0 rx_auth)" $((forgeries / 10))
read -r n size < <(on hospital "$tree/tests/otp/replay.py" "$test_dir/wan.pcap" 10.77.0.2)
at_least 'the real ones are sent at last' "$n" 40
sleep 1
is 'each is accepted' "$(otp_stat biobank otp0 rx_payload_bytes)" $((delivered + size))
on hospital "$tree/tests/otp/replay.py" "$test_dir/wan.pcap" 10.77.0.2 > /dev/null
sleep 1
is 'but once' "$(otp_stat biobank otp0 rx_payload_bytes)" $((delivered + size))
is 'replays are counted' "$(otp_stat biobank otp0 rx_replay)" "$n"
check 'the tunnel works on' on hospital ping -c 2 -i 0.2 -W 2 10.99.0.2
