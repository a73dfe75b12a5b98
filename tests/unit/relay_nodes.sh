#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Key relayed over trusted nodes: both ends of a virtual link get the same, and
# nodes that die, lie or lose leave both with none that differs.
# timeout: 180
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/relay/lib.sh"
need_cmd python3
[ -x "$O/tests/bin/relay_pair" ] || skip_all "needs $O/tests/bin/relay_pair: make tests"
# shellcheck disable=SC2154
out=$test_dir/out

agree() { grep -q '^enough agree=[1-9][0-9]*,[1-9]' "$out" || { cat "$out"; return 1; }; }
# none: no key came, and none that differs
none() { grep -q '^starved agree=0,0' "$out" || { cat "$out"; return 1; }; }
quiet() { grep -q '^driver0=0' "$out" && grep -q '^driver1=0' "$out" && ! grep -q 'verify.=[1-9]' "$out" || { cat "$out"; return 1; }; }
lie() { QKD_RELAY_LIE=$1 relay_start biobank relayd_liar && relay_wait biobank; }
residue() { python3 "$tree/tests/relay/residue.py" "${relay_pid[$1]}" "$test_dir/key"; }

relay_start_all
# ---- as it should be
pair 10 200000
check 'key of two shares, by two paths, is the same at both ends' agree
check 'and nobody complains' quiet
RELAY_PAIR_KEY=$test_dir/key pair 10 200000 shares=1
check 'so is key of one share' agree
is 'of which nothing is left in the node between' "$(residue biobank)" 0

# ---- a node in between dies
pair_later 10 1200000
sleep 1
relay_kill institute
sleep .3
relay_start institute
pair_end
check 'a node that is started anew carries key again' agree
relay_kill institute
pair 3 100000
check 'without it there is no key of two shares' none
check 'and the origin says why' grep -q '^driver0=[1-9].*1 of 2 paths.*no session with institute' "$out"
pair 8 200000 shares=1 paths=institute,biobank
check 'key of one share goes by the other path' agree
relay_start institute
relay_wait institute
pair_later 10 1200000 shares=1 paths=biobank,institute
sleep 1
relay_kill biobank
pair_end
check 'also when a node dies under way' agree
relay_start biobank

# ---- an end dies
pair_later 15 1800000
sleep 1
relay_kill hospital
relay_start hospital
sleep 1
relay_kill clinic
relay_start clinic
pair_end
check 'ends that are started anew go on, and agree' agree

# ---- nodes that lie
relay_kill biobank
lie key
pair 3 100000
check 'key altered by one node of two paths is fed at neither end' none
check 'the first end raises the alarm' grep -q '^verify0=[1-9]' "$out"
check 'so does the other' grep -q '^verify1=[1-9]' "$out"
check 'and the path is named' grep -q '^driver0=.*biobank: a node of it altered key' "$out"
pair 3 100000 paths=biobank
check 'key altered by the only node is not fed either' none
pair 8 200000 shares=1
check 'the other path takes over from the one that lied' agree
check 'with the alarm' grep -q '^verify0=1$' "$out"

relay_kill biobank
lie tag
pair 8 200000 shares=1
check 'after a wrong one-time tag the other path takes over, too' agree
check 'which is no matter of the ends' grep -q '^verify0=0' "$out"
check 'the neighbour says that the node lies' grep -q "one-time tag is wrong" "$test_dir/clinic.log"

relay_kill biobank
lie lose
pair 8 200000
check 'a lost chunk costs a block' agree
check 'of which the origin hears' grep -q 'clinic says: chunks were lost' "$test_dir/hospital.log"

relay_kill biobank
lie keep
RELAY_PAIR_KEY=$test_dir/key pair 10 200000 shares=1 paths=biobank
at_least 'a node that keeps what it knows is seen to' "$(residue biobank)" 10

# ---- what is not allowed, or not there
relay_kill biobank
relay_start biobank relayd_standin 'allow hospital institute'
relay_wait biobank
pair 3 100000 paths=biobank
check 'a node relays only for whom it is told' none
check 'and says so' grep -q "biobank says: relaying between these ends is not allowed" "$out"
pair 3 100000 paths=atlantis
check 'a path over an unknown node gives no key' none
check 'with the reason' grep -q 'no link to atlantis' "$out"
relay_kill biobank
QKD_STANDIN_RATE='q2=1000' relay_start biobank relayd_standin 'hold 1'
relay_wait biobank
pair 4 100000 paths=biobank
check 'a hop without key gives none' none
check 'and is named' grep -q 'biobank says: the link to the next node has too little key' "$out"
