#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
#
# As wireguard's netns.sh draws it: both ends are made in one namespace, where
# their sockets stay, and move to two that have no other way out; then a router
# that translates addresses is between them, forgets, and is left for another
# network.
#
#	one                              two
#	  otp1 10.99.0.1  fd99::1          otp2 10.99.0.2  fd99::2
#	      \   sockets: 127.0.0.1, ::1 of middle   /
#
#	client ---- router (NAT) ---- server
#	10.1.0.2  10.1.0.1  10.2.0.1   10.2.0.2
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping iperf3 nft
need_kernel nft_chain_nat nft_masq nf_tables nf_conntrack
for n in middle one two router server; do
	ip netns add $n || die "cannot make namespace $n"
	at_exit del_node $n
	ip -n $n link set lo up
	on $n sysctl -q -w net.ipv6.conf.default.accept_dad=0 || :
done

# end NODE LINK LOCAL PEER ADDRESS: one end of a QKD link
end() {
	on "$1" qkdctl link add "$2" local-node "$3" peer-node "$4" \
		rx-grace 1s pool-size 4194304 state up "${@:5}" || die "no link"
}
device_of() { echo "/dev/qkd$(otp_index "$1" "$2")"; }
fill() {
	"$O/tests/bin/qkd-feed" -t -b 262144 "$(device_of "$1" "$2")" "$(device_of "$3" "$4")" fill ||
		die "no key"
}
# move DEVICE TO NUMBER: there with addresses
move() {
	ip -n middle link set "$1" netns "$2" &&
		ip -n "$2" addr add 10.99.0."$3"/24 dev "$1" &&
		ip -n "$2" addr add fd99::"$3"/64 dev "$1" nodad &&
		ip -n "$2" link set "$1" up || die "$1 does not move to $2"
}
reaches() { on "$1" ping -q -c 3 -i 0.2 -W $((2 * ${QKD_SLOW:-1})) "${@:2}"; }

end middle ab a b
end middle ba b a
wait_for 5 test -e "$(device_of middle ba)" || die "no device node"
fill middle ab middle ba
# loopback FAMILY ADDRESS
loopback() {
	local way bytes

	on middle qkdctl otp add otp1 link ab port 1111 remote "$2" remote-port 2222 &&
		on middle qkdctl otp add otp2 link ba port 2222 remote "$2" remote-port 1111 ||
		die "no devices"
	move otp1 one 1
	move otp2 two 2
	check "over $1: IPv4 from one namespace to the other" wait_for 5 reaches one 10.99.0.2
	check "over $1: and IPv6, back" reaches two fd99::1
	check "over $1: large ones" reaches one 10.99.0.2 -s 20000
	start on two iperf3 -s
	wait_for 20 "ip netns exec two ss -ltnH 'sport = 5201' | grep -q 5201" || die "no server"
	for way in '' -R; do
		on one timeout $((30 * ${QKD_SLOW:-1})) iperf3 -J -c fd99::2 -n 1M -w 32K $way > "$test_dir/tcp"
		bytes=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["end"]["sum_received"]["bytes"])' "$test_dir/tcp")
		# what is in sockets at the end of the test is not counted
		at_least "over $1: TCP${way:+, the other way}" "$bytes" 800000
	done
	stop $started
	ip -n one link del otp1
	ip -n two link del otp2
}
loopback IPv4 127.0.0.1
loopback IPv6 ::1
is 'nothing is left in the namespaces' "$(for n in middle one two; do
	ip -n $n -o link show type qkdotp
done)" ''

# ---- a router that translates

ip link add wan netns one type veth peer name client netns router
ip link add server netns router type veth peer name wan netns server
ip -n one addr add 10.1.0.2/24 dev wan
ip -n router addr add 10.1.0.1/24 dev client
ip -n router addr add 10.2.0.1/24 dev server
ip -n server addr add 10.2.0.2/24 dev wan
for d in one/wan router/client router/server server/wan; do
	ip -n ${d%/*} link set ${d#*/} up
done
ip -n one route add default via 10.1.0.1
on router sysctl -q -w net.ipv4.ip_forward=1
on router nft -f - <<-'N' || die "no NAT"
	table ip t {
		chain nat { type nat hook postrouting priority 100; oifname "server" masquerade random; }
	}
N
end one cs c s local 10.1.0.2 peer 10.2.0.2
end server sc s c local 10.2.0.2 peer 10.1.0.2
wait_for 5 test -e "$(device_of server sc)" || die "no device node"
fill one cs server sc
on one qkdctl otp add otp1 link cs && on server qkdctl otp add otp2 link sc || die "no devices"
for d in one/otp1/1 server/otp2/2; do
	IFS=/ read -r n dev i <<< $d
	ip -n $n addr add 10.98.0.$i/24 dev $dev
	ip -n $n link set $dev up
done
endpoint() { on server qkdctl -j otp show otp2 | python3 -c '
import json,sys; d = json.load(sys.stdin)[0]; print(d["endpoint"])'; }
check 'through a router that translates' wait_for 5 reaches one 10.98.0.2
is 'the server answers the router' "$(endpoint)" 10.2.0.1
check 'and reaches the client of itself' reaches server 10.98.0.1
roamed=$(otp_stat server otp2 roamed)
# a router that was started anew: another port
on router nft flush ruleset
on router nft -f - <<-'N'
	table ip t {
		chain nat { type nat hook postrouting priority 100; oifname "server" meta l4proto udp masquerade to :20000-20999; }
	}
N
on router sysctl -q -w net.netfilter.nf_conntrack_udp_timeout=1 \
	net.netfilter.nf_conntrack_udp_timeout_stream=1
# the next packet is the last that the old timeout does not hold for
reaches one 10.98.0.2 > /dev/null
sleep 3
check 'the router forgot, and gives another port' wait_for 10 reaches one 10.98.0.2
at_least 'the server followed' "$(otp_stat server otp2 roamed)" $((roamed + 1))
# past the router, by a cable of its own
ip link add wan2 netns one type veth peer name wan2 netns server
ip -n one addr add 10.3.0.2/24 dev wan2
ip -n server addr add 10.3.0.1/24 dev wan2
ip -n one link set wan2 up
ip -n server link set wan2 up
ip -n one link del wan
ip -n one route replace 10.2.0.2 via 10.3.0.1
check 'the client moves to another network' wait_for 10 reaches one 10.98.0.2
is 'and the server follows it there' "$(endpoint)" 10.3.0.2
