#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A node sleeps and wakes, longer than its tunnels' keys should live: packets
# pass and rekeys go on afterwards, under IPsec and one-time pad, a reader goes
# on with its stream, and no key comes twice (invariant 1).
#
# Needs a guest that somebody wakes: user-mode Linux (tests/vm/uml); and that is
# asked for, QKD_SUSPEND=1, since that kernel's own code complains when it wakes.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need ping
[ "${QKD_SUSPEND:-}" ] || skip_all 'not asked for (QKD_SUSPEND=1)'
case $(uname -r) in *-qkd-debug) ;; *) skip_all 'needs a guest that is woken: user-mode Linux' ;; esac
grep -q -w freeze /sys/power/state || skip_all 'this kernel cannot be suspended'
need_module qkd_otp
xfrm_setup
log_mark
both qkdctl tunnel add t link q mode transport proto icmp rekey time 2s grace-time 500ms ||
	die 'no tunnel'
both qkdctl otp add otp0 link q || die 'no one-time-pad device'
ip -n hospital addr add 10.99.0.1/24 dev otp0
ip -n biobank addr add 10.99.0.2/24 dev otp0
both ip link set otp0 up
start "$feeder" "$dev_a" "$dev_b" keep 8192 100
wait_live t || die 'the tunnel does not come up'

declare -a used=()
works() { # WHEN
	check "$1: packets pass under IPsec" wait_for 15 on hospital ping -c 2 -i .2 -W 3 10.77.0.2
	check "$1: and under one-time pad" wait_for 15 on biobank ping -c 2 -i .2 -W 3 10.99.0.1
	before=$(field biobank t out.rekeys)
	check "$1: SAs are replaced" wait_for 20 "[ \$(field biobank t out.rekeys) -gt $before ]"
	used+=("$(on hospital qkdctl key get q size 32 wait 5s | awk '{ print $2 }')")
}

# suspended SECONDS: and woken from outside
suspended() {
	local before=$SECONDS

	echo "$1" > "$QKD_OUT/wake"
	echo freeze > /sys/power/state && [ $((SECONDS - before)) -ge $(($1 - 1)) ]
}

works 'before'
head -c 3000 "$dev_a" > "$test_dir/a" &
reader=$!
sleep .5
for i in 1 2; do
	check "the machine sleeps, time $i" suspended 5
	works "after it woke, time $i"
done
head -c 3000 "$dev_b" > "$test_dir/b"
wait $reader
check 'who read a stream meanwhile read what the peer does' cmp "$test_dir/a" "$test_dir/b"
is 'three keys were given, all different' \
	"$(printf '%s\n' "${used[@]}" | sort -u | grep -c .)" 3
# where the kernel's idle loop wakes RCU does not watch, and it warns of itself
dmesg | tail -n +$((test_mark + 1)) | awk '
	/PM: suspend entry/ { asleep = 1 }
	!asleep || /KASAN|UBSAN|BUG|ODEBUG|refcount/
	/PM: suspend exit/ { asleep = 0 }' > "$test_dir/log"
check 'the kernel reports nothing but that' "$tree/tests/vm/check-log" "$test_dir/log"
[ $ktap_failed != 0 ] || dmesg -C
