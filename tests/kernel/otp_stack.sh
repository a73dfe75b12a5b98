#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A one-time-pad device is a device like any other: iproute2 makes and shows it,
# routes lead into it, netfilter sees what goes through it, traffic control holds
# it back, and a bridge does not take it, since it has no Ethernet.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping nft tc
need_kernel bridge nf_tables sch_tbf
topo_two_nodes
otp_links
otp_feed
otp_tunnel 0
reaches() { on hospital ping -q -c 2 -i 0.2 -W 1 "$@"; }
wait_for 10 reaches 10.99.0.2 || die "no key"

check 'ip -d link tells what it is' sh -c "ip -n hospital -d link show otp0 | grep -q 'qkdotp'"
is 'of that type it can be listed' "$(ip -n hospital -j link show type qkdotp | python3 -c '
import json,sys; print([l["ifname"] for l in json.load(sys.stdin) if l])')" "['otp0']"
is 'ethtool -S has what the page lists' \
	"$(on hospital ethtool -S otp0 | sed -n 's/^ *\([a-z_]*\): [0-9]*$/\1/p' | sort)" \
	"$(sed -n '/^Counters of ``ethtool/,/^``tx_pad/p' "$tree/Documentation/otp.rst" |
		awk '/^(tx|rx|roamed)/ { print $1 }' | sort)"
check 'ip link add makes one' ip -n hospital link add otp8 mtu 1300 type qkdotp
is 'which has no link' "$(on hospital qkdctl -j otp show otp8 | python3 -c '
import json,sys; d = json.load(sys.stdin)[0]; print(d["link"], d["state"])')" ' detached'
check_fails 'nor packets' 'unreachable|not permitted|down|100% packet loss|link is down' \
	on hospital sh -c 'ip addr add 10.98.0.1/24 dev otp8 && ip link set otp8 up && ping -c 1 -W 1 10.98.0.2'
check_fails 'it has to be a link that there is' 'no QKD link' on hospital qkdctl otp set otp8 link no
check_fails 'its port is fixed while it is up' 'down first' on hospital qkdctl otp set otp8 link ab port 51016
check_fails 'a setting that is refused leaves it without one' 'no IPsec tunnel' \
	on hospital qkdctl otp set otp8 link ab id 9 fallback no
check 'until one is named' on hospital qkdctl otp set otp8 link ab id 9
check_fails 'once' 'cannot change' on hospital qkdctl otp set otp8 link ab
on biobank qkdctl otp add otp8 link ba id 9 && ip -n biobank addr add 10.98.0.2/24 dev otp8 &&
	ip -n biobank link set otp8 up || die "no second tunnel"
check 'then it is like any other' wait_for 5 reaches 10.98.0.2
is 'of the MTU that it was made with' "$(ip -n hospital -j link show otp8 | python3 -c '
import json,sys; print(json.load(sys.stdin)[0]["mtu"])')" 1300
check_fails 'its peer is one' 'one peer' on hospital qkdctl otp set otp8 remote ff02::1
check_fails 'of IPv4 as well' 'one peer' on hospital qkdctl otp set otp8 remote 224.0.0.1
# as where devices of one name are in several containers
ip -n hospital link set otp8 down && ip -n hospital link set otp8 name otp9 || die "no other name"
check 'renamed, it leaves its name to another' on hospital qkdctl otp add otp8 link ab id 10
is 'and each has an account of its own' "$(on hospital qkdctl -j key | python3 -c '
import json,sys; print(*sorted(c["name"] for l in json.load(sys.stdin)
	for c in l["consumers"] if c["kind"] == "otp"))')" 'otp0 otp8 otp8.10'
ip -n hospital link del otp9
# given to a container, whose root is root there alone
start unshare -U -r -n sleep 1000
wait_for 5 "[ \$(readlink /proc/$started/ns/user) != $(readlink /proc/self/ns/user) ]" &&
	ip -n hospital link set otp8 netns $started || die "no container"
inside() { nsenter -t $started -n "$@"; }
check 'a container that it is given to can use it' nsenter -t $started -U -n ip link set otp8 up
check_fails 'but not take more key by it' 'in another namespace' \
	nsenter -t $started -U -n qkdctl otp set otp8 rate 1000000
check 'as who owns the link can' inside qkdctl otp set otp8 rate 1000
inside ip link del otp8
ip -n biobank link del otp8

# a tunnel through a tunnel: twice the pad
on hospital qkdctl otp add otp7 link ab id 7 remote 10.99.0.2 mtu 1380 &&
	on biobank qkdctl otp add otp7 link ba id 7 remote 10.99.0.1 mtu 1380 || die "no tunnel in it"
