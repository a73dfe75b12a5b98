#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
#
# No pad is used twice, whatever happens: new generations, links and devices
# deleted and made again, the module unloaded and loaded, several tunnels and
# queues at once, under traffic both ways. For OTP_ROUNDS (3); `make check-twotime`
# asks for many.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping tcpdump
rounds=${OTP_ROUNDS:-3}
topo_two_nodes

# hunt CAPTURE SEEN: with what earlier captures showed
hunt() { "$tree/tests/otp/pad_hunt.py" --seen "$2" "$1"; }

traffic() {
	local i

	for i in 0 1; do
		on hospital ping -q -f -w 2 -s 700 10.$((99 + i)).0.2 > /dev/null &
		on biobank ping -q -f -w 2 -s 300 10.$((99 + i)).0.1 > /dev/null &
	done
}

for ((round = 0; round < rounds; round++)); do
	rm -f "$test_dir/wan.pcap"
	capture_start hospital wan "$test_dir/wan.pcap" udp port 51015
	otp_links pool-size 1048576
	otp_feed
	otp_tunnel 0
	otp_tunnel 1 weight 300
	wait_for 10 on hospital ping -c 1 -W 1 10.99.0.2 || die "no key"
	traffic
	sleep 1
	case $((round % 3)) in
	0)	on hospital qkdctl link del ab ;;
	1)	on biobank qkdctl otp del otp0 ;;
	2)	stop $feeder; "$O/tests/bin/qkd-feed" "$dev_a" "$dev_b" start 65536 ;;
	esac
	sleep 1
	stop $feeder
	# shellcheck disable=SC2046 # several pids
	wait $(jobs -p | grep -v "^$capture\$") 2> /dev/null
	for n in hospital biobank; do
		for d in otp0 otp1; do ip -n $n link del $d 2> /dev/null; done
		for l in ab ba; do on $n qkdctl link del $l 2> /dev/null; done
	done
	[ "${QKD_NO_UNLOAD:-}" ] || { rmmod qkd_otp && insmod "$O/kmod-$(uname -r)/qkd_otp.ko"; } ||
		die "the module cannot be loaded again"
	capture_stop
	hunt "$test_dir/wan.pcap" "$test_dir/seen" >> "$test_dir/hunted" || break
done
is 'captures were hunted through' $round "$rounds"
is 'no byte of pad was used twice' "$(grep 'USED TWICE' "$test_dir/hunted")" ''
read -r packets bytes < <(awk '/faults$/ { p += $1; b += $3 } END { print p, b }' "$test_dir/hunted")
say "$packets packets, $bytes bytes"
at_least 'packets were compared' "$packets" $((100 * rounds))
at_least 'of both ends and each generation: streams' \
	"$(cut -d' ' -f1,2 "$test_dir/seen" | sort -u | wc -l)" $((2 * rounds))
# the hunter hunts: the last capture's beginning with one packet's offset moved
python3 - "$test_dir/wan.pcap" "$test_dir/bad.pcap" <<'P'
import sys
b = bytearray(open(sys.argv[1], "rb").read(1 << 20))
first, at = None, 24
while at < len(b):
    n = int.from_bytes(b[at + 8:at + 12], "little")
    ip = at + 16 + 14
    pad = ip + 28
    if n > 14 + 60 and b[ip] == 0x45 and b[pad] == 1:
        key = bytes(b[ip + 12:ip + 16] + b[pad + 4:pad + 10])
        if first and first[0] == key:
            b[pad + 10:pad + 16] = first[1]
            break
        first = first or (key, bytes(b[pad + 10:pad + 16]))
    at += 16 + n
open(sys.argv[2], "wb").write(b)
P
check_fails 'the hunter finds what is there' 'USED TWICE' hunt "$test_dir/bad.pcap" "$test_dir/none"
check_fails 'and what an earlier capture showed' 'USED TWICE' hunt "$test_dir/wan.pcap" "$test_dir/seen"
