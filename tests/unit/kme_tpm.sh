#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The store's sealing key in a TPM (swtpm): key that waits outlives a restart, and
# opens with this TPM only, in the state it was told.
# timeout: 60
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd curl jq openssl swtpm
kmed=$O/tests/bin/kmed_standin
! strings -a "$kmed" | grep -q 'built without tpm2-tss' || skip_all "built without tpm2-tss"
export TSS2_LOG=all+NONE

kme_pki > /dev/null || die "no certificates"
# tpm NAME PORT: one of its own
tpm() {
	mkdir -p "$test_dir/$1"
	start swtpm socket --tpm2 --tpmstate "dir=$test_dir/$1" --flags not-need-init,startup-clear \
		--server "type=tcp,port=$2,bindaddr=127.0.0.1" --ctrl "type=tcp,port=$(($2 + 1)),bindaddr=127.0.0.1"
	tpm=$started
	wait_for 10 "ss -ltn | grep -q 127.0.0.1:$2" || die "swtpm does not start: $(cat "$test_dir/started.$test_started")"
}
at=swtpm:host=127.0.0.1,port=24321
conf() { # STORE-KEY [TCTI]
	kme_conf b a q0-far "\"store\": \"$test_dir/b.store\", \"store-key\": \"$1\", \"tpm\": \"${2:-$at}\","
}
starts() { kme_starts b; }

tpm one 24321
check 'a key is made' "$kmed" --seal "$test_dir/sealed" --tpm $at
is 'for its owner only' "$(stat -c %a "$test_dir/sealed")" 600
check_fails 'and not written over' 'File exists' "$kmed" --seal "$test_dir/sealed" --tpm $at
check 'another one' "$kmed" --seal "$test_dir/sealed2" --tpm $at
check_fails 'is another' '.' cmp "$test_dir/sealed" "$test_dir/sealed2"

kme_conf a b q0
conf "$test_dir/sealed"
kme_start a
kme_start b
sae a1 a b1 enc_keys -d '{"number":3}' | body > "$test_dir/k"
jq -c '{ key_IDs: [ .keys[] | { key_ID } ] }' "$test_dir/k" > "$test_dir/ids"
stop "${kme_pid[b]}"
conf "$test_dir/sealed2"
check_fails 'with another key it does not start' 'b.store is damaged, or sealed by another key' starts
conf "$test_dir/sealed" swtpm:host=127.0.0.1,port=1
check_fails 'nor without the TPM' 'cannot be reached' starts
head -c 200 "$test_dir/sealed" > "$test_dir/cut"
conf "$test_dir/cut"
check_fails 'nor with half of it' 'damaged' starts
for at_byte in 8 20 60 150 250; do
	cp "$test_dir/sealed" "$test_dir/changed"
	# to another than it is: one that is always the same may be there by chance
	byte=$(od -An -t u1 -j $at_byte -N 1 "$test_dir/sealed")
	printf '%b' "\\0$(printf %o $((byte ^ 1)))" |
		dd of="$test_dir/changed" bs=1 seek=$at_byte conv=notrunc 2> /dev/null
	conf "$test_dir/changed"
	starts > /dev/null && break
done
check_fails 'nor with a byte changed' 'TPM' starts

# ---- states

check 'one for a state is made' "$kmed" --seal "$test_dir/bound" --pcrs 7,16 --tpm $at
conf "$test_dir/bound"
sed -i "s,b.store,bound.store," "$test_dir/b.json"
check 'it is had in this state' starts
if ! command -v tpm2_pcrextend > /dev/null; then
	skip 'and not in another' 'needs tpm2_pcrextend'
else
	tpm2_pcrextend -T $at 16:sha256="$(sha256sum < /dev/null | cut -c 1-64)"
	check_fails 'and not in another' 'does not give the key' starts
fi
check_fails 'registers that are none are refused' '0 to 23' "$kmed" --seal "$test_dir/x" --pcrs 24 --tpm $at

# ---- another machine

stop "$tpm"
tpm two 24421
conf "$test_dir/sealed" swtpm:host=127.0.0.1,port=24421
check_fails 'another TPM does not open it' 'another one' starts
stop "$tpm"
tpm one 24321
conf "$test_dir/sealed"
kme_start b
sae b1 b a1 dec_keys -d "@$test_dir/ids" | body > "$test_dir/got"
check 'after a restart of all, what waited waits still' eval \
	'diff <(jq -S -c ".keys | sort" "$test_dir/k") <(jq -S -c ".keys | sort" "$test_dir/got")'
