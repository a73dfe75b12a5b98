#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 600
#
# A one-time-pad device against WireGuard over the same cable with the same
# MTU, in the same run: iperf3, TCP, one stream and four, in turns; before each the
# pools are filled. Prints the medians in Mbit/s, and that of the quotients of a
# turn, which is what counts:
#
#	BENCH otp_vs_wireguard_1 X
#	BENCH otp_vs_wireguard_4 X
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need iperf3 wg
need_kernel wireguard
mtu=1420 seconds=${OTP_BENCH_SECONDS:-3} turns=${OTP_BENCH_TURNS:-5} pool=${OTP_BENCH_POOL:-268435456}

wireguard() {
	local n key

	for n in hospital biobank; do
		key=$(wg genkey)
		echo "$key" > "$test_dir/$n.key"
		echo "$key" | wg pubkey > "$test_dir/$n.pub"
		ip -n $n link add wg0 type wireguard || die "no wireguard"
	done
	on hospital wg set wg0 listen-port 51820 private-key "$test_dir/hospital.key" \
		peer "$(cat "$test_dir/biobank.pub")" allowed-ips 0.0.0.0/0 \
		endpoint 10.77.0.2:51820
	on biobank wg set wg0 listen-port 51820 private-key "$test_dir/biobank.key" \
		peer "$(cat "$test_dir/hospital.pub")" allowed-ips 0.0.0.0/0 \
		endpoint 10.77.0.1:51820
	ip -n hospital addr add 10.98.0.1/24 dev wg0
	ip -n biobank addr add 10.98.0.2/24 dev wg0
	for n in hospital biobank; do
		ip -n $n link set wg0 mtu $mtu up
	done
}

# Mbit/s received
measure() {
	on hospital iperf3 -J -c "$1" -P "$2" -t "$seconds" -O 1 |
		python3 -c 'import json,sys
print("%.1f" % (json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e6))'
}

topo_two_nodes
otp_links pool-size $pool
otp_fill 1048576
otp_tunnel 0 mtu $mtu
wireguard
start on biobank iperf3 -s
sleep 1
wait_for 5 on hospital ping -c 1 -W 1 10.98.0.2 || die "wireguard is mute"
wait_for 5 on hospital ping -c 1 -W 1 10.99.0.2 || die "qkdotp is mute"
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for streams in 1 4; do
	: > "$test_dir/turns"
	for ((i = 0; i < turns; i++)); do
		otp_fill 1048576
		wg=$(measure 10.98.0.2 $streams)
		otp=$(measure 10.99.0.2 $streams)
		say "streams $streams: wireguard $wg Mbit/s, qkdotp $otp Mbit/s"
		echo "$otp $wg" >> "$test_dir/turns"
	done
	echo "BENCH otp_mbps_$streams $(cut -d ' ' -f 1 "$test_dir/turns" | median) Mbit/s"
	echo "BENCH wireguard_mbps_$streams $(cut -d ' ' -f 2 "$test_dir/turns" | median) Mbit/s"
	echo "BENCH otp_vs_wireguard_$streams $(awk '{ printf "%.2f\n", $1 / $2 }' \
		"$test_dir/turns" | median) ratio"
done
is 'there was key all the while' "$(otp_stat hospital otp0 tx_starved)" 0
