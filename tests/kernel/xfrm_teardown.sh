#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Links, namespaces and the module go while packets flow and rekeys run, in
# any order, and the kernel has nothing to report; a peer that lost its SAs
# gets new ones.
# timeout: 240
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need ping
log_mark
rounds=${ROUNDS:-2}

flood() { on hospital ping -q -f -w 4 10.77.0.2 > /dev/null 2>&1 & }
busy() {
	xfrm_setup
	both qkdctl tunnel add t link q mode transport rekey time 30ms grace-time 200ms
	wait_live t || die 'no SAs'
	"$feeder" "$dev_a" "$dev_b" keep 16384 50 2> /dev/null &
	keeper=$!
	flood
	sleep 0.7
}
calm() {
	del_node hospital
	del_node biobank
	wait
}
reaches() { on hospital ping -c 2 -i 0.2 -W 2 10.77.0.2; }

for i in $(seq "$rounds"); do
	busy
	ip netns pids hospital | xargs -r kill -9
	ip netns del hospital
	sleep 0.5
	calm
done
ok 'a namespace goes'

for i in $(seq "$rounds"); do
	busy
	both qkdctl link del q
	sleep 0.5
	is "link deleted, $i: the tunnel says so" "$(field hospital t reason | grep -o 'link is gone')" 'link is gone'
	links
	feed start 60000
	"$feeder" "$dev_a" "$dev_b" keep 16384 50 2> /dev/null &
	check "link made again, $i: the tunnel takes it up" wait_for 20 '[ "$(field hospital t out.state)" = live ] && reaches'
	calm
done

for i in $(seq "$rounds"); do
	busy
	# a netlink dump that was just read may hold it for a moment
	check "module unloaded under traffic, $i" unload qkd_xfrm
	is "no SA is left, $i" "$(sas hospital) $(sas biobank)" '0 0'
	insmod "$O/kmod-$(uname -r)/qkd_xfrm.ko" 2>/dev/null || modprobe qkd_xfrm
	calm
done

# one end loses its SAs, and the other cannot know
busy
on biobank ip xfrm state flush
check 'flushed at one end: new SAs come' wait_for 10 reaches
both qkdctl tunnel set t rekey time 1h
sleep 1
wait_live t
on biobank qkdctl tunnel del t
on biobank qkdctl tunnel add t link q mode transport
check 'made again at one end: new SAs come' wait_for 15 reaches
# two feeders at once would be no pair of daemons: key from amid the new streams
stop "$keeper"
feed start 60000
check 'a new generation: new SAs come' wait_for 10 live t
sleep 2
check 'and packets pass' reaches
calm
log_check
