#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
#
# Memory runs out at random under everything the modules allocate, also where no
# program waits for it: packets, timers, works, messages of the peer (faults.c
# does so call by call). What was on its way is lost; what is read of a stream
# is the same at both ends (invariant 2), nothing leaves in clear (3), what failed
# is in nobody's way (6), the accounts agree (9), and when there is memory again
# everything works.
#
#	hospital ---- tunnel t (icmp), otp0, a stream, churn ---- biobank
#
# Needs failslab with a filter by stack: the debug kernel.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need ping python3 tcpdump
fault=/sys/kernel/debug/failslab
[ -e $fault/require-start ] || skip_all 'needs failslab and its filter: the debug kernel'
need_module qkd_otp
xfrm_setup 60000
log_mark
both qkdctl tunnel add t link q mode transport proto icmp rekey packets 40 grace-time 300ms ||
	die 'no tunnel'
otp_up() {
	both qkdctl otp add otp0 link q &&
	ip -n hospital addr add 10.99.0.1/24 dev otp0 &&
	ip -n biobank addr add 10.99.0.2/24 dev otp0 &&
	both ip link set otp0 up
}
otp_up || die 'no one-time-pad device'
# Nearly all that is used is biobank's: what hospital has too much of, or sent in
# vain, is not to be in the way of more.
both qkdctl link set q rx-grace 1s || die 'no rx-grace'
feed_always() {
	while :; do
		"$feeder" -t "$dev_a" "$dev_b" keep 4096 50
		sleep .05
	done > "$test_dir/feed" 2>&1
}
feed_always &
at_exit kill $!
wait_live t || die 'the tunnel does not come up'
pings() { # NODE ADDRESS
	on "$1" ping -q -c 3 -i .2 -W 2 "$2"
}
wait_for 10 pings hospital 10.99.0.2 || die 'no packets under pad'

