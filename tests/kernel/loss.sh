#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
#
# Each kind of message between the two ends' kernels is lost on the way, once and
# three times running: what it was for comes about all the same, both ends agree on
# the key (invariant 2), and the accounts are right (9). What a network does that
# loses at random is xfrm_netem's; memory that runs out, famine's.
#
#	hospital ---- lossy.py ---- tunnel t (icmp), a stream ---- lossy.py ---- biobank
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need python3
log_mark
topo_two_nodes
links peer-port 51999
feed start 200000
rule=$test_dir/rule
echo 0 0 0 > "$rule"
relay() { # NODE ADDRESS
	start on "$1" "$tree/tests/xfrm/lossy.py" "$2" 51999 "$rule" "$test_dir/hits.$1"
	wait_for 10 "on $1 ss -lun | grep -q :51999" || die 'no relay'
}
relay hospital 10.77.0.1
relay biobank 10.77.0.2

# lose PROTO TYPE N: from now on; $serial makes each rule another
serial=0
lose() {
	serial=$((serial + 1))
	echo "$1 $2 $3 $serial" > "$rule.new" && mv "$rule.new" "$rule"
}
spare() { lose 0 0 0; }
# lost N: at one end at least, under the present rule
lost() { grep -q "^$(cat "$rule") $1\$" "$test_dir"/hits.*; }

# loses NAME N CMD...: the message NAME, N times, while CMD, which succeeds
declare -A kinds=([OFFER]='2 1' [ACCEPT]='2 2' [REJECT]='2 3' [WANT]='2 4' [NONE]='2 5'
	[open]='1 1' [chunk]='1 2' [ack]='1 3' [want]='1 4' [close]='1 5')
loses() {
	local name=$1 n=$2

	shift 2
	# shellcheck disable=SC2086
	lose ${kinds[$name]} "$n"
	check "$name lost $n times: $1" "$@"
	check "... and it was" wait_for 5 lost "$n"
	spare
}

# ---- tunnels ----

both qkdctl tunnel add t link q mode transport proto icmp grace-time 300ms ||
	die 'no tunnel'
wait_live t || die 'the tunnel does not come up'
more_rekeys() { [ "$(field hospital t out.rekeys)" -gt "$1" ]; }
rekeyed() {
	local before

	before=$(field hospital t out.rekeys)
	on hospital qkdctl tunnel rekey t && wait_for 20 more_rekeys "$before"
}
refused() { field hospital t reason | grep -q 'refused by the peer: no such tunnel'; }
made_at_one_end() {
	on biobank qkdctl tunnel del t &&
	on hospital qkdctl tunnel rekey t && wait_for 20 refused
}
inbound_gone() {
	on hospital ip xfrm state deleteall dst 10.77.0.1 &&
	wait_for 20 "[ \"\$(field hospital t in.state)\" = idle ] ||
		[ \"\$(field hospital t in.wants)\" -gt 0 ]" &&
	wait_live t 20
}
made_anew() {
	on hospital qkdctl tunnel del t &&
	on hospital qkdctl tunnel add t link q mode transport proto icmp grace-time 300ms &&
	wait_live t 20 && rekeyed
}
for n in 1 3; do
	loses OFFER $n rekeyed
	loses ACCEPT $n rekeyed
	loses REJECT $n made_at_one_end
	on biobank qkdctl tunnel add t link q mode transport proto icmp grace-time 300ms
	check 'made there as well, it lives' wait_live t 20
	loses WANT $n inbound_gone
done
loses NONE 1 made_anew
# the newest is known to be in use when it carries something
on hospital ping -q -c 2 -i .2 10.77.0.2 > /dev/null
check 'replaced SAs are gone at both ends' wait_for 10 \
	"[ \$(sas hospital) = 2 ] && [ \$(sas biobank) = 2 ]"

# ---- streams ----

cat > "$test_dir/reader" << 'END'
import os, sys, time
device, out, first, go, more = sys.argv[1:]
fd = os.open(device, os.O_RDONLY)
out = open(out, "wb", 0)
def read(n):
    while n:
        data = os.read(fd, n)
        if not data:
            return
        out.write(data)
        n -= len(data)
read(int(first))
while go and not os.path.exists(go):
    time.sleep(.05)
read(int(more))
END
reads() { # END FIRST FILE MORE: waits for FILE in between
	local dev=dev_$1

	timeout 40 python3 "$test_dir/reader" "${!dev}" "$test_dir/stream.$1" "$2" "$3" "$4"
}
# holds END BYTES: so much was read there
holds() { [ "$(wc -c < "$test_dir/stream.$1")" = "$2" ]; }
# Biobank, which sorts first, leads; the other wants more than it has for itself.
# Neither leaves before both have read: what the leader was not yet told that the
# other took, it gives to nobody.
stream() {
	local a b

	rm -f "$test_dir"/{read,stream}.[ab]
	reads b 100 "$test_dir/read.a" 2900 &
	b=$!
	reads a 3000 "$test_dir/read.b" 0 &
	a=$!
	wait_for 10 holds a 3000 && touch "$test_dir/read.a" && wait_for 10 holds b 3000
	touch "$test_dir"/read.{a,b}
	wait $a && wait $b && cmp "$test_dir/stream.a" "$test_dir/stream.b"
}
# who reads on when the other has left is told so
stream_left() {
	local leader

	reads b 100 '' 0 &
	leader=$!
	reads a 100000 '' 0 && wait $leader &&
	cmp -n 100 "$test_dir/stream.a" "$test_dir/stream.b"
}
for n in 1 3; do
	for kind in open chunk ack want; do
		loses $kind $n stream
	done
	loses close $n stream_left
done

agree() {
	both qkdctl -j -s link show q | jq -e -s 'add | all(
		.tx.fed == .tx.consumed + .tx.lost + .tx.held and
		.rx.fed == .rx.consumed + .rx.lost + .rx.held)'
}
check 'the accounts agree' agree
log_check
