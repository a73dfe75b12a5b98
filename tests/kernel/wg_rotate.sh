#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# WireGuard's preshared keys come from a link and change under way without a
# packet lost; and whatever is killed, taken away or out of step is mended.
#
#	hospital wg0 10.79.0.1 ==[WireGuard over wan]== 10.79.0.2 wg0 biobank
# timeout: 240
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
need_root
need_cmd qkd-wg wg qkdctl jq ping
[ -x "$feeder" ] || skip_all "needs $feeder: make -f tools/Makefile tests"
need_kernel veth wireguard
need_module qkd
xfrm_setup

declare -A daemon=()

# wg_up NODE N PEER M: its end of the tunnel
wg_up() {
	ip -n "$1" link add wg0 type wireguard &&
	on "$1" wg set wg0 private-key "$test_dir/$1" listen-port 51820 \
		peer "$(wg pubkey < "$test_dir/$3")" endpoint "10.77.0.$4:51820" \
		allowed-ips "10.79.0.$4/32" persistent-keepalive 1 &&
	ip -n "$1" addr add "10.79.0.$2/24" dev wg0 &&
	ip -n "$1" link set wg0 up
}
both_up() {
	wg_up hospital 1 biobank 2 || die "no WireGuard"
	wg_up biobank 2 hospital 1 || die "no WireGuard"
}

# wgd NODE: start its daemon; wgd_kill NODE
wgd() {
	start ip netns exec "$1" qkd-wg -d -i 2 q wg0
	daemon[$1]=$started
}
wgd_kill() { kill -9 "${daemon[$1]}"; wait "${daemon[$1]}" 2>/dev/null; }

psk() { on "$1" wg show wg0 preshared-keys | awk '{ print $2 }'; }
equal() { local k; k=$(psk hospital); [ "$k" != '(none)' ] && [ "$k" = "$(psk biobank)" ]; }
# rotated OLD: both have one key, not that
rotated() { equal && [ "$(psk hospital)" != "$1" ]; }
handshake() { on hospital wg show wg0 latest-handshakes | awk '{ print $2 }'; }
# renew: WireGuard has no session left, so the next packet needs a handshake
renew() { ip -n "$1" link set wg0 down; ip -n "$1" link set wg0 up; }
reach() { on hospital ping -c 1 -W 1 10.79.0.2; }

for n in hospital biobank; do (umask 077; wg genkey > "$test_dir/$n"); done
both_up
is 'there is no preshared key at first' "$(psk hospital)$(psk biobank)" '(none)(none)'
wgd hospital
sleep 1.5
is 'one end alone changes nothing' "$(psk hospital)" '(none)'
wgd biobank
check 'both ends take the same key' wait_for 10 equal
renew hospital; renew biobank
check 'and a handshake with it succeeds' wait_for 12 reach

# ---- under a flood

on hospital ping -q -i 0.005 -c 2000 -W 10 10.79.0.2 > "$test_dir/ping" &
flood=$!
keys=0 last=$(psk hospital)
while kill -0 $flood 2>/dev/null; do
	k=$(psk hospital)
	[ "$k" = "$last" ] || keys=$((keys + 1))
	last=$k
	sleep 0.1
done
wait $flood
at_least 'keys changed under a flood of echoes' "$keys" 3
is 'no echo was lost' \
	"$(awk '/transmitted/ { print $1 - $4 }' "$test_dir/ping")" 0
check 'both still have the same' wait_for 5 equal

# ---- trouble

lost=0
for i in 1 2 3 4 5 6; do
	n=$([ $((RANDOM % 2)) = 0 ] && echo hospital || echo biobank)
	sleep "$((RANDOM % 3)).$((RANDOM % 10))"
	wgd_kill "$n"
	old=$(psk hospital)
	reach > /dev/null || lost=$((lost + 1))
	wgd "$n"
	wait_for 10 rotated "$old" || { fail "killed, round $i: $n" "keys differ"; lost=99; break; }
done
is 'killed at random, they agree again, and the tunnel stays' "$lost" 0

on hospital wg set wg0 peer "$(wg pubkey < "$test_dir/biobank")" preshared-key <(wg genpsk)
check 'a key that somebody set is replaced' wait_for 5 equal

# an interface made anew knows nothing; no session is left to talk through
for n in hospital biobank; do ip -n $n link del wg0; done
both_up
check 'an interface made anew gets the key' wait_for 5 equal
check 'and the tunnel is there again' wait_for 12 reach

# both ends stopped and put out of step: the tunnel is dead
wgd_kill hospital; wgd_kill biobank
on hospital wg set wg0 peer "$(wg pubkey < "$test_dir/biobank")" preshared-key <(wg genpsk)
renew hospital; renew biobank
check_fails 'with keys that differ the tunnel is dead' '' reach
wgd hospital; wgd biobank
check 'started, they bring a dead tunnel back' wait_for 20 reach

# the peer's daemon hangs: nothing is used that it has not confirmed
kill -STOP "${daemon[biobank]}"
sleep 0.5
old=$(psk hospital)
sleep 5
is 'what a hung peer has not confirmed is not used' "$(psk hospital)" "$old"
kill -CONT "${daemon[biobank]}"
check 'when it goes on, so do the keys' wait_for 10 rotated "$old"

# junk from the peer's address
head -c 76 /dev/urandom > "$test_dir/junk"
for i in 1 2 3 4 5; do
	on biobank socat -u "FILE:$test_dir/junk" UDP:10.77.0.1:51016
done
old=$(psk hospital)
check 'junk changes nothing' wait_for 8 rotated "$old"
is 'key is accounted under the interface' \
	"$(on hospital qkdctl -j key show q | jq '[.[0].consumers[] | select(.name == "wg:wg0")] | length')" 1
