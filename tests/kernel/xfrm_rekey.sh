#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Invariant 8: a rekey loses, duplicates and reorders no packet by its own
# doing, under a flood of echoes, UDP and TCP, ten rekeys a second.
# timeout: 240
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need ping iperf3
xfrm_setup
start "$feeder" "$dev_a" "$dev_b" keep 16384 50

s='mode transport rekey time 100ms grace-time 1s'
both qkdctl tunnel add t link q $s || die "cannot make the tunnel"
wait_live t || die "no SAs"

rekeys() { field hospital t out.rekeys; }
# rekeyed NAME BEFORE: at least 20 times since
rekeyed() { at_least "$1" $(($(rekeys) - $2)) 20; }

r=$(rekeys)
# -c, not -w: at a deadline the last reply may still be on its way
on hospital ping -q -i 0.002 -c 2000 -W 10 10.77.0.2 > "$test_dir/ping"
sent=$(awk '/transmitted/ { print $1 }' "$test_dir/ping")
got=$(awk '/transmitted/ { print $4 }' "$test_dir/ping")
rekeyed 'rekeyed under a flood of echoes' "$r"
at_least 'the flood was one' "$sent" 500
is 'no echo was lost' "$((sent - got))" 0
check 'none twice' sh -c "! grep -E '\+[0-9]+ duplicates' $test_dir/ping"

# a receiver that is not run for a while is no loss of IPsec's
sysctl -q -w net.core.rmem_max=4194304 net.core.wmem_max=4194304
start on biobank iperf3 -s
wait_for 5 on biobank sh -c 'ss -ltn | grep -q 5201'

r=$(rekeys)
on hospital iperf3 -J -u -b 4M -l 500 -w 2M -t 6 -c 10.77.0.2 > "$test_dir/udp"
rekeyed 'rekeyed under UDP' "$r"
at_least 'datagrams were sent' "$(jq .end.sum.packets "$test_dir/udp")" 1000
say "UDP at the receiver: $(on biobank nstat -asz UdpInErrors UdpRcvbufErrors | tail -n +2 | tr -s ' \n' ' ')"
is 'no datagram was lost' "$(jq .end.sum.lost_packets "$test_dir/udp")" 0
is 'none came out of order' \
	"$(jq '.end.streams[0].udp.out_of_order' "$test_dir/udp")" 0

r=$(rekeys)
on hospital iperf3 -J -t 6 -c 10.77.0.2 > "$test_dir/tcp"
rekeyed 'rekeyed under TCP' "$r"
at_least 'TCP moved' "$(jq '.end.sum_received.bytes' "$test_dir/tcp")" 100000

check 'IPsec dropped nothing at all' no_errors
# those that wait for late packets are bounded, whatever the pace
at_most 'replaced SAs do not pile up' "$(sas hospital)" 40
# by packets and by bytes
both qkdctl tunnel set t rekey time 0 packets 200 hard packets 100000
sleep 0.5
r=$(rekeys)
on hospital ping -q -i 0.002 -c 1200 -W 10 10.77.0.2 > "$test_dir/ping"
at_least 'rekeyed by packets' $(($(rekeys) - r)) 3
is 'no echo was lost by it' "$(awk '/transmitted/ { print $1 - $4 }' "$test_dir/ping")" 0
both qkdctl tunnel set t rekey packets 1000000000 bytes 100K hard packets 0
sleep 0.5
r=$(rekeys)
on hospital ping -q -s 1000 -i 0.004 -c 600 -W 10 10.77.0.2 > "$test_dir/ping"
at_least 'rekeyed by bytes' $(($(rekeys) - r)) 2
is 'no echo was lost by that' "$(awk '/transmitted/ { print $1 - $4 }' "$test_dir/ping")" 0
check 'IPsec dropped nothing' no_errors

# what is reserved at one end is taken at the other, and nothing else
both qkdctl tunnel set t rekey time 0 bytes 0 packets 0
sleep 1
is 'reserved here is taken there' "$(field hospital t out.key_bytes)" \
	"$(field biobank t in.key_bytes)"
is 'reserved there is taken here' "$(field biobank t out.key_bytes)" \
	"$(field hospital t in.key_bytes)"
