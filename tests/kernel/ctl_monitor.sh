#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkdctl monitor tells of what happens in its namespace, of that only, and
# goes on when the module is unloaded and loaded again.
# timeout: 240
. "$(dirname "$0")/../lib.sh"
need_root
need_module qkd
need_cmd jq ip
ip netns add ctl1 || die 'cannot make a namespace'
at_exit ip netns del ctl1
log=$test_dir/log
q() { qkdctl -n ctl1 "$@"; }

qkdctl -n ctl1 -j monitor >"$log" 2>"$test_dir/err" &
pid=$!
at_exit kill $pid
# heard WHAT: one of the lines has it
heard() { wait_for 60 "jq -n -e '[inputs | select($1)] != []' '$log' >/dev/null"; }

# it listens once it has said of a link that comes and goes meanwhile
listens() {
	for _ in $(seq 20); do
		q link add first local-node a peer-node b
		q link del first
		[ -s "$log" ] && return
		sleep 0.2
	done
	return 1
}
check 'it listens' listens
q link add l local-node a peer-node b
check 'a new link' heard '.event == "link" and .name == "l" and .oper_state == "waiting"'
q link disable l
check 'its change' heard '.event == "link" and .name == "l" and .admin_state == "down"'
qkdctl link add elsewhere local-node a peer-node b
q link del l
check 'its end' heard '.event == "link-del" and .name == "l"'
check 'nothing of another namespace' sh -c "! grep -q elsewhere '$log'"
qkdctl link del elsewhere
if [ -e "$O/kmod-$(uname -r)/qkd.ko" ] && rmmod qkd 2>"$test_dir/err2"; then
	check 'the module going' heard '.event == "module-down" and .family == "qkd"'
	insmod "$O/kmod-$(uname -r)/qkd.ko" || die 'cannot load it again'
	check 'and coming' heard '.event == "module-up"'
	q link add again local-node a peer-node b
	check 'and links made since' heard '.event == "link" and .name == "again"'
	q link del again
else
	skip 'the module going and coming' 'it is in use'
fi
check 'it is still there' kill -0 $pid
