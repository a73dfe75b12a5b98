#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The store's sealing key as a credential of the service manager: key that waits
# outlives a restart with it, and is of no use without.
# timeout: 60
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd curl jq openssl

kme_pki > /dev/null || die "no certificates"
mkdir "$test_dir/creds"
head -c 32 /dev/urandom > "$test_dir/creds/kmed-store-key"
kme_conf a b q0
kme_conf b a q0-far "\"store\": \"$test_dir/b.store\", \"store-key\": \"kmed-store-key\","
kme_start a
starts() { kme_starts b; }
check_fails 'without credentials it does not start' 'store-key kmed-store-key: No such file' starts
export CREDENTIALS_DIRECTORY=$test_dir/creds
kme_start b
sae a1 a b1 enc_keys -d '{"number":3}' | body > "$test_dir/k"
jq -c '{ key_IDs: [ .keys[] | { key_ID } ] }' "$test_dir/k" > "$test_dir/ids"
stop "${kme_pid[b]}"
check 'no key is in the file' eval \
	'! grep -q -a -F -f <(jq -r ".keys[].key" "$test_dir/k" | while read -r k; do base64 -d <<< "$k" | tr -d "\0\n" | head -c 8; echo; done) "$test_dir/b.store"'
mv "$test_dir/creds/kmed-store-key" "$test_dir/right"
head -c 32 /dev/urandom > "$test_dir/creds/kmed-store-key"
check_fails 'with another key it does not start' 'b.store' starts
head -c 31 /dev/urandom > "$test_dir/creds/kmed-store-key"
check_fails 'nor with one too short' 'must have 32 bytes' starts
ln -sf /dev/zero "$test_dir/creds/kmed-store-key"
check_fails 'nor with one too long' 'must have 32 bytes' starts
rm "$test_dir/creds/kmed-store-key"

# sealed and unsealed by systemd itself, where it can
if ! systemd-creds encrypt --with-key=host --name=kmed-store-key "$test_dir/right" \
	"$test_dir/cred" > "$test_dir/out" 2>&1; then
	skip 'systemd-creds seals it' "$(head -n 1 "$test_dir/out")"
	cp "$test_dir/right" "$test_dir/creds/kmed-store-key"
else
	check 'systemd-creds seals it' eval '! cmp -s "$test_dir/cred" "$test_dir/right"'
	systemd-creds decrypt --name=kmed-store-key "$test_dir/cred" "$test_dir/creds/kmed-store-key"
fi
kme_start b
sae b1 b a1 dec_keys -d "@$test_dir/ids" | body > "$test_dir/got"
check 'with the right one, what waited waits still' eval \
	'diff <(jq -S -c ".keys | sort" "$test_dir/k") <(jq -S -c ".keys | sort" "$test_dir/got")'
