#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An old copy of a KME's store is put back: the KME at the other end knows better,
# and no SAE gets key twice. One that was only restarted gives what waited.
# timeout: 120
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd curl jq openssl

kme_pki > /dev/null || die "no certificates"
for e in a b; do
	head -c 32 /dev/urandom > "$test_dir/$e.seal"
done
kme_conf a b q0 "\"store\": \"$test_dir/a.store\", \"store-key\": \"$test_dir/a.seal\","
kme_conf b a q0-far "\"store\": \"$test_dir/b.store\", \"store-key\": \"$test_dir/b.seal\","
kme_start a
kme_start b

# key NAME: of a1 for b1, kept there as well
key() {
	sae a1 a b1 enc_keys | body > "$test_dir/$1"
	jq -c '{ key_IDs: [ .keys[] | { key_ID } ] }' "$test_dir/$1" > "$test_dir/$1.ids"
}
# fetch NAME: what b1 is answered
fetch() { sae b1 b a1 dec_keys -d "@$test_dir/$1.ids" | status; }
end() { kill -9 "${kme_pid[$1]}"; wait "${kme_pid[$1]}" 2> /dev/null; }
said() { cat "$test_dir/b.log"; grep -q "$1" "$test_dir/b.log"; }

key one
key two
key three
is 'key is fetched' "$(fetch one)" 200
sleep 1		# in which it is told
end b
kme_start b
is 'after a restart, what waited is given' "$(fetch two)" 200
is 'and what was fetched is not' "$(fetch one)" 400
sleep 1
end b
cp "$test_dir/b.store" "$test_dir/old"
kme_start b
is 'more is given' "$(fetch three)" 200
key four
sleep 1

# the copy, in which "three" waits
end b
cp "$test_dir/old" "$test_dir/b.store"
kme_start b
is 'an old copy is put back: no key is given twice' "$(fetch three)" 400
check 'and it is said why' said 'seen the store further, this is an old copy: [1-9][0-9]* bytes of key'
# what was announced before, which the copy lacks, goes with a reload
fresh() {
	kill -HUP "${kme_pid[a]}"
	sleep 0.3
	key five && [ "$(fetch five)" = 200 ]
}
check 'fresh key is given' wait_for 10 fresh
sleep 1
end b
kme_start b
is 'and not again' "$(fetch five)" 400

# the same copy again, of which nothing is known any more but that it is another
end b
cp "$test_dir/old" "$test_dir/b.store"
kme_start b
is 'put back once more, nor then' "$(fetch three)" 400
check 'it is said that it is another' said 'knows another store of ours'

# the other KME is away at the start
wait_for 10 fresh || die "no fresh key"
key six
sleep 1
end b
end a
kme_start b
is 'with nobody to ask, what waited is not given' "$(fetch six)" 503
fetch six > /dev/null &	# still waits for the answer
kill -HUP "${kme_pid[b]}"
wait_for 5 "grep -q 'read again' $test_dir/b.log"
is 'nor by settings read anew meanwhile' "$(fetch six)" 503
kme_start a
check 'but once there is' wait_for 10 '[ "$(fetch six)" = 200 ]'
sleep 1

# and has lost its memory
key seven
sleep 1
end b
end a
rm "$test_dir/a.store"
kme_start a
kme_start b
is 'one that knows nothing vouches for nothing' "$(fetch seven)" 400
check 'which is said' said 'does not know how far the store was'
