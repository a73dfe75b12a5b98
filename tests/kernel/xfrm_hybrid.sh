#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Hybrid tunnels: an SA's key is made of quantum key and of a post-quantum
# secret, as told in formats.rst and by nothing less; both ends have both or
# there is no SA (invariant 2); and secrets are changed without a packet lost.
# timeout: 300
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need ping tcpdump setpriv
helper=$O/tests/kernel/xfrm_hybrid
topo_two_nodes
links
log_mark

# test secrets, of no use to anybody
id1=0102030405060708090a0b0c0d0e0f10 id2=${id1//0/a}
s1=$(printf '%02x' $(seq 1 48)) s2=$(printf '%02x' $(seq 101 148))
secret() { local n=$1; shift; on "$n" "$helper" "$@"; }
give() { secret "$1" give q "$2" "$3"; }
use() { secret "$1" use q "$2"; }
reaches() { on hospital ping -c 2 -i 0.2 -W 1 10.77.0.2; }
reason() { field "$1" "${2:-t}" reason; }
says() { reason "$1" "${3:-t}" | grep -q -e "$2"; }
sid() { field "$1" t "$2.secret_id"; }

"$helper" feed "$dev_a" "$dev_b" || die "cannot feed"
on hospital qkdctl monitor alarm > "$test_dir/alarms" &
at_exit stop $!
both qkdctl tunnel add t link q mode transport hybrid on rekey time 0
check 'there is key, and yet it waits' wait_for 5 says hospital 'no post-quantum secret'
is 'in this state' "$(field hospital t out.state)" wait-key
check_fails 'and nothing passes' '100% packet loss' reaches
secret hospital none q 'OpenSSL 3.0 has none'
check 'what qkdd says of it is shown' wait_for 5 says hospital 'OpenSSL 3.0 has none'
is 'no key was spent on that' "$(field hospital t out.key_bytes)" 0

give hospital $id1 "$s1" && use hospital $id1
check 'one end alone has one: refused' wait_for 5 says hospital 'secret is not there'
is 'no key was taken for that' "$(field biobank t in.key_bytes)" 0
is 'there is no SA' "$(sas biobank)" 0
give biobank $id1 "$s1"
check 'both have it: SAs both ways' wait_live t
check 'packets pass' reaches
is 'it is named, the same at both ends' \
	"$(sid hospital out) $(sid hospital in) $(sid biobank out) $(sid biobank in)" \
	"$id1 $id1 $id1 $id1"
check 'and shown' on hospital sh -c "qkdctl -s tunnel show t | grep -q 'hybrid on' && qkdctl -s tunnel show t | grep -q $id1"

capture_both "$test_dir/pcap"
check 'packets pass under capture' reaches
capture_both_stop
# opened NODE STREAM ID SECRET: with a key of what is known; biobank sorts first
opened() {
	"$helper" open "$test_dir/pcap.$1" "$(field "$1" t out.spi)" "$2" \
		"$(field "$1" t out.key_offset)" "$3" "$4" t
}
check 'the key is as told, one way' opened hospital 1 $id1 "$s1"
check 'and the other' opened biobank 0 $id1 "$s1"
check_fails 'not without the post-quantum secret' ' 0 of this key' opened hospital 1 $id1 "$(printf '%096d' 0)"
check_fails 'not without the quantum key' ' 0 of this key' opened hospital 0 $id1 "$s1"
check_fails 'nor under another name' ' 0 of this key' opened hospital 1 $id2 "$s1"

# another one, under traffic
on hospital ping -q -i 0.01 -c 300 -W 10 10.77.0.2 > "$test_dir/ping" &
pinger=$!
sleep 0.5
give biobank $id2 "$s2" && give hospital $id2 "$s2" && use hospital $id2
check 'a change by itself replaces nothing' [ "$(sid hospital out)" = $id1 ]
on hospital qkdctl tunnel rekey t
check 'the next SA has the new one' wait_for 5 eval '[ "$(sid hospital out)" = $id2 ]'
check 'the other end uses it, too, having heard of it' \
	eval 'on biobank qkdctl tunnel rekey t; wait_for 5 eval "[ \$(sid biobank out) = $id2 ]"'
wait $pinger
is 'no packet was lost by it' "$(awk '/transmitted/ { print $1 - $4 }' "$test_dir/ping")" 0

check_fails 'a secret is given once' 'given before' give hospital $id2 "$s1"
check_fails 'one that is not known is not used' 'no secret' use hospital "${id1//0/b}"
check_fails 'not by who may not' 'ermi|CAP_NET_ADMIN' on hospital setpriv --reuid 65534 \
	--clear-groups --inh-caps -all "$helper" give q "${id1//0/b}" "$s1"
check_fails 'not for a link that is not there' 'no such link' secret hospital give nolink $id1 "$s1"
shown=$(both qkdctl -j -s tunnel show; both ip xfrm state; dmesg)
check 'no secret is shown anywhere' [ "${shown/$s1/}${shown/$s2/}" = "$shown$shown" ]

# one end hybrid, the other not
on hospital qkdctl tunnel add u link q mode transport proto udp sport 9 dport 9 priority 500 hybrid on
on biobank qkdctl tunnel add u link q mode transport proto udp sport 9 dport 9 priority 500
check 'hybrid at one end only: refused' wait_for 10 says hospital 'at one end only' u
check 'at the other end likewise' wait_for 10 says biobank 'at one end only' u
at_most 'which is not said again and again' "$(field biobank u in.rejects)" 10
check 'an alarm tells it' wait_for 5 grep -q 'tunnel u: .*hybrid' "$test_dir/alarms"
is 'there is no SA' "$(field hospital u out.spi) $(field hospital u in.spi) $(field biobank u in.spi)" \
	'null null null'
# turned on, what was made without is over
on hospital qkdctl tunnel set u hybrid off
check 'off at both: it is keyed' wait_live u 10
is 'without a secret' "$(field hospital u out.secret_id)" null
on hospital qkdctl tunnel set u hybrid on
check 'turned on: the SA made without is gone' wait_for 3 eval '[ "$(field hospital u out.spi)" = null ]'
on biobank qkdctl tunnel set u hybrid on
check 'on at both: it is keyed' wait_live u 10
is 'with it' "$(field hospital u out.secret_id) $(field biobank u out.secret_id)" "$id2 $id2"

on hospital qkdctl link del q
on hospital qkdctl link add q local-node hospital peer-node biobank local 10.77.0.1 peer 10.77.0.2
on hospital qkdctl link enable q
on hospital qkdctl tunnel rekey t
check 'a link made anew has no secret' wait_for 5 says hospital 'no post-quantum secret'
log_check
