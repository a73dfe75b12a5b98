#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
#
# TCP and UDP, over IPv4 and IPv6, through devices over IPv4 and over IPv6,
# both ways: iperf3 gets everything across.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping iperf3
topo_two_nodes
otp_links pool-size 16777216
otp_fill 262144
otp_tunnel 0
otp_tunnel 1 remote fd77::2
on biobank qkdctl otp set otp1 remote fd77::1
wait_for 5 on hospital ping -c 1 -W 1 10.99.0.2 || die "no key"
# what biobank sent to itself, until it was told better, has a wrong tag
wrong() {
	on biobank ethtool -S "otp$1" | awk '
		/rx_auth|rx_replay|rx_inner_malformed|rx_malformed/ { n += $2 } END { print n + 0 }'
}
was=("$(wrong 0)" "$(wrong 1)")
start on biobank iperf3 -s
wait_for 20 "ip netns exec biobank ss -ltnH 'sport = 5201' | grep -q 5201" || die "no server"

# bytes received and datagrams lost, of a run of iperf3
got() {
	python3 -c '
import json, sys
end = json.load(open(sys.argv[1]))["end"]
print(end["sum_received"]["bytes"] if "sum_received" in end else 0,
      end["sum"].get("lost_packets", 0) if "sum" in end else 0)' "$1"
}
for to in 10.99.0.2 fd99:0::2 10.100.0.2 fd99:1::2; do
	case $to in
	10.99.*) name='IPv4 in IPv4' ;;
	fd99:0*) name='IPv6 in IPv4' ;;
	10.100*) name='IPv4 in IPv6' ;;
	*)	name='IPv6 in IPv6' ;;
	esac
	for way in '' -R; do
		on hospital timeout $((30 * ${QKD_SLOW:-1})) iperf3 -J -c $to -n 1M -w 32K $way > "$test_dir/tcp"
		read -r bytes _ < <(got "$test_dir/tcp")
		# what is in sockets at the end of the test is not counted
		at_least "$name: TCP${way:+, the other way}" "$bytes" 800000
	done
	# the server's socket holds all of it, if the server is not run meanwhile
	on hospital timeout $((30 * ${QKD_SLOW:-1})) iperf3 -J -c $to -u -w 200K -b 2M -l 1200 -n 120K > "$test_dir/udp"
	read -r bytes lost < <(got "$test_dir/udp")
	is "$name: UDP loses nothing" "$lost" 0
done
for i in 0 1; do
	at_least "otp$i sent" "$(otp_stat hospital otp$i tx_payload_bytes)" 800000
	at_least "and received" "$(otp_stat hospital otp$i rx_payload_bytes)" 600000
	is "otp$i: nothing was found wrong" "$(wrong $i)" "${was[i]}"
done
