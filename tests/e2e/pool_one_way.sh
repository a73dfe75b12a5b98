#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Key is used in one direction only, as by a backup at night: it goes on for
# more than a pool's size, whichever end leads the feeding, though the
# other direction's stream is full all the time.
#
#	hospital ---- wan, peer protocol ---- biobank
#	   qkdd ----- fibre, classical channel --- qkdd
#	   pad ------ the same courier's disk ---- pad
# timeout: 300
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
need_root
need_module qkd
need_cmd jq
log_mark
topo_two_nodes

link=q0
pool=16384
declare -A other=([hospital]=biobank [biobank]=hospital)
declare -A wan=([hospital]=10.77.0.1 [biobank]=10.77.0.2)
declare -A fibre=([hospital]=10.78.0.1 [biobank]=10.78.0.2)

field() { on "$1" qkdctl -j link show $link | jq -r ".[0] | $2"; }

head -c 65536 /dev/urandom > "$test_dir/psk"
head -c $((4 << 20)) /dev/urandom > "$test_dir/pad"
for n in hospital biobank; do
	mkdir -p "$test_dir/$n/psk" "$test_dir/$n/state"
	cp "$test_dir/psk" "$test_dir/$n/psk/$link"
	cp "$test_dir/pad" "$test_dir/$n/pad"
	on $n qkdctl link add $link local-node $n peer-node "${other[$n]}" \
		local "${wan[$n]}" peer "${wan[${other[$n]}]}" driver file \
		pool-size $pool \
		config "pad=$test_dir/$n/pad channel=${fibre[${other[$n]}]}" ||
		die "$n: the link was refused"
	start ip netns exec $n qkdd --psk-dir "$test_dir/$n/psk" \
		--state-dir "$test_dir/$n/state"
done
rm -f "$test_dir/psk" "$test_dir/pad"

# fetch FROM: one key at its node, and at the other, where it has to be the
# same; BYTES counts them
bytes=0
fetch() {
	local id key

	read -r id key < <(on "$1" qkdctl key get $link size 4096 wait 20s) &&
		[ "$(on "${other[$1]}" qkdctl key get "$id")" = "$id $key" ] &&
		[ ${#key} = 8192 ] && bytes=$((bytes + 4096))
}
# use FROM BYTES
use() {
	bytes=0
	while [ $bytes -lt "$2" ]; do
		fetch "$1" || return 1
	done
}
full() { [ "$(field "$1" .tx.available)" -gt $((pool * 3 / 4)) ]; }

for n in hospital biobank; do
	wait_for 60 full $n || die "$n has no full pool: $(field $n .reason)"
done
for n in hospital biobank; do
	idle=${other[$n]}
	before=$(field "$idle" .tx.consumed)
	check "$n uses twice its pool, and $idle nothing" \
		use $n $((2 * pool))
	check "the stream of $idle is full" full "$idle"
	is "and was not touched" "$(field "$idle" .tx.consumed)" "$before"
done
log_check
