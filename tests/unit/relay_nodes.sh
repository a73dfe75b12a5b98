#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Key relayed over trusted nodes: both ends of a virtual link get the same, and
# nodes that die, lie or lose leave both with none that differs.
# timeout: 180
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/relay/lib.sh"
need_cmd python3
[ -x "$O/tests/bin/relay_pair" ] || skip_all "needs $O/tests/bin/relay_pair: make tests"

agree() { grep -q '^enough agree=[1-9][0-9]*,[1-9]' "$out" || { cat "$out"; return 1; }; }
# none: no key came, and none that differs
none() { grep -q '^starved agree=0,0' "$out" || { cat "$out"; return 1; }; }
quiet() { ! grep -q -E '^(driver|verify).=[1-9]' "$out" || { cat "$out"; return 1; }; }
# says WORDS [FILE]
says() { grep -q -E -e "$1" "${2:-$out}" || { cat "${2:-$out}"; return 1; }; }
lie() { QKD_RELAY_LIE=$1 relay_start biobank relayd_liar && relay_wait biobank; }
residue() { python3 "$tree/tests/relay/residue.py" "${relay_pid[$1]}" "$test_dir/key"; }

good() {
	relay_start_all
	pair 10 200000
	check 'key of two shares, by two paths, is the same at both ends' agree
	check 'and nobody complains' quiet
	RELAY_PAIR_KEY=$test_dir/key pair 10 200000 shares=1
	check 'so is key of one share' agree
	is 'of which nothing is left in the node between' "$(residue biobank)" 0
	relay_kill biobank
	lie keep
	RELAY_PAIR_KEY=$test_dir/key pair 10 200000
	is 'nor is any in one that keeps its share of two' "$(residue biobank)" 0
	RELAY_PAIR_KEY=$test_dir/key pair 10 200000 shares=1 paths=biobank
	at_least 'as there is in one that keeps the only share' "$(residue biobank)" 10
}

node_dies() {
	relay_start_all
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
	check 'and the origin says why' says '^driver0=[1-9].*1 of 2 paths.*no session with institute'
	pair 8 200000 shares=1 paths=institute,biobank
	check 'key of one share goes by the other path' agree
	relay_start institute
	relay_wait institute
	pair_later 10 1200000 shares=1
	sleep 1
	relay_kill biobank
	pair_end
	check 'also when a node dies under way' agree
}

end_dies() {
	relay_start_all
	pair_later 15 1800000
	sleep 1
	relay_kill hospital
	relay_start hospital
	sleep 1
	relay_kill clinic
	relay_start clinic
	pair_end
	check 'ends that are started anew go on, and agree' agree
}

node_lies() {
	relay_start_all
	relay_kill biobank
	lie key
	pair 3 100000
	check 'key altered by one node of two paths is fed at neither end' none
	check 'the first end raises the alarm' says '^verify0=[1-9]'
	check 'so does the other' says '^verify1=[1-9]'
	check 'and the path is named' says '^driver0=.*biobank: a node of it altered key'
	pair 3 100000 paths=biobank
	check 'key altered by the only node is not fed either' none
	pair 8 200000 shares=1
	check 'the other path takes over from the one that lied' agree
	check 'after one alarm' says '^verify0=1$'
}

node_errs() {
	relay_start_all
	relay_kill biobank
	lie tag
	pair 8 200000 shares=1
	check 'after a wrong one-time tag the other path takes over, too' agree
	check 'which is no matter of the ends' says '^verify0=0'
	check 'the neighbour says that the node lies' says 'one-time tag is wrong' "$test_dir/clinic.log"
	relay_kill biobank
	lie seal
	pair 8 200000 shares=1
	check 'so it does after a wrong session tag' agree
	check 'for which no key is taken' says 'forged or damaged' "$test_dir/clinic.log"
	relay_kill biobank
	lie lose
	pair 8 300000
	check 'a lost chunk costs a block' agree
	check 'of which the origin hears' says 'clinic says: chunks were lost' "$test_dir/hospital.log"
}

node_refuses() {
	relay_start_all
	pair 3 100000 paths=atlantis
	check 'a path over an unknown node gives no key' none
	check 'with the reason' says 'no link to atlantis'
	relay_kill biobank
	relay_start biobank relayd_standin 'allow hospital institute'
	relay_wait biobank
	pair 4 100000 paths=biobank
	check 'a node relays only for whom it is told' none
	check 'and says so' says 'biobank says: relaying between these ends is not allowed'
	relay_kill biobank
	QKD_STANDIN_RATE='q2=1000' relay_start biobank relayd_standin 'hold 1'
	relay_wait biobank
	pair 5 100000 paths=biobank
	check 'a hop without key gives none' none
	check 'and is named' says 'biobank says: the link to the next node has too little key'
}

strangers() {
	nonsense() {
		python3 "$tree/tests/relay/stranger.py" "$1" "${relay_ip[clinic]}" \
			$relay_port biobank clinic
	}

	relay_start_all
	is 'who says nonsense is hung up on' "$(nonsense 127.0.0.9)" 36
	check_fails 'and no key is looked for, whatever he says' . \
		says 'no session: |false HELLO' "$test_dir/clinic.log"
	sleep 1	# since it said HELLO
	is "so is who does from a neighbour's address" "$(nonsense "${relay_ip[biobank]}")" 36
	check 'whose word is looked into' says 'no session: |false HELLO' "$test_dir/clinic.log"
	pair 8 200000
	check 'neighbours are served all the same' agree
	check 'and nobody complains' quiet
}

for g in good node_dies end_dies node_lies node_errs node_refuses strangers; do
	relay_group $g $g
done
relay_groups_end
