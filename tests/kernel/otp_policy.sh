#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
#
# To IPsec policies a one-time-pad device's packets are like any others: where a
# tunnel of the same link covers everything between two hosts they go under ESP,
# also when the tunnel comes after the device; where it leaves out their port,
# beside it. And such a tunnel serves as fallback.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need ping tcpdump
kernel_has esp4 esp6 xfrm_user || :
need_module qkd_xfrm
both() { on hospital "$@" && on biobank "$@"; }
topo_two_nodes
otp_links pool-size 1048576 local fd77::1 peer fd77::2
on biobank qkdctl link set ba local fd77::2 peer fd77::1 || die "no IPv6"
otp_feed -r 400000
otp_tunnel 0
otp_tunnel 1 remote fd77::2
on biobank qkdctl otp set otp1 remote fd77::1
reaches() { on hospital ping -q -c 3 -i 0.2 -W $((2 * ${QKD_SLOW:-1})) "$@"; }
wait_for 10 reaches 10.99.0.2 || die "no key"
wait_for 10 reaches 10.100.0.2 || die "no key"
seen() { tcpdump -n -r "$test_dir/wan.pcap" "$1" 2> /dev/null | wc -l; }
pad_bytes() { otp_stat hospital otp0 tx_pad_bytes; }
# around CMD...: what is on the wire meanwhile
around() {
	capture_start hospital wan "$test_dir/wan.pcap"
	"$@"
	capture_stop
}

for f in 4 6; do
	case $f in
	4)	ends=('' '') ;;
	6)	ends=('src fd77::1/128 dst fd77::2/128' 'src fd77::2/128 dst fd77::1/128') ;;
	esac
	# shellcheck disable=SC2086 # several words
	on hospital qkdctl tunnel add all$f link ab mode transport ${ends[0]} &&
		on biobank qkdctl tunnel add all$f link ba mode transport ${ends[1]} ||
		die "no tunnel"
done
was=$(pad_bytes)
around check 'a tunnel over everything: pad packets arrive' wait_for 10 reaches 10.99.0.2
at_least 'under pad' $(($(pad_bytes) - was)) 300
at_least 'and under ESP' "$(seen esp)" 6
is 'not beside it' "$(seen 'udp port 51015')" 0
around check 'over IPv6 as well' wait_for 10 reaches 10.100.0.2
at_least 'under ESP' "$(seen 'ip6 and esp')" 6
is 'not beside it' "$(seen 'ip6 and udp port 51015')" 0
check 'packets as large as the MTU' reaches -M 'do' -s 1412 10.99.0.2
check 'and larger ones' reaches -s 5000 fd99:1::2

both qkdctl otp set otp0 fallback all4 key-reserve 1048576 || die "no fallback"
check 'it serves as a fallback' wait_for 10 reaches 10.99.0.2
at_least 'which is counted' "$(otp_stat biobank otp0 rx_fallback)" 3
both qkdctl otp set otp0 fallback none key-reserve 0

for n in hospital biobank; do
	on $n qkdctl tunnel del all4
done
on hospital qkdctl tunnel add most link ab mode transport proto icmp &&
	on biobank qkdctl tunnel add most link ba mode transport proto icmp || die "no tunnel"
wait_for 10 reaches 10.77.0.2
around check 'a tunnel that leaves them out: pad packets arrive' wait_for 10 reaches 10.99.0.2
at_least 'beside it' "$(seen 'udp port 51015')" 6
