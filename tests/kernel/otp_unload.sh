#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
#
# Namespaces, links, devices and the module go away under load without a
# report of the kernel's, and a tunnel comes back with its link.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping
log_mark
topo_two_nodes

load() {
	on hospital ping -q -f -w 30 -s 600 10.99.0.2 > /dev/null 2>&1 &
	on biobank ping -q -f -w 30 -s 600 10.99.0.1 > /dev/null 2>&1 &
}

otp_links
otp_feed
otp_tunnel 0
wait_for 10 on hospital ping -c 1 -W 1 10.99.0.2 || die "no key"
load
sleep 1
check 'a link is deleted under load' on hospital qkdctl link del ab
is 'its device lives on, detached' "$(on hospital qkdctl -j otp show otp0 | python3 -c '
import json,sys; print(json.load(sys.stdin)[0]["state"])')" detached
stop $feeder
on biobank qkdctl link del ba
otp_links
otp_feed
check 'and works again when the link is back' wait_for 10 on hospital ping -c 1 -W 1 10.99.0.2

sleep 1
ip netns add elsewhere
at_exit del_node elsewhere
check 'a device moves to another namespace' ip -n hospital link set otp0 netns elsewhere
ip -n elsewhere addr add 10.99.0.1/24 dev otp0
ip -n elsewhere link set otp0 up
check 'its socket stays where it was' wait_for 10 on elsewhere ping -c 1 -W 1 10.99.0.2
on elsewhere ping -q -f -w 20 -s 600 10.99.0.2 > /dev/null 2>&1 &
sleep 1
check 'the namespace of its socket goes' del_node hospital
sleep 2
check_fails 'the device is useless then' 'not permitted|down|unreachable|100% packet loss' \
	on elsewhere ping -c 1 -W 1 10.99.0.2
stop $feeder
check 'the module is unloaded under load' rmmod qkd_otp
check_fails 'and its devices are gone' 'not exist|Cannot find' ip -n elsewhere link show otp0
# a debug kernel lets go late of a device: of a queue, then of all, then of itself
case $(uname -r) in
*-debug) sleep 13 ;;
*)	sleep 1 ;;
esac
log_check
