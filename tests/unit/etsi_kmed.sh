#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Drivers etsi014 and etsi004 against our own key service: both ends of a link
# get the same key, or none.
#
#	end 0: a1 -- KME a ---- link q0 ---- KME b -- b1 :end 1
# timeout: 120
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd openssl curl jq
pair=$O/tests/bin/etsi014_pair
[ -x "$pair" ] || skip_all "needs $pair: make tests"

kme_pki > /dev/null || die "no certificates"
kme_conf a b q0 '"listen-004": ["127.0.0.1:19447"],'
kme_conf b a q0-far '"listen-004": ["127.0.0.1:19448"],'
kme_start a
kme_start b
cd "$test_dir" || exit 1

# of SAE OTHER: certificates of a configuration
of() { echo "sae=$2 cert=$pki/$1.crt key=$pki/$1.key ca=$pki/ca.crt"; }
run() { # SECONDS WANT CONFIG0 CONFIG1 [DRIVER]: what came of it is in out
	timeout 60 "$pair" "$@" > out 2>&1
}
agree() { grep -q '^enough agree=[1-9][0-9]*,[1-9]' out || { cat out; return 1; }; }
none() { grep -q '^starved agree=0,0' out || { cat out; return 1; }; }

# ---- etsi014
k0="kme=https://127.0.0.1:${kme_port[a]} $(of a1 b1)"
k1="kme=https://127.0.0.1:${kme_port[b]} $(of b1 a1)"
run 20 20000 "$k0" "$k1"
check 'etsi014: both ends get the same key' agree
run 20 8000 "$k0 size=512 number=7" "$k1 size=512 number=7"
check 'etsi014: in keys of another size, fewer at once' agree
run 4 100 "$k0" "kme=https://127.0.0.1:${kme_port[b]} $(of b2 a1)"
check 'etsi014: with another SAE at one end, neither gets key' none

# what json-c, libcurl and OpenSSL had of it is wiped, too
if [ -n "${QKD_SANITIZED:-}" ]; then
	skip 'etsi014: key is nowhere when it was let go of' 'free() is the sanitizer'\''s'
else
	"$O/tests/bin/etsi014_residue" "https://127.0.0.1:${kme_port[a]}" b1 "$pki/a1.crt" \
		"$pki/a1.key" "$pki/ca.crt" > residue 2>&1
	at_least 'etsi014: key is found where it is looked for' \
		"$(sed -n 's/^held //p' residue)" 8
	is 'etsi014: and is nowhere when it was let go of' \
		"$(sed -n 's/^left //p' residue)" 0
fi

# ---- etsi004
s0="kme=127.0.0.1:19447 self=a1 $(of a1 b1)"
s1="kme=localhost:19448 self=b1 $(of b1 a1)"
run 20 200000 "$s0" "$s1" etsi004
check 'etsi004: both ends get the same key' agree
is 'etsi004: and no block differed' "$(grep -c '^verify=0' out)" 1
run 20 200000 "$s0 chunk=8191" "$s1 chunk=8191" etsi004
check 'etsi004: in keys of another size' agree
k=6f9619ff-8b86-d011-b42d-00cf4fc964ff
run 20 2000 "$s0 ksid=$k" "$s1 ksid=${k//-/}" etsi004
check 'etsi004: by a key stream ID that is told' agree
run 4 100 "$s0 ksid=$k" "$s1" etsi004
check 'etsi004: with one told to one end only, neither gets key' none
run 5 100 "$s0" "$s1 chunk=64" etsi004
check 'etsi004: with another size at one end, neither gets key' none
run 5 100 "$s0" "${s1/self=b1/self=b2}" etsi004
check 'etsi004: as another SAE than the certificate says, none' none
check 'etsi004: and it is told why' grep -q 'status 4' out
run 5 100 "$s0" "${s1/localhost:19448/127.0.0.1:1}" etsi004
check 'etsi004: with one end without key manager, neither gets key' none
run 5 100 "$s0" "${s1/pki\/ca.crt/pki/a1.crt}" etsi004
check 'etsi004: a key manager that the CA does not know is not believed' none

# one that is killed in the midst: the stream's next life is another. Each life
# has so many bytes only, so that more tells of two.
stop "${kme_pid[a]}"
stop "${kme_pid[b]}"
export QKD_STANDIN_STREAM=200000
kme_start a
kme_start b
(
	sleep 5
	kill -9 "${kme_pid[b]}"
	sleep 1
	exec "$O/tests/bin/kmed_standin" -c "$test_dir/b.json" > "$test_dir/b.log" 2>&1
) 2> /dev/null &
at_exit kill $!
# a life gives 100000 bytes each way at most
run 50 102000 "$s0" "$s1" etsi004
check 'etsi004: across the death of a KME both ends get the same key' agree
is 'etsi004: and no block differed' "$(grep -c '^verify=0' out)" 1