# text_of MODULE...: from..to; whoever allocates has been called from there
text_of() {
	local m at size

	from='' to=0
	for m in "$@"; do
		at=$(cat "/sys/module/$m/sections/.text") size=$(cat "/sys/module/$m/coresize")
		[ "$from" ] && ((at > from)) || from=$((at))
		((at + size < to)) || to=$((at + size))
	done
}
# where sysfs refuses a new device, the kernel itself errs: free_netdev() frees
# what this kernel lets go of late
map=$("$tree/tests/vm/debug-kernel.sh" --dir)/System.map
[ -e "$map" ] || map=/proc/kallsyms # takes minutes
mapfile -t not < <(grep -m 1 -A 1 ' netdev_register_kobject$' "$map" | cut -d ' ' -f 1)
[ ${#not[@]} = 2 ] || die 'no netdev_register_kobject'
starve() { # PERCENT
	echo 0 > $fault/verbose
	echo N > $fault/task-filter
	echo N > $fault/ignore-gfp-wait
	printf '0x%x' "$from" > $fault/require-start
	printf '0x%x' "$to" > $fault/require-end
	echo "0x${not[0]}" > $fault/reject-start
	echo "0x${not[1]}" > $fault/reject-end
	echo 32 > $fault/stacktrace-depth
	echo 1000000 > $fault/times
	echo "$1" > $fault/probability
}
feast() {
	echo 0 > $fault/probability
	echo 0 > $fault/require-start
	echo 0xffffffffffffffff > $fault/require-end
	echo 0 > $fault/reject-start
	echo 0 > $fault/reject-end
}
at_exit feast

# reader FILE DEVICE: all that a stream gives, whatever fails meanwhile
cat > "$test_dir/reader" << 'END'
import errno, os, sys
fd = os.open(sys.argv[2], os.O_RDONLY)
out = open(sys.argv[1], "wb", 0)
while True:
    try:
        data = os.read(fd, 100)
    except OSError as e:
        if e.errno in (errno.ENOMEM, errno.EAGAIN):
            continue
        sys.exit(e.strerror)
    if not data:
        break
    out.write(data)
END
start python3 "$test_dir/reader" "$test_dir/stream.a" "$dev_a"
start python3 "$test_dir/reader" "$test_dir/stream.b" "$dev_b"

# churn I: of everything that can be asked for; any of it may fail
churn() {
	both qkdctl tunnel add "u$1" link q mode transport proto tcp dport 7
	both qkdctl otp add otp1 link q id 2 port 51017 remote-port 51017 fallback t
	both qkdctl -j -s link show
	both qkdctl -j -s tunnel show
	on hospital qkdctl key get q size 32 wait 0
	both qkdctl tunnel rekey t
	on biobank qkdctl link set q low-watermark $((4096 + $1))
	both qkdctl otp set otp1 weight $((1 + $1))
	both qkdctl otp del otp1
	both qkdctl tunnel del "u$1"
}
failed() { echo $((1000000 - $(cat $fault/times))); }
storm() {
	local i end=$((SECONDS + ${QKD_FAMINE_SECONDS:-10}))

	on hospital ping -q -i .01 -w 60 10.77.0.2 &
	on biobank ping -q -i .01 -w 60 10.99.0.1 &
	for ((i = 0; SECONDS < end || $(failed) < 100; i++)); do
		churn $i
	done
	kill %% %- 2>/dev/null
}

capture_both "$test_dir/wire"
text_of qkd qkd_xfrm qkd_otp
starve 4
(storm) > "$test_dir/storm" 2>&1
feast
capture_both_stop
at_least 'allocations failed' "$(failed)" 100
for n in hospital biobank; do
	on $n qkdctl otp del otp1
	on $n qkdctl -j tunnel show | jq -r '.[].name' | grep '^u' |
		while read -r t; do on $n qkdctl tunnel del "$t"; done
done > /dev/null 2>&1

no_icmp_in_clear() {
	! tcpdump -Z root -n -r "$test_dir/wire.hospital" icmp 2> /dev/null | grep . &&
	! tcpdump -Z root -n -r "$test_dir/wire.biobank" icmp 2> /dev/null | grep .
}
check 'meanwhile no packet left in clear' no_icmp_in_clear
check 'the tunnel lives afterwards' wait_live t 30
rekeyed() {
	local before

	before=$(field "$1" t out.rekeys)
	on "$1" qkdctl tunnel rekey t &&
	wait_for 20 "[ \$(field $1 t out.rekeys) -gt $before ]"
}
check 'and is rekeyed at one end' rekeyed hospital
check 'and at the other' rekeyed biobank
check 'packets pass under IPsec' wait_for 20 pings biobank 10.77.0.1
check 'and under one-time pad' wait_for 20 pings hospital 10.99.0.2

sleep 1
same_beginning() {
	python3 - "$test_dir/stream.a" "$test_dir/stream.b" << 'END'
import sys
a, b = (open(f, "rb").read() for f in sys.argv[1:])
n = min(len(a), len(b))
print(len(a), len(b))
sys.exit(not (n and a[:n] == b[:n]))
END
}
check 'the stream gave the same at both ends' same_beginning
key_is_same() {
	local id key

	read -r id key < <(on hospital qkdctl key get q size 32 wait 5s)
	[ -n "$key" ] && [ "$(on biobank qkdctl key get "$id")" = "$id $key" ]
}
check 'keys are the same at both ends' wait_for 20 key_is_same
# what was fed was used, lost, or is held
agree() {
	both qkdctl -j -s link show q | jq -e -s 'add | all(
		.tx.fed == .tx.consumed + .tx.lost + .tx.held and
		.rx.fed == .rx.consumed + .rx.lost + .rx.held)'
}
check 'the accounts agree' agree

# A link that moves needs other exceptions from its tunnels' policies. (A tunnel
# whose messages they kept would wait for ever.)
let_pass() { # ADDRESS
	on hospital ip xfrm policy | grep -q "^src 10.77.0.1/32 dst $1/32 proto udp sport 51014"
}
lacks() { dmesg | tail -n +$((test_mark + 1)) | grep -q 'lacks an exception'; }
on hospital qkdctl tunnel add wide link q mode tunnel src 10.77.0.0/16 dst 10.77.0.0/16 ||
	die 'no second tunnel'
let_pass 10.77.0.2 || die 'the link is under its own tunnel'
text_of qkd_xfrm
starve 100
on hospital qkdctl link set q peer 10.77.0.9 || die 'the link does not move'
check 'no memory for an exception' wait_for 10 lacks
check 'the one before stays' let_pass 10.77.0.2
feast
check 'and goes when there is memory' wait_for 10 '! let_pass 10.77.0.2'
check 'for the other' let_pass 10.77.0.9
log_check