ip -n hospital addr add 10.97.0.1/24 dev otp7 && ip -n hospital link set otp7 up
ip -n biobank addr add 10.97.0.2/24 dev otp7 && ip -n biobank link set otp7 up
check 'one leads through another' wait_for 5 reaches 10.97.0.2
check 'with packets of all sizes' reaches -s 3000 10.97.0.2
# its way leads back into it, by one device and by two
circle() { # WHAT DEVICE ADDRESS...
	local what=$1 dev=$2 pad lost a

	shift 2
	pad=$(($(otp_stat hospital otp0 tx_pad_bytes) + $(otp_stat hospital otp7 tx_pad_bytes)))
	lost=$(($(otp_stat hospital otp0 tx_no_route) + $(otp_stat hospital otp7 tx_no_route)))
	ip -n hospital route add 10.77.0.2/32 dev "$dev" || die "no such route"
	for a in "$@"; do
		check_fails "$what: nothing arrives" '100% packet loss|unreachable' reaches "$a"
	done
	is "$what: it costs no pad" $(($(otp_stat hospital otp0 tx_pad_bytes) +
		$(otp_stat hospital otp7 tx_pad_bytes) - pad)) 0
	at_least "$what: and is counted" $(($(otp_stat hospital otp0 tx_no_route) +
		$(otp_stat hospital otp7 tx_no_route) - lost)) $((2 * $#))
	ip -n hospital route del 10.77.0.2/32 dev "$dev"
	check "$what: without that way it works again" wait_for 5 reaches "$1"
}
for d in otp0 otp7; do
	on hospital sysctl -q -w net.ipv6.conf.$d.disable_ipv6=1
done
circle 'a device through itself' otp0 10.99.0.2
circle 'a device through one that leads through it' otp7 10.97.0.2 10.99.0.2
circle 'the same, from the other' otp7 10.99.0.2 10.97.0.2
ip -n hospital link del otp7
ip -n biobank link del otp7

# who makes devices without end comes to the end of its own memory
cgroup=$test_dir/cgroup
mkdir "$cgroup" && mount -t cgroup2 none "$cgroup" && at_exit umount "$cgroup"
if echo +memory > "$cgroup/cgroup.subtree_control" && mkdir "$cgroup/otp"; then
	at_exit rmdir "$cgroup/otp"
	sh -c "echo \$\$ > $cgroup/otp/cgroup.procs; ip -n hospital link add otp6 numtxqueues 64 type qkdotp"
	at_least 'its memory is on the account of who made it' "$(cat "$cgroup/otp/memory.current")" 8000000
	ip -n hospital link del otp6
else
	skip 'its memory is on the account of who made it' 'no memory controller'
fi 2> /dev/null
check 'ip -s link counts' sh -c "ip -n hospital -s -j link show otp0 | python3 -c '
import json,sys; s = json.load(sys.stdin)[0][\"stats64\"]; sys.exit(not (s[\"rx\"][\"bytes\"] > 160 and s[\"tx\"][\"packets\"] > 1))'"

ip -n biobank addr add 10.50.0.1/32 dev lo
ip -n hospital route add 10.50.0.0/24 dev otp0
check 'a route leads into it' reaches 10.50.0.1

on hospital nft -f - <<-'N'
	table ip t {
		counter sent { }
		chain out { type filter hook output priority 0; oifname "otp0" counter name sent; oifname "otp0" ip daddr 10.50.0.1 drop; }
	}
N
check_fails 'netfilter can drop what goes in' 'not permitted|100% packet loss' reaches 10.50.0.1
check 'and let pass what else does' reaches 10.99.0.2
at_least 'and count it' "$(on hospital nft -j list counter ip t sent | python3 -c '
import json,sys; print([o["counter"]["packets"] for o in json.load(sys.stdin)["nftables"] if "counter" in o][0])')" 3
on hospital nft delete table ip t
on biobank nft -f - <<-'N'
	table ip t {
		chain in { type filter hook input priority 0; iifname "otp0" ip daddr 10.50.0.1 drop; }
	}
N
check_fails 'and what comes out' '100% packet loss' reaches 10.50.0.1
on biobank nft delete table ip t

ip -n hospital link add br0 type bridge
check_fails 'a bridge does not take it' 'not supported|Invalid' ip -n hospital link set otp0 master br0
tc -n hospital qdisc add dev otp0 root tbf rate 64kbit burst 2000 limit 20000 || die "no tbf"
took() { on hospital ping -q -c 8 -i 0.01 -W 5 -s 1300 10.99.0.2 | sed -n 's|.*/\([0-9]*\)\.[0-9]*/[0-9.]* ms.*|\1|p'; }
at_least 'tc holds it back: ms of the last of a burst' "$(took)" 500
tc -n hospital qdisc del dev otp0 root
check 'and lets go of it' reaches 10.99.0.2
