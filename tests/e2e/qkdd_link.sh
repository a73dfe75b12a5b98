#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two daemons make key of simulated light and feed both kernels with it; they
# are killed at bad moments, links are made anew, and in the end every key
# that one end can name is the same at the other (invariants 1, 2, 7). The secret
# in a daemon's memory goes to no core dump and no swap, and of key that it made
# nothing stays (invariant 4).
#
#	hospital (alice) ---- wan, peer protocol ---- biobank (bob)
#	   qkdd ------------ fibre, classical channel --------- qkdd
# timeout: 600
# shellcheck disable=SC2154,SC2016
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/memory/lib.sh"
need_root
need_module qkd
need_cmd jq

link=q0
config='length=5 block=131072 pz=.8 fibre=10.78.0.1'
declare -A other=([hospital]=biobank [biobank]=hospital)
declare -A role=([hospital]=alice [biobank]=bob)
declare -A wan=([hospital]=10.77.0.1 [biobank]=10.77.0.2)
declare -A fibre=([hospital]=10.78.0.1 [biobank]=10.78.0.2)
declare -A daemon

add_link() { # NODE [WORDS]
	on "$1" qkdctl link add $link local-node "$1" peer-node "${other[$1]}" \
		local "${wan[$1]}" peer "${wan[${other[$1]}]}" driver sim \
		role "${role[$1]}" pool-size 256K \
		config "$config channel=${fibre[${other[$1]}]} ${2:-}" ||
		die "$1: the link was refused"
}
# exec, so that the process that is known is the daemon itself
daemon_start() { # NODE
	(exec ip netns exec "$1" qkdd --psk-dir "$test_dir/$1/psk" \
		--state-dir "$test_dir/$1/state") 2>> "$test_dir/$1/log" &
	daemon[$1]=$!
	at_exit stop $!
}
daemon_kill() { # NODE
	kill -9 "${daemon[$1]}"
	wait "${daemon[$1]}" 2>/dev/null
}
field() { on "$1" qkdctl -j link show $link | jq -r ".[0] | $2"; }
available() { field "$1" '.tx.available // 0'; }
fed() { field "$1" '.blocks_fed // 0'; }

# Until both have been fed N more blocks than A and B say; and have key.
await_blocks() { # A B N SECONDS
	wait_for "$4" '[ "$(fed hospital)" -ge '$(($1 + $3))' ] &&
		[ "$(fed biobank)" -ge '$(($2 + $3))' ] &&
		[ "$(available hospital)" -gt 200 ] &&
		[ "$(available biobank)" -gt 200 ]'
}
more_key() { await_blocks "$(fed hospital)" "$(fed biobank)" 2 60; }

# One key each way, fetched at the peer by its ID
same_key() { # FROM
	local id key

	read -r id key < <(on "$1" qkdctl key get $link size 64 wait 5s)
	[ -n "$key" ] || { echo "no key at $1"; return 1; }
	[ "$(on "${other[$1]}" qkdctl key get "$id")" = "$id $key" ]
}
both_same() { same_key hospital && same_key biobank; }

topo_two_nodes
for n in hospital biobank; do
	mkdir -p "$test_dir/$n/psk" "$test_dir/$n/state"
done
qkdctl psk new "$test_dir/psk" > /dev/null || die "no secret"
for n in hospital biobank; do
	install -m 600 "$test_dir/psk" "$test_dir/$n/psk/$link"
	daemon_start $n
	add_link $n
done
log_mark

check 'light becomes key in both kernels' await_blocks 0 0 1 90
check 'it is the same at both ends, by ID' both_same
is 'both are of one generation' "$(field hospital .generation)" \
	"$(field biobank .generation)"
gen=$(field hospital .generation)
is 'the secret is gone from where it was left' \
	"$(find "$test_dir/hospital/psk" "$test_dir/biobank/psk" -name $link)" ""
at_least 'QBER is reported, in ppm' "$(field hospital .rates.qber_ppm)" 1000
check 'and the last block, as JSON that can be recomputed' \
	eval 'field hospital ".report | fromjson? // . | [.n, .leak, .length, .eps_sec] | @csv"'

for n in hospital biobank; do
	daemon_kill $n
	check "with $n's daemon killed, pools serve" both_same
	daemon_start $n
	check "and started again, it feeds on" more_key
	check 'the same bytes to both ends' both_same
done
is 'all under the same generation' "$(field biobank .generation)" "$gen"
is 'the kernel refused no record' \
	"$(field hospital .errors.feed_rejected),$(field biobank .errors.feed_rejected)" 0,0

on biobank qkdctl link del $link
add_link biobank
check 'a link made anew is fed' wait_for 60 '[ "$(available biobank)" -gt 200 ]'
check 'under a new generation' [ "$(field biobank .generation)" != "$gen" ]
check 'that the other end has, too' \
	wait_for 30 '[ "$(field hospital .generation)" = "$(field biobank .generation)" ]'
wait_for 60 '[ "$(available hospital)" -gt 200 ]'
check 'with the same bytes' both_same

on hospital qkdctl monitor alarm > "$test_dir/alarms" &
at_exit stop $!
for n in hospital biobank; do
	on $n qkdctl link set $link config \
		"$config channel=${fibre[${other[$n]}]} eve=1"
done
check 'an eavesdropper raises an alarm' \
	wait_for 60 grep -q -i qber "$test_dir/alarms"
before="$(fed hospital) $(fed biobank)"
sleep 3
is 'and no block is fed any more' "$(fed hospital) $(fed biobank)" "$before"
check 'the link says why' eval 'field hospital .reason | grep -q QBER'
for n in hospital biobank; do
	on $n qkdctl link set $link config \
		"$config channel=${fibre[${other[$n]}]}"
done
check 'without him, there is key again' more_key
check 'the same at both ends' both_same

# the store's hash keys live as long as the store; key does as long as it waits
mapfile -t secret < <(od -An -v -tx1 -w16 -N64 "$test_dir/psk" | tr -d ' ')
mapfile -t made < <(for _ in {1..20}; do
	on hospital qkdctl key get $link size 32 wait 5s; done | awk '{ print $2 }')
is 'key was given' "${#made[@]}" 20
for n in hospital biobank; do
	is "of which nothing is left in $n's daemon" \
		"$(hunt "${daemon[$n]}" "${made[@]}")" 'found 0 unlocked 0'
done
guarded "hospital's daemon" "${daemon[hospital]}" "$test_dir/hospital/log" \
	"${secret[@]}"

kill "${daemon[biobank]}"
wait "${daemon[biobank]}"
is 'asked to end, a daemon ends well' $? 0
log_check
