# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What tests and benchmarks of qkd_xfrm share; after tests/lib.sh:
#
#	xfrm_setup [BYTES]      two nodes, a link "q" between their wan devices
#				for IPv4 and IPv6, BYTES (60000) of key each way
#	both qkdctl tunnel add t link q
#
# No daemon runs: tests/feed gives both ends the same random blocks.

feeder=$O/tests/bin/qkd-feed

xfrm_need() {
	need_root
	need_cmd qkdctl jq ip "$@"
	[ -x "$feeder" ] || skip_all "needs $feeder: make -f tools/Makefile tests"
	kernel_has veth xfrm_user esp4 esp6 || :
	need_module qkd qkd_xfrm
}

# both CMD...: at both nodes
both() { on hospital "$@" && on biobank "$@"; }

# link_index NODE
link_index() { on "$1" qkdctl -j link show "${2:-q}" | jq '.[0].index'; }

# links ARGS...: the link at both ends, up
# shellcheck disable=SC2120 # tests of their own pass some
links() {
	on hospital qkdctl link add q local-node hospital peer-node biobank \
		local 10.77.0.1 peer 10.77.0.2 local fd77::1 peer fd77::2 "$@" &&
	on biobank qkdctl link add q local-node biobank peer-node hospital \
		local 10.77.0.2 peer 10.77.0.1 local fd77::2 peer fd77::1 "$@" &&
	both qkdctl link enable q || die "cannot make the link"
	dev_a=/dev/qkd$(link_index hospital) dev_b=/dev/qkd$(link_index biobank)
}

# feed start|add|keep ARGS...: key to both ends
feed() { "$feeder" "$dev_a" "$dev_b" "$@"; }

xfrm_setup() {
	topo_two_nodes
	links
	feed start "${1:-60000}" || die "cannot feed"
}

# field NODE TUNNEL WHAT: of qkdctl tunnel show, e.g. out.rekeys
field() { on "$1" qkdctl -j -s tunnel show "$2" | jq -r ".[0].$3"; }

# live TUNNEL: both directions of both ends have an SA
live() {
	local n

	for n in hospital biobank; do
		[ "$(field $n "$1" out.state)" = live ] || return 1
		case $(field $n "$1" in.state) in live|overlap) ;; *) return 1 ;; esac
	done
}

wait_live() { wait_for "${2:-15}" live "$1"; }

# sas NODE: how many there are; larval ones, of packets that wait, apart
sas() { on "$1" ip xfrm state | grep spi | grep -vc 'spi 0x00000000'; }

# no_errors: neither node dropped anything because of IPsec
no_errors() {
	local n

	for n in hospital biobank; do
		on $n awk -v n=$n '$2 { print n, $0; bad = 1 } END { exit bad }' \
			/proc/net/xfrm_stat || return 1
	done
}

# only_esp FILE: the capture holds packets, and but for the control messages
# and neighbour discovery all of them are ESP
only_esp() {
	local n

	n=$(tcpdump -Z root -n -r "$1" 'ip proto 50 or ip6 proto 50 or udp port 4500' 2>/dev/null | wc -l)
	[ "$n" -gt 0 ] || { echo "no ESP at all"; return 1; }
	clear_packets "$1" | head -5
	[ "$(clear_packets "$1" | wc -l)" = 0 ]
}

# clear_packets FILE: what is neither ESP nor control
clear_packets() {
	tcpdump -Z root -n -r "$1" 'not (ip proto 50 or ip6 proto 50 or udp port 51014 or udp port 4500 or arp or
		(icmp6 and ip6[40] >= 133 and ip6[40] <= 137) or ip6 multicast or ip multicast)' 2>/dev/null
}

# capture_both FILE: what either node sends on its wan device. (What it receives
# is shown twice in tunnel mode, as ESP and again when taken out of it.)
captures=''
capture_both() {
	capture_start hospital wan "$1.hospital" -Q out
	captures=$capture
	capture_start biobank wan "$1.biobank" -Q out
	captures="$captures $capture"
}

capture_both_stop() {
	local pid

	sleep 0.5
	for pid in $captures; do
		kill "$pid"
		wait "$pid" 2>/dev/null || :
	done
}

both_only_esp() { only_esp "$1.hospital" && only_esp "$1.biobank"; }
