#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkdctl makes, changes, shows and deletes links, and its errors tell what to
# do about them.
. "$(dirname "$0")/../lib.sh"
need_root
need_cmd jq setpriv ip
if [ ! -d /sys/module/qkd ]; then
	check_fails 'without the module: which one to load' 'modprobe qkd' qkdctl link
fi
need_module qkd
ip netns add ctl1 || die 'cannot make a namespace'
at_exit ip netns del ctl1
q() { qkdctl -n ctl1 "$@"; }
field() { q -j link show l | jq -r ".[0].$1"; }

check 'a link is added' q link add l local-node hospital peer-node biobank \
	local 10.77.0.1 peer 10.77.0.2 local fd77::1 peer fd77::2 \
	peer-port 5000 driver sim role alice config 'length=25 eve=0' \
	pool-size 64K low-watermark 4K high-watermark 8K rx-grace 10s
is 'settings are as given' "$(q -j link show l | jq -c '.[0] |
	[.name, .local_node, .peer_node, .local4, .peer4, .local6, .peer6,
	 .peer_port, .driver, .role, .config, .pool_size, .low_watermark,
	 .high_watermark, .rx_grace, .admin_state, .oper_state]')" \
	'["l","hospital","biobank","10.77.0.1","10.77.0.2","fd77::1","fd77::2",5000,"sim","alice","length=25 eve=0",65536,4096,8192,10000,"up","waiting"]'
check_fails 'a name is there once' 'already.*link set l' \
	q link add l local-node a peer-node b
check_fails 'the kernel says what to mend' 'power of two' \
	q link add m local-node a peer-node b pool-size 5K
check_fails 'and which attribute is too long' 'name is too long: at most 31' \
	q link add "$(printf %040d 0)" local-node a peer-node b
check_fails 'a node is no peer of its own' 'must differ' \
	q link add m local-node a peer-node a
is 'a refused link is not there' "$(q -j link | jq length)" 1
check 'settings change' q link set l driver file config dir=/x low-watermark 1K
is 'to what was told' "$(field driver) $(field config) $(field low_watermark)" 'file dir=/x 1024'
is 'and nothing else does' "$(field high_watermark) $(field peer4)" '8192 10.77.0.2'
check 'it is taken down' q link disable l
is 'and is down' "$(field admin_state) $(field oper_state)" 'down down'
check 'and up' q link enable l
is 'again' "$(field oper_state)" waiting
is 'it is not seen elsewhere' "$(qkdctl -j link | jq '[.[] | select(.name == "l")] | length')" 0
check_fails 'nor found' 'no link "l"' qkdctl link del l
check_fails 'who has no rights is told of them' 'CAP_NET_ADMIN' \
	ip netns exec ctl1 setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
	"$(command -v qkdctl)" link del l
check 'and may look' \
	ip netns exec ctl1 setpriv --reuid 65534 --regid 65534 --clear-groups "$(command -v qkdctl)" link show l
check_fails 'another namespace is not there' 'ip netns' qkdctl -n nowhere link
check_fails 'a link is not there' 'no link "x"' q link show x
check 'the text has the same' sh -c \
	"qkdctl -n ctl1 -s link show l | grep -q 'local-node hospital peer-node biobank local 10.77.0.1 peer 10.77.0.2 local fd77::1 peer fd77::2 peer-port 5000'"
check 'one frame is watched' sh -c "qkdctl -n ctl1 link watch l count 1 | grep -q 'hospital -> biobank'"
check 'stats count it' sh -c "qkdctl -n ctl1 stats | grep -q 'links 1: waiting 1'"
check 'it is deleted' q link del l
is 'and gone' "$(q -j link | jq length)" 0
if [ ! -d /sys/module/qkd_xfrm ]; then
	check_fails 'without qkd_xfrm: which module to load' 'modprobe qkd_xfrm' q tunnel
fi
