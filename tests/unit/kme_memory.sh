#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Key that waits in qkd-kmed is neither in swap nor in a core dump, whoever
# takes it, and key that was given is nowhere in it (invariant 4).
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
. "$tree/tests/memory/lib.sh"
need_root
need_cmd curl jq openssl python3 prlimit

kme_port=([a]=19543 [b]=19544)
kme_pki > /dev/null || die "no certificates"
kme_conf a b q0
kme_conf b a q0-far
cd "$test_dir" || exit
kme_start a
dumps_here || say 'no core dumps here: that there is none will mean little'
ulimit -c unlimited 2> /dev/null
kme_start b

# in hexadecimal, as they are and as the answer told them
keys() {
	jq -r '.keys[].key' "$1" | while read -r k; do
		echo "$k" | base64 -d | od -An -v -tx1 | tr -d ' \n'
		echo
		echo -n "$k" | od -An -v -tx1 | tr -d ' \n'
		echo
	done
}

sae a1 a b1 enc_keys -d '{"number":8}' | body > given
mapfile -t given < <(keys given)
is 'key was given at one end' "${#given[@]}" 16
at_least 'the other end keeps it' \
	"$(hunt "${kme_pid[b]}" "${given[@]}" | cut -d ' ' -f 2)" 8
jq -c '{ key_IDs: [ .keys[] | { key_ID } ] }' given > ids
is 'until it is fetched' "$(sae b1 b a1 dec_keys -d @ids | status)" 200
is 'it is nowhere at the end that gave it first' \
	"$(hunt "${kme_pid[a]}" "${given[@]}")" 'found 0 unlocked 0'
is 'nor then at the other' \
	"$(hunt "${kme_pid[b]}" "${given[@]}")" 'found 0 unlocked 0'

sae a1 a b1 enc_keys -d '{"number":8}' | body > given
mapfile -t given < <(keys given)
guarded 'the other end' "${kme_pid[b]}" b.log "${given[@]}"
