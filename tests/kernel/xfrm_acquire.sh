#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Plain templates of ip xfrm policy between a link's ends are served when a
# packet wants it; others' are not, nor what another key manager numbers.
# timeout: 150
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need ping
xfrm_setup

# policies MODE REQID [SRC DST]: at both nodes
policies() {
	local t="proto esp mode $1 ${2:+reqid $2}" a=${3:-10.77.0.1} b=${4:-10.77.0.2}

	on hospital ip xfrm policy add dir out src "$a" dst "$b" priority 50 tmpl src 10.77.0.1 dst 10.77.0.2 $t
	on hospital ip xfrm policy add dir in src "$b" dst "$a" priority 50 tmpl src 10.77.0.2 dst 10.77.0.1 $t
	on biobank ip xfrm policy add dir out src "$b" dst "$a" priority 50 tmpl src 10.77.0.2 dst 10.77.0.1 $t
	on biobank ip xfrm policy add dir in src "$a" dst "$b" priority 50 tmpl src 10.77.0.1 dst 10.77.0.2 $t
}
# the link's own messages are the administrator's to let pass here
control() {
	local n

	for n in hospital biobank; do
		for d in in out; do
			on $n ip xfrm policy add dir $d proto udp sport 51014 dport 51014 priority 1
		done
	done
}
flush() { both ip xfrm policy flush; both ip xfrm state flush; }
reaches() { on hospital ping -c 3 -i 0.3 -W 2 "${1:-10.77.0.2}"; }
larval() { on hospital ip xfrm state | grep -q 'spi 0x00000000'; }
tunnels() { on hospital qkdctl -j tunnel show | jq length; }

control
policies transport ''
is 'nothing is made ahead of a packet' "$(tunnels) $(sas hospital)" '0 0'
on hospital ping -c 1 -W 1 10.77.0.2 > /dev/null
check 'a packet gets the template its SA' wait_for 10 reaches
is 'it is shown as ad hoc' \
	"$(on hospital qkdctl -j tunnel show | jq -r '.[0] | [.adhoc, .reqid, .mode] | join(" ")')" \
	'true 0 transport'
# xfrm makes it after it has asked for the SA, which may be there already
left=0
for i in 1 2 3; do
	both ip xfrm state flush
	wait_for 15 '[ "$(tunnels)" = 0 ]'
	on hospital ping -c 1 -W 1 10.77.0.2 > /dev/null
	wait_for 10 '[ "$(tunnels)" = 1 ]'
	wait_for 3 '! larval' || left=$((left + 1))
done
is 'no larval SA stays' $left 0
check 'nor does a packet, without its SA' wait_for 10 reaches
check 'deleting an SA by hand does no harm' on hospital ip xfrm state deleteall
check 'the next packet gets another' wait_for 10 reaches
on biobank ip xfrm state flush
check 'nor does flushing them at the peer' wait_for 20 reaches
flush
check 'without SAs an ad hoc tunnel goes' wait_for 15 '[ "$(tunnels)" = 0 ]'

# the first packets are queued instead of dropped, if so configured
claim='xfrm_larval_drop=0: not even the first packet is lost'
if [ -e /sys/kernel/debug/kmemleak ]; then
	# without our modules, too: dst_destroy() looks for a child only where the
	# entry has an SA, and the one that queues has a child but no SA
	skip "$claim" 'xfrm leaks a route for each that waits, and kmemleak sees it'
else
	both sysctl -q -w net.core.xfrm_larval_drop=0
	control
	policies transport 0x51000007
	check "$claim" on hospital sh -c \
		'ping -c 3 -i 0.3 -W 10 10.77.0.2 | grep -q " 0% packet loss"'
	both sysctl -q -w net.core.xfrm_larval_drop=1
	flush
fi

# tunnel mode
ip -n hospital addr add 10.1.0.1/24 dev lo
ip -n biobank addr add 10.2.0.1/24 dev lo
ip -n hospital route add 10.2.0.0/24 via 10.77.0.2 src 10.1.0.1
ip -n biobank route add 10.1.0.0/24 via 10.77.0.1 src 10.2.0.1
policies tunnel 0x51000009 10.1.0.0/24 10.2.0.0/24
check 'tunnel mode too' wait_for 10 reaches 10.2.0.1
flush
wait_for 15 '[ "$(tunnels)" = 0 ]'

# request IDs of other key managers
control
policies transport 1
on hospital ping -c 2 -i 0.2 -W 1 10.77.0.2 > /dev/null
is 'a request ID out of our range is not answered' "$(tunnels) $(sas hospital)" '0 0'
both qkdctl tunnel add mine link q mode transport policy none reqid 1 start traffic
check 'unless a tunnel claims it' wait_for 10 reaches
both qkdctl tunnel del mine
flush

# other ends
on hospital ip xfrm policy add dir out dst 10.78.0.2 tmpl src 10.78.0.1 dst 10.78.0.2 proto esp mode transport
on hospital ping -c 2 -i 0.2 -W 1 10.78.0.2 > /dev/null
is 'ends that are no link'\''s are not answered' "$(tunnels) $(sas hospital)" '0 0'
flush

# switched off
echo N > /sys/module/qkd_xfrm/parameters/adhoc
control
policies transport ''
on hospital ping -c 2 -i 0.2 -W 1 10.77.0.2 > /dev/null
is 'parameter adhoc=N: not answered' "$(tunnels) $(sas hospital)" '0 0'
echo Y > /sys/module/qkd_xfrm/parameters/adhoc
