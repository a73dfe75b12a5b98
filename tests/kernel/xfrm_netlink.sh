#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What an administrator gets wrong is refused with words that help, and
# changes nothing (invariants 5 and 6).
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need
topo_two_nodes
links

# refused NAME PATTERN ARGS...
refused() {
	local name=$1 pattern=$2

	shift 2
	check_fails "$name" "$pattern" on hospital qkdctl tunnel "$@"
}

refused 'no such link' 'no such link' add t link nolink
refused 'ports without a protocol' 'ports need a proto' add t link q sport 80
refused 'networks in transport mode' 'tunnel for networks' add t link q mode transport src 10.0.0.0/8 dst 10.77.0.2
refused 'families mixed' 'family' add t link q mode tunnel src 10.0.0.0/8 dst fd00::/8
refused 'one network of another family than the ends' 'both src and dst' add t link q mode tunnel dst fd00::/8 local 10.77.0.1 peer 10.77.0.2
refused 'ESN without a window' 'replay window' add t link q replay-window 0
refused 'no ESN and no limit of packets' '2\^31' add t link q esn off rekey packets 0
refused 'a hard limit below the soft one' 'hard limit' add t link q rekey time 10s hard time 5s
refused 'a grace time of none' 'grace-time' add t link q grace-time 0
refused 'a priority before the exceptions' 'at least 2' add t link q priority 1
refused 'an ad hoc name' 'adhoc' add adhoc1 link q
refused 'a name with a slash' 'name' add a/b link q
refused 'to delete what is not there' 'there is no' del t
refused 'to rekey what is not there' 'there is no' rekey t
refused 'to set what is not there' 'there is no' set t esn off
is 'none of this left a policy' "$(on hospital ip xfrm policy)" ''
is 'nor a tunnel' "$(on hospital qkdctl -j tunnel show | jq length)" 0

check 'a tunnel is made' on hospital qkdctl tunnel add t link q mode transport
refused 'its name is taken' 'name exists' add t link q mode tunnel src 10.1.0.0/24 dst 10.2.0.0/24
before=$(on hospital ip xfrm policy)
refused 'its selectors are taken' 'another policy' add u link q mode transport
is 'and its policies are as they were' "$(on hospital ip xfrm policy)" "$before"
refused 'a wrong setting' 'hard limit' set t rekey time 10s hard time 5s
is 'changes none' "$(field hospital t rekey_time)" 3600000
check 'a right one does' on hospital qkdctl tunnel set t rekey time 10s
is 'as told' "$(field hospital t rekey_time)" 10000

# somebody else's policy stays theirs
on hospital ip xfrm policy add dir out src 10.1.0.0/24 dst 10.2.0.0/24 tmpl src 1.1.1.1 dst 2.2.2.2 proto esp mode tunnel reqid 3
before=$(on hospital ip xfrm policy)
refused 'selectors of another key manager' 'another policy' add u link q mode tunnel src 10.1.0.0/24 dst 10.2.0.0/24
is 'whose policies are as they were' "$(on hospital ip xfrm policy)" "$before"

check_fails 'nor by another user in the namespace' '[Pp]ermi|CAP_NET_ADMIN' \
	on hospital setpriv --reuid 65534 --clear-groups --inh-caps -all "$O/bin/qkdctl" tunnel del t
is 'it is still there' "$(on hospital qkdctl -j tunnel show | jq length)" 1
is 'it is shown among those of its link' "$(on hospital qkdctl -j tunnel show link q | jq length)" 1
is 'and of no other' "$(on hospital qkdctl -j tunnel show link r | jq length)" 0

for i in $(seq 300); do
	echo "tunnel add t$i link q mode tunnel src 10.1.$((i / 200)).$((i % 200))/32 dst 10.2.0.0/24 start traffic"
done | while read -r l; do
	# shellcheck disable=SC2086
	on hospital qkdctl $l
done
is 'a dump gives all of many' "$(on hospital qkdctl -j tunnel show | jq length)" 301
is 'each once' "$(on hospital qkdctl -j tunnel show | jq -r '.[].name' | sort | uniq -d | wc -l)" 0
