#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two nodes without a fibre between them share key by a third, which both have
# one to: a virtual link of the kernel, good for keys and for IPsec as any other.
#
#	hospital ---- q1 ---- clinic ---- q2 ---- biobank
#	    '------------ v, relayed ----------------'
#	      10.79.0.1    10.79.0.2     10.79.0.3, all on one LAN
# timeout: 300
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
need_root
need_module qkd qkd_xfrm
need_cmd jq
kernel_has veth bridge esp4 || :

declare -A ip=([hospital]=10.79.0.1 [clinic]=10.79.0.2 [biobank]=10.79.0.3)

lan() {
	local n

	ip netns add lan && at_exit del_node lan &&
		ip -n lan link add lan type bridge forward_delay 0 && ip -n lan link set lan up || return
	for n in hospital clinic biobank; do
		ip netns add $n && at_exit del_node $n && ip -n $n link set lo up &&
			ip link add wan netns $n type veth peer name $n netns lan &&
			ip -n lan link set $n master lan up &&
			ip -n $n addr add "${ip[$n]}/24" dev wan &&
			ip -n $n link set wan up || return
	done
	wait_for 10 on hospital ping -c 1 -W 1 10.79.0.3
}

# add NODE PEER LINK POOL DRIVER CONFIG
add() {
	cp "$test_dir/psk.$3" "$test_dir/$1/psk/$3"
	on "$1" qkdctl link add "$3" local-node "$1" peer-node "$2" local "${ip[$1]}" \
		peer "${ip[$2]}" pool-size "$4" driver "$5" config "$6" || die "$1: $3 was refused"
}
# fibre NODE PEER LINK: one, for the time being a courier
fibre() {
	local n

	head -c $((3 << 20)) /dev/urandom > "$test_dir/pad"
	head -c 65536 /dev/urandom > "$test_dir/psk.$3"
	for n in "$1" "$2"; do cp "$test_dir/pad" "$test_dir/$n/$3.pad"; done
	add "$1" "$2" "$3" 256K file "pad=$test_dir/$1/$3.pad"
	add "$2" "$1" "$3" 256K file "pad=$test_dir/$2/$3.pad"
}
relayd() { start on "$1" qkd-relayd -c "$test_dir/$1/relay.conf"; }

log_mark
lan || die "no LAN"
for n in hospital clinic biobank; do
	mkdir -p "$test_dir/$n/psk" "$test_dir/$n/state"
	printf 'socket %s\n' "$test_dir/$n/relay" > "$test_dir/$n/relay.conf"
done
fibre hospital clinic q1
fibre clinic biobank q2
head -c 65536 /dev/urandom > "$test_dir/psk.v"
add hospital biobank v 64K relay "paths=clinic timeout=5 socket=$test_dir/hospital/relay"
add biobank hospital v 64K relay "paths=clinic timeout=5 socket=$test_dir/biobank/relay"
for n in hospital clinic biobank; do
	start on $n qkdd --psk-dir "$test_dir/$n/psk" --state-dir "$test_dir/$n/state"
	relayd $n
	[ $n != clinic ] || between=$started
done

field() { on "$1" qkdctl -j link show "$2" | jq -r ".[0] | $3"; }
has() { [ "$(field "$1" v .tx.available)" -ge "$2" ]; }
# fetch FROM TO: a key at the one, the same at the other
fetch() {
	local id key

	read -r id key < <(on "$1" qkdctl key get v size 32 wait 10s) &&
		[ "$(on "$2" qkdctl key get "$id")" = "$id $key" ] && [ ${#key} = 64 ]
}
used() { on "$1" qkdctl -j key show "$2" | jq '[.[0].consumers[] | select(.name == "relay") | .'"$3"'] | add // 0'; }

check 'key is relayed to the virtual link' wait_for 60 has hospital 30000
check 'at the other end, too' wait_for 30 has biobank 30000
check 'a key of the one end is at the other' fetch hospital biobank
check 'and the other way round' fetch biobank hospital
at_least 'it is accounted at the first hop' "$(used hospital q1 tx_bytes)" 60000
# once the virtual pool is full; before that some is on its way
as_much() { [ "$(used clinic q1 rx_bytes)" = "$(used hospital q1 tx_bytes)" ]; }
check 'which the next node has, byte for byte' wait_for 60 as_much
at_least 'and at the second' "$(used clinic q2 tx_bytes)" 60000

on hospital qkdctl tunnel add t link v mode transport > /dev/null &&
	on biobank qkdctl tunnel add t link v mode transport > /dev/null || die "no tunnel"
check 'IPsec is keyed from it' wait_for 20 on hospital ping -c 1 -W 1 10.79.0.3
at_least 'by security associations of the tunnel' "$(on hospital ip xfrm state | grep -c '^src')" 2

stop "$between"
check 'without the node between, the origin complains' wait_for 30 \
	'field hospital v .reason | grep -q "no session with clinic"'
n=$(field hospital v .tx.fed)
relayd clinic
# both streams are full, or nearly: some is used, so that more is wanted
for _ in 1 2 3 4 5; do
	on hospital qkdctl key get v size 8191 > /dev/null
done
grows() { [ "$(field hospital v .tx.fed)" -gt "$n" ]; }
check 'with it again, key is relayed again' wait_for 60 grows
check 'which is the same at both ends' fetch hospital biobank
log_check
