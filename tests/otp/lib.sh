# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the one-time-pad tunnels' tests share; sourced after tests/lib.sh.
#
#	hospital                                      biobank
#	  wan  10.77.0.1 -- fd77::1 ==== 10.77.0.2 -- fd77::2  wan
#	  otp0 10.99.0.1    fd99::1      10.99.0.2    fd99::2  otp0
#
# Link "ab" is hospital's, "ba" biobank's; their devices are $dev_a, $dev_b.

# otp_links [KEY VALUE]...: one QKD link, both ends, and a generation of key
otp_links() {
	on hospital qkdctl link add ab local-node hospital peer-node biobank \
		local 10.77.0.1 peer 10.77.0.2 rx-grace 1s state up "$@" ||
		die "no link at hospital"
	on biobank qkdctl link add ba local-node biobank peer-node hospital \
		local 10.77.0.2 peer 10.77.0.1 rx-grace 1s state up "$@" ||
		die "no link at biobank"
	dev_a=/dev/qkd$(otp_index hospital ab)
	dev_b=/dev/qkd$(otp_index biobank ba)
	wait_for 5 test -e "$dev_a" -a -e "$dev_b" || die "no device nodes"
}

otp_index() {
	on "$1" qkdctl -j link show "$2" |
		python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["index"])'
}

# otp_feed [OPTIONS]: key for both ends, in the background; pid: $feeder
otp_feed() {
	"$O/tests/bin/qkd-feed" -t "$@" "$dev_a" "$dev_b" keep &
	feeder=$!
	at_exit stop $feeder
}

# otp_fill [BLOCK]: key for each way, as much as there is room for, now
otp_fill() {
	"$O/tests/bin/qkd-feed" -t -b "${1:-32768}" "$dev_a" "$dev_b" fill ||
		die "the pools cannot be filled"
}

# otp_tunnel N [KEY VALUE]...: device otpN at both ends, addresses 10.(99+N).0.x
otp_tunnel() {
	local n=$1 net=$((99 + $1))

	shift
	on hospital qkdctl otp add "otp$n" link ab id $((n + 1)) "$@" &&
	on biobank qkdctl otp add "otp$n" link ba id $((n + 1)) "$@" ||
		die "no tunnel"
	ip -n hospital addr add 10.$net.0.1/24 dev "otp$n"
	ip -n biobank addr add 10.$net.0.2/24 dev "otp$n"
	ip -n hospital addr add fd99:$n::1/64 dev "otp$n" nodad
	ip -n biobank addr add fd99:$n::2/64 dev "otp$n" nodad
	ip -n hospital link set "otp$n" up &&
	ip -n biobank link set "otp$n" up || die "tunnel does not come up"
}

# otp_stat NODE DEVICE NAME: a counter of ethtool -S
otp_stat() {
	on "$1" ethtool -S "$2" | awk -v n="$3:" '$1 == n { print $2 }'
}

otp_need() {
	need_root
	need_cmd ethtool python3 "$@"
	need_kernel veth udp_tunnel ip6_udp_tunnel
	need_module qkd_otp
}
