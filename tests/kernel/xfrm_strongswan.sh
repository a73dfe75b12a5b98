#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Another key manager beside ours: strongSwan keeps an IKE tunnel between the
# same two addresses, both are rekeyed under traffic, and neither touches the
# other's SAs, policies or acquires.
#
#	hospital 10.77.0.1 =================== 10.77.0.2 biobank
#	  lo 10.1.0.1   quantum key (reqid 0x51...)   lo 10.2.0.1
#	  lo 10.11.0.1  IKE (reqid 1)                 lo 10.12.0.1
# timeout: 300
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
. "$(dirname "$0")/../swan/lib.sh"
xfrm_need ping swanctl charon-systemd
xfrm_setup 100000
start "$feeder" "$dev_a" "$dev_b" keep 16384 50

for i in 1 2; do
	n=hospital
	[ $i = 1 ] || n=biobank
	ip -n $n addr add 10.$i.0.1/24 dev lo
	ip -n $n route add 10.$((3 - i)).0.0/24 via 10.77.0.$((3 - i)) src 10.$i.0.1
	swan_addr $n $i
	swan_conf $n $i '' "rekey_time = $((i == 1 ? 3 : 3600))s
		life_time = 7200s
		rand_time = 0s"
	# it watches over all routes and policies from its start on
	swan_charon $n kernel-netlink 'knl = 2'
done
on hospital qkdctl tunnel add ours link q mode tunnel src 10.1.0.0/24 dst 10.2.0.0/24 rekey time 500ms grace-time 1s start traffic &&
on biobank qkdctl tunnel add ours link q mode tunnel src 10.2.0.0/24 dst 10.1.0.0/24 rekey time 500ms grace-time 1s start traffic ||
	die 'cannot make our tunnel'

ours() { on hospital ping -c 3 -i 0.2 -W 2 10.2.0.1; }
theirs() { on hospital ping -c 3 -i 0.2 -W 2 10.12.0.1; }
their_spis() { on hospital ip xfrm state list reqid 1 | grep -o 'spi 0x[0-9a-f]*' | sort -u; }
rekeys() { field hospital ours out.rekeys; }
# it hears of all acquires, and answers those for its own policies
acquires() { grep -c "creating acquire job for policy 10.11." "$test_dir/hospital.charon"; }
negotiations() { grep -c -E 'initiating IKE_SA|establishing CHILD_SA' "$test_dir/hospital.charon"; }
their_policies() { on hospital ip xfrm policy | grep -c 'reqid 1 '; }

check 'a packet gets our tunnel its SAs' wait_for 15 ours
is 'which strongSwan does not answer' "$(negotiations)" 0
check 'a packet gets strongSwan to negotiate its own' wait_for 30 theirs
at_least 'at its own acquire' "$(acquires)" 1
is 'for which no tunnel of ours was made' \
	"$(on hospital qkdctl -j tunnel show | jq -c 'map(.name)')" '["ours"]'

# a second without a packet is no reason to part
both qkdctl tunnel set ours start now
r=$(rekeys)
their_spis > "$test_dir/before"
on hospital ping -q -i 0.01 -c 800 -W 10 10.12.0.1 > "$test_dir/theirs" &
on hospital ping -q -i 0.01 -c 800 -W 10 10.2.0.1 > "$test_dir/ours"
wait $!
lost() { awk '/transmitted/ { print $1 - $4 }' "$test_dir/$1"; }
at_least 'ours was rekeyed under traffic' $(($(rekeys) - r)) 8
their_spis > "$test_dir/after"
at_least 'so was theirs' "$(comm -13 "$test_dir/before" "$test_dir/after" | wc -l)" 2
is 'ours lost no packet' "$(lost ours)" 0
# strongSwan deletes its old SA by a message that may overtake packets
at_most 'theirs lost none for that: of 800, packets' "$(lost theirs)" 4

# each goes without the other's noticing
swan hospital --terminate --ike site > /dev/null 2>&1
r=$(rekeys)
check 'strongSwan hangs up: ours goes on' ours
on hospital qkdctl tunnel rekey ours
check 'and is rekeyed' wait_for 10 '[ "$(rekeys)" -gt '"$r"' ]'
check 'theirs is made again when a packet wants it' wait_for 30 theirs
p=$(their_policies)
both qkdctl tunnel del ours
check 'our tunnel is deleted: theirs goes on' theirs
is 'with the policies it had' "$(their_policies)" "$p"
if [ $ktap_failed != 0 ]; then say "$(tail -n 60 "$test_dir/hospital.charon")"; fi
