#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkd-swan and two real charon, on the stand-in for links, with ESP in userspace:
# each key that both ends hold is the PPK of a new IKE SA, and whatever is
# killed, restarted or taken away is mended.
# timeout: 120
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../swan/lib.sh"
. "$tree/tests/memory/lib.sh"
need_root
need_cmd swanctl charon-systemd ip ping
qkd_swan=$O/tests/bin/swan_standin
[ -x "$qkd_swan" ] || skip_all "needs $qkd_swan: make tests"
[ -c /dev/net/tun ] || skip_all "needs /dev/net/tun"
[ -e /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so ] ||
	skip_all "needs strongSwan's kernel-libipsec"
[ -e /proc/net/xfrm_stat ] || skip_all "needs IPsec's policies"
topo_two_nodes || skip_all "needs network namespaces and veth"

# the two find each other by the host's loopback; key is told apart by the seed
export QKD_STANDIN_SEED=swan$$
export QKD_STANDIN_LINKS="q,a,b,127.0.0.2,127.0.0.3 q-far,b,a,127.0.0.3,127.0.0.2"
declare -A daemon=() link=([hospital]=q [biobank]=q-far) child=([hospital]=net)
# daemon NODE SECONDS
daemon() {
	# shellcheck disable=SC2086 # none, at one
	start "$qkd_swan" -d -i "$2" -u "$test_dir/$1.vici" "${link[$1]}" site \
		${child[$1]:-}
	daemon[$1]=$started
	ln -sf "started.$test_started" "$test_dir/$1.swan"
}
gone() { kill -9 "$1"; wait "$1" 2>/dev/null; }
said() { grep -q "$2" "$test_dir/$1.swan"; }

plugins='kernel-libipsec kernel-netlink'
for n in hospital biobank; do
	i=$([ $n = hospital ] && echo 1 || echo 2)
	swan_addr $n "$i"
	swan_conf $n "$i"
	swan_charon $n "$plugins"
done
daemon hospital 3
sleep 1
is 'one end alone gives charon nothing' \
	"$(grep -c 'loaded PPK' "$test_dir/hospital.charon")" 0
daemon biobank 3
check 'both have a key: the tunnel comes up by itself' wait_for 15 reach

# ---- rotation

on hospital ping -q -i 0.02 -c 400 -W 5 10.12.0.1 > "$test_dir/ping"
at_least 'IKE SAs were made anew under a flood of echoes' "$(ppks hospital | wc -l)" 3
is 'each took another PPK' "$(ppks hospital | sort | uniq -d)" ''
is 'and both ends the same' "$(ppks hospital)" "$(ppks biobank | head -n "$(ppks hospital | wc -l)")"
at_most 'of 400 echoes were lost' "$(awk '/transmitted/ { print $1 - $4 }' "$test_dir/ping")" 2
is 'of the old IKE SAs none is left' "$(sa hospital | wc -l)" 1
check 'the daemon has seen them' said hospital 'IKE SA [0-9]* has key 1'
closed 'the daemon (invariant 4)' "${daemon[hospital]}" "$test_dir/hospital.swan"

# ---- trouble

gone "${daemon[hospital]}"
daemon hospital 90
wait_for 10 said hospital 'IKE SA' || die 'a daemon started anew gets no key'
n=$(ppks hospital | wc -l)
gone "${daemon[biobank]}"
daemon biobank 90
check 'a daemon started anew: a fresh key' wait_for 10 ppks_at_least $((n + 1))

swan biobank --load-creds --clear --noprompt --file "$test_dir/biobank.swanctl" > /dev/null
check 'a PPK that was unloaded is given again' wait_for 6 said biobank 'was gone and is set again'

gone "${charon[biobank]}"
swan_charon biobank "$plugins"
swan hospital --terminate --ike site --force > /dev/null
check 'charon started anew: the tunnel comes back' wait_for 15 reach
is 'under the same PPK at both ends' "$(ppks hospital | tail -n 1)" "$(ppks biobank | tail -n 1)"

# ---- what an administrator should know

swan_conf hospital 1 "$(swan_ppk no)"
swan_load hospital
check 'a connection that does without PPK is warned of' \
	wait_for 8 said hospital 'comes up without quantum key'
gone "${charon[hospital]}"
check 'a charon that is not there is told of' wait_for 8 said hospital 'charon is not there'
if [ $ktap_failed != 0 ]; then
	say "$(tail -n 30 "$test_dir/hospital.swan" "$test_dir/biobank.swan")"
	say "$(grep -v '=>\|: [0-9A-F][0-9A-F] ' "$test_dir/hospital.charon" | tail -n 40)"
fi
