#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
#
# Devices that share a link divide scarce key by weight, within 15 %, and one
# with a guaranteed rate has that: what it sends within it does not wait. A program
# that wants larger keys than the blocks that come has its part, too.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping
rate=120000 seconds=6
topo_two_nodes
otp_links pool-size 262144
otp_feed -b 4096 -r $rate
otp_tunnel 0 weight 300
otp_tunnel 1 weight 100
otp_tunnel 2 weight 100
for d in otp0 otp1 otp2; do
	on hospital sysctl -q -w net.ipv6.conf.$d.disable_ipv6=1
	on biobank sysctl -q -w net.ipv6.conf.$d.disable_ipv6=1
done
wait_for 5 on hospital ping -c 1 -W 1 10.99.0.2 || die "no key"

# more than there is key for, at any time: the sender blocks
flood() { start on hospital "$tree/tests/otp/blast.py" "10.$((99 + $1)).0.2"; }
used() {
	on hospital ethtool -S "otp$1" |
		awk '$1 == "tx_pad_bytes:" || $1 == "tx_wasted_pad_bytes:" { n += $2 } END { print n }'
}
# bytes that came and that went, at one moment
flow() { on hospital qkdctl -j link show ab | python3 -c '
import json,sys; tx = json.load(sys.stdin)[0]["tx"]; print(tx["fed"], tx["consumed"])'; }
# measure: $got, per mille of what all devices got, in $seconds; $total, per mille
# of what came
measure() {
	local i was=() fed now fed0 now0

	got=() sum=0
	read -r fed0 now0 < <(flow)
	for i in 0 1 2; do was[i]=$(used $i); done
	sleep $seconds
	for i in 0 1 2; do
		got[i]=$(($(used $i) - was[i]))
		sum=$((sum + got[i]))
	done
	say "bytes: ${got[*]}"
	for i in 0 1 2; do got[i]=$((got[i] * 1000 / sum)); done
	read -r fed now < <(flow)
	total=$(((now - now0) * 1000 / (fed - fed0)))
}
# near NAME GOT WANTED: within 15 %
near() {
	at_least "$1" "$2" $(($3 * 85 / 100))
	at_most "$1" "$2" $(($3 * 115 / 100))
}

flood 0
flood 1
wait_for 20 "[ \$(otp_stat hospital otp0 tx_starved) -gt 5 ] &&
	[ \$(otp_stat hospital otp1 tx_starved) -gt 5 ]" || die "key is not scarce"
sleep 1
measure
near 'weight 300 of 400' "${got[0]}" 750
near 'weight 100 of 400' "${got[1]}" 250
at_least 'no key lies about: per mille of what was fed' "$total" 800

on hospital qkdctl otp set otp2 rate 40000
sleep 2
check 'within its rate nothing waits' sh -c \
	"ip netns exec hospital ping -q -c 20 -i 0.1 -W 2 -s 500 10.101.0.2 | grep -q ' 0% packet loss'"
is 'not once' "$(otp_stat hospital otp2 tx_starved)" 0
# nor for a program that takes key as fast as it can
greedy() { while :; do on hospital qkdctl key get ab size 4096 count 20 > /dev/null 2>&1 || sleep 0.05; done; }
greedy &
greedy=$!
at_exit stop $greedy
taken() { on hospital qkdctl -j key | python3 -c '
import json, sys
print(sum(c["tx_bytes"] for l in json.load(sys.stdin) for c in l["consumers"] if c["kind"] == "device"))'; }
wait_for 20 "[ \$(taken) -gt 100000 ]" || die "the program gets no key"
before=$(taken)
check 'nor beside a program that wants all' sh -c \
	"ip netns exec hospital ping -q -c 20 -i 0.1 -W 2 -s 500 10.101.0.2 | grep -q ' 0% packet loss'"
is 'not once then' "$(otp_stat hospital otp2 tx_starved)" 0
# its 100 of 500 of what there is; to be started again and again takes time
before=$(taken)
measure
taken=$(($(taken) - before))
at_least 'which goes on: per mille of all, of 200' $((taken * 1000 / (taken + sum))) 100
stop $greedy

# 40000 and a fifth of the other 80000; three fifths; one fifth
flood 2
wait_for 20 "[ \$(otp_stat hospital otp2 tx_starved) -gt 5 ]"
sleep 1
measure
near 'weight 300 of 500, beside a rate' "${got[0]}" 400
near 'weight 100 of 500, beside a rate' "${got[1]}" 133
near 'its rate, and weight 100 of 500' "${got[2]}" 467
