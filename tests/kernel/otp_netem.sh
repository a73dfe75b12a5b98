#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
#
# Loss, reordering, duplication and corruption cost the packets that they hit,
# and their pad, nothing else: what arrives is right, once, whatever its
# order; pad of no other packet is gone; counters say what happened.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need tc
need_kernel sch_netem
count=600 size=600
topo_two_nodes
otp_links pool-size 4194304 rx-grace 5s
otp_fill
otp_tunnel 0
for n in hospital biobank; do
	on $n sysctl -q -w net.ipv6.conf.otp0.disable_ipv6=1
done
wait_for 5 on hospital ping -c 1 -W 1 10.99.0.2 || die "no key"

netem() { tc -n hospital qdisc replace dev wan root netem limit 10000 "$@" || die "no netem"; }
# what netem dropped, and every datagram that the kernel found broken
dropped() { tc -n hospital -s -j qdisc show dev wan | python3 -c '
import json,sys; print(json.load(sys.stdin)[0]["drops"])'; }
broken() {
	on biobank awk '
		($1 == "Udp:" || $1 == "Ip:") && $2 !~ /^[0-9]/ {
			for (i = 2; i <= NF; i++)
				name[$1 i] = $i
		}
		($1 == "Udp:" || $1 == "Ip:") && $2 ~ /^[0-9]/ {
			for (i = 2; i <= NF; i++)
				if (name[$1 i] ~ /^(InErrors|InHdrErrors|InAddrErrors|InUnknownProtos|NoPorts)$/)
					n += $i
		}
		END { print n + 0 }' /proc/net/snmp
}
# run: a stream through it all; sets sent, got, and the counters' growth
run() {
	local file was=() s

	start on biobank "$tree/tests/otp/numbered.py" receive $size
	file=$test_dir/started.$test_started
	wait_for 20 "ip netns exec biobank ss -lunH 'sport = 7001' | grep -q 7001" || die "nobody listens"
	# the device's packets, whatever else goes through it
	for s in rx_pad_bytes rx_replay rx_auth; do was+=("$(otp_stat biobank otp0 $s)"); done
	sent=$(otp_stat hospital otp0 tx_pad_bytes)
	outside=$(broken)
	on hospital "$tree/tests/otp/numbered.py" send 10.99.0.2 $count 2000 $size
	# what was sent is on its way for 50 ms, and for as long as the machine takes
	sleep 1
	kill $started
	wait_for 30 "! kill -0 $started"
	eval "$(python3 -c '
import json, sys
for k, v in json.load(open(sys.argv[1])).items():
    print("%s=%d" % (k, v))' "$file")"
	say "$(cat "$file")"
	n=$((16 + 28 + size))
	sent=$((($(otp_stat hospital otp0 tx_pad_bytes) - sent) / n))
	rx_pad=$(($(otp_stat biobank otp0 rx_pad_bytes) - was[0]))
	replay=$(($(otp_stat biobank otp0 rx_replay) - was[1]))
	auth=$(($(otp_stat biobank otp0 rx_auth) - was[2]))
	outside=$(($(broken) - outside))
}
received='' wrong='' twice='' late='' rx_pad='' replay='' auth=''

# reordered is what follows within the delay: slow machines need it long
netem delay 50ms loss 5% duplicate 5% reorder 20% 50%
run
lost=$(dropped)
is 'each packet went under pad' "$sent" $count
is 'what arrives is right' "$wrong" 0
is 'and comes once' "$twice" 0
at_least 'packets were lost' "$lost" 8
at_least 'no more than netem lost' "$received" $((count - lost))
at_least 'some came after later ones' "$late" 20
at_least 'duplicates were found so' "$replay" 8
is 'no tag was wrong' "$auth" 0
is 'pad was taken for what arrived alone' "$rx_pad" $((received * n))

netem corrupt 10%
run
is 'each packet went under pad' "$sent" $count
is 'of corrupted ones none is believed' "$wrong" 0
at_least 'packets were corrupted' $((count - received)) 25
# the rest had another MAC address, another type, another tunnel's number
say "$((count - received)) lost: $auth by their tag, $outside by what is outside"
at_least 'most are found by their tag' "$auth" $(((count - received) * 3 / 4))
at_most 'each is counted once' $((auth + outside)) $((count - received))
is 'and none took pad' "$rx_pad" $((received * n))

# TCP, with everything at once
head -c 100000 /dev/urandom > "$test_dir/file"
netem delay 2ms loss 2% duplicate 3% reorder 10% 50% corrupt 1%
start on biobank "$tree/tests/otp/pages.py" receive "$test_dir/got"
wait_for 20 "ip netns exec biobank ss -ltnH 'sport = 7000' | grep -q 7000" || die "nobody listens"
check 'a file goes through' on hospital timeout $((60 * ${QKD_SLOW:-1})) "$tree/tests/otp/pages.py" sendfile "$test_dir/file" 10.99.0.2
wait_for 20 "! kill -0 $started"
check 'as it was' cmp "$test_dir/file" "$test_dir/got"
