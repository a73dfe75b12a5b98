#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
#
# Invariant 3, as a wiretapper sees it: planted text is sent by TCP, UDP, in
# fragments, by SCTP, ICMP and a protocol that nobody knows, over IPv4 and IPv6,
# without a pause, while SAs are replaced, expire, are deleted, key runs out, the link
# goes and comes, the module is unloaded and loaded again and unloaded for good. The
# canary finds nothing of it on the wire; without tunnels it finds it in each kind.
#
#	hospital ---- tunnels t4 (IPv4), t6 (IPv6), everything between ---- biobank
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need tcpdump python3 qkd-canary
log_mark
topo_two_nodes
links
feed start 30000
head -c 3072 /dev/urandom | base64 -w 0 > "$test_dir/planted"
sends=$tree/tests/xfrm/canary.py

tunnels() { # of the namespaces as they are
	both qkdctl tunnel add t4 link q mode transport "$@" &&
	on hospital qkdctl tunnel add t6 link q mode transport local fd77::1 peer fd77::2 "$@" &&
	on biobank qkdctl tunnel add t6 link q mode transport local fd77::2 peer fd77::1 "$@"
}
both_live() { live t4 && live t6; }
come_alive() { wait_for "${1:-20}" both_live; }
set_both() { both qkdctl tunnel set t4 "$@" && both qkdctl tunnel set t6 "$@"; }
esp() { on biobank cat /sys/class/net/wan/statistics/rx_packets; }
# that there is something to see: packets go on coming in, or the only ones that do
# are few, of the modules' own
flows() {
	local before

	before=$(esp)
	sleep 1
	[ $(($(esp) - before)) -ge 20 ]
}

tunnels rekey packets 100 grace-time 200ms || die 'no tunnels'
capture_both "$test_dir/wire"
for n in hospital biobank; do
	start on $n python3 "$sends" -l
done
start on hospital python3 "$sends" "$test_dir/planted" 10.77.0.2 fd77::2
start on biobank python3 "$sends" "$test_dir/planted" 10.77.0.1 fd77::1

"$feeder" "$dev_a" "$dev_b" keep 16384 50 2> /dev/null &
feeding=$!
at_exit stop $feeding
check 'key comes: packets pass' come_alive
before=$(field hospital t4 out.rekeys)
check 'under SAs that are replaced again and again' \
	wait_for 30 "[ \$(field hospital t4 out.rekeys) -ge $((before + 4)) ]"
check 'SAs are deleted, at both ends' both ip xfrm state flush
check 'and packets pass again' come_alive

stop $feeding
feed start 3000
set_both starved block rekey packets 20
check 'key runs out: they wait' wait_for 40 '[ "$(field hospital t4 out.state)" = wait-key ]'
sleep 2
set_both starved keep rekey packets 1000000 rekey time 1s hard time 4s
feed start 6000
check 'with a little key they pass' come_alive
sleep 6
"$feeder" "$dev_a" "$dev_b" keep 16384 50 2> /dev/null &
feeding=$!
at_exit stop $feeding
check 'old SAs have expired; with key they pass' come_alive

stop $feeding
both qkdctl link del q
sleep 2
links
feed start 30000
check 'the link goes and comes: they pass' come_alive 30
rmmod qkd_xfrm || die 'qkd_xfrm cannot be unloaded'
sleep 1
need_module qkd_xfrm
check 'the module goes and comes: tunnels are made again' tunnels
check 'and packets pass' come_alive
check 'really' flows
rmmod qkd_xfrm || die 'qkd_xfrm cannot be unloaded'
sleep 2
capture_both_stop
for n in hospital biobank; do
	check "nothing of it was on the wire that $n sent to" \
		qkd-canary -p "$test_dir/planted" "$test_dir/wire.$n"
	at_least 'where there was something to see' \
		"$(tcpdump -Z root -n -r "$test_dir/wire.$n" 'ip proto 50 or ip6 proto 50' 2> /dev/null | wc -l)" 200
done

# what is left of the tunnels taken away, all of it is in clear
both ip xfrm policy flush
both ip xfrm state flush
capture_start hospital wan "$test_dir/clear" -Q out
sleep 3
capture_stop
check_fails 'without tunnels the canary finds it' 'planted text' \
	qkd-canary -p "$test_dir/planted" "$test_dir/clear"
while IFS='|' read -r kind filter; do
	tcpdump -Z root -r "$test_dir/clear" -w "$test_dir/kind" "$filter" 2> /dev/null
	check_fails "$kind: it was among what was sent" 'planted text' \
		qkd-canary -p "$test_dir/planted" "$test_dir/kind"
done << 'END_OF_LIST'
TCP|ip and tcp
TCP over IPv6|ip6 and tcp
UDP|ip and udp and ip[6:2] & 0x3fff = 0
UDP over IPv6|ip6[6] = 17
a fragment|ip[6:2] & 0x1fff != 0
a fragment of IPv6|ip6[6] = 44
SCTP|ip proto 132
SCTP over IPv6|ip6 proto 132
ICMP|icmp[0] = 8
ICMPv6|icmp6 and ip6[40] = 128
an unknown protocol|ip proto 253
an unknown protocol over IPv6|ip6 proto 253
END_OF_LIST
log_check
