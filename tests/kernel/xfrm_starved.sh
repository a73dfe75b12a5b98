#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Invariant 3: without key nothing leaves in clear. A starved tunnel blocks, or
# keeps its SA to the hard limit, as configured; its policies outlive the link
# and the module.
# timeout: 180
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need ping tcpdump python3 qkd-sim
topo_two_nodes
links

reaches() { on hospital ping -c 2 -i 0.2 -W 1 10.77.0.2; }
state() { field hospital t out.state; }

capture_both "$test_dir/pcap"

# no key at all
both qkdctl tunnel add t link q mode transport starved block rekey time 2s grace-time 500ms
check_fails 'before there is key, nothing passes' '100% packet loss' reaches
is 'and it waits for key' "$(state)" wait-key
check 'and says so' sh -c "ip netns exec hospital qkdctl tunnel show t | grep -q 'no key\|no generation'"

# what brings key must get past the tunnel that waits for it
cat > "$test_dir/dial" <<'EOF'
import socket, struct
s = socket.socket()
for dir in 0, 1:
    # struct xfrm_userpolicy_info: of AF_INET, allow
    policy = bytearray(168)
    policy[40:42] = struct.pack("=H", socket.AF_INET)
    policy[160] = dir
    s.setsockopt(socket.IPPROTO_IP, 17, bytes(policy))
s.settimeout(5)
s.connect(("10.77.0.2", 7000))
EOF
start on biobank qkd-sim serve tcp:10.77.0.2:7000
wait_for 10 on biobank sh -c 'ss -ltn | grep -q 7000'
check 'the simulator at the other end is reached without key' on hospital python3 "$test_dir/dial"

# enough for the generation's secrets and a few SAs
start on hospital qkdctl monitor
alarms=$test_dir/started.$test_started
feed start 1600
check 'key wakes it' wait_live t
check 'then packets pass' reaches

# 1600 - 64 secret - 1024 left to control leaves 14 keys: soon there is none
wait_for 60 '[ "$(state)" = wait-key ]'
is 'starved: it waits for key' "$(state)" wait-key
sleep 1
check_fails 'block: nothing passes' '100% packet loss' reaches
is 'block: the outbound SA is gone' "$(field hospital t out.spi)" null
check 'an alarm told it' grep -qi 'tunnel t' "$alarms"
feed add 20000
check 'key again: it goes on by itself' wait_live t 10
check 'and packets pass' reaches
both qkdctl tunnel del t

# programs that take each piece as it comes, smaller than a tunnel needs
feed start 1600
rest() { on "$1" qkdctl -j link show q | jq '.[0].tx.available'; }
programs=()
for n in hospital biobank; do
	start on $n qkdctl key get q size 8 count 1000000 wait 1h
	programs+=("$started")
	wait_for 10 "[ \$(rest $n) -lt 1032 ]" || die 'no key is taken'
done
both qkdctl tunnel add t link q mode transport rekey time 1h
wait_for 10 '[ "$(state)" = wait-key ]'
start "$feeder" "$dev_a" "$dev_b" keep 16 200
check 'programs leave a tunnel what it waits for' wait_live t 20
sleep 1
at_most 'and take the rest as before' "$(rest hospital)" 1100
for p in $started "${programs[@]}"; do
	stop "$p"
done
both qkdctl tunnel del t

# keep, and its end
feed start 1600
both qkdctl tunnel add t link q mode transport starved keep rekey time 1s \
	hard time 25s grace-time 500ms
wait_live t
wait_for 60 '[ "$(state)" = wait-key ]'
sleep 2
is 'keep: starved' "$(state)" wait-key
check 'keep: the old SA is used on' reaches
check 'keep: until its hard limit' wait_for 40 '! reaches'
both qkdctl tunnel del t

# the link and the module go, the policies do not
feed start 30000
both qkdctl tunnel add t link q mode transport rekey time 1s grace-time 500ms
wait_live t
on hospital qkdctl link del q
sleep 3
check_fails 'link deleted: nothing passes' '100% packet loss' reaches
rmmod qkd_xfrm
is 'module unloaded: its SAs are gone' "$(sas hospital)" 0
check_fails 'module unloaded: nothing passes' '100% packet loss' reaches
capture_both_stop
clear=$({ clear_packets "$test_dir/pcap.hospital"; clear_packets "$test_dir/pcap.biobank"; } |
	grep -v -F ' 10.77.0.2.7000')
is 'never did a packet leave in clear' "$clear" ''
at_least 'and the capture was awake' "$(tcpdump -Z root -n -r "$test_dir/pcap.hospital" ip proto 50 2>/dev/null | wc -l)" 10

# and the tunnel is made again over what it left
need_module qkd_xfrm
on hospital qkdctl link add q local-node hospital peer-node biobank \
	local 10.77.0.1 peer 10.77.0.2
on hospital qkdctl link enable q
dev_a=/dev/qkd$(link_index hospital)
feed start 30000
check 'made again' both qkdctl tunnel add t link q mode transport
wait_live t
check 'packets pass again' reaches
both qkdctl tunnel del t
# but the sockets' own, of what still runs
is 'no policy is left in the end' "$(both ip xfrm policy | grep '^[[:space:]]*dir ')" ''
