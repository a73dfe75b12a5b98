#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# "qkdctl key get" gives a key and its ID at one end and the same key for the
# ID at the other, once; what was used is accounted to who used it.
#
#	link a: alice ---- 127.0.0.1 ---- link b: bob, in one namespace
# timeout: 240
if [ -z "${CTL_FED:-}" ]; then
	# it loads the module, makes and feeds the links, and calls us again
	export CTL_FED=1
	exec "${O:-build}/tests/kernel/ctl_key" 16384 "$0"
fi
. "$(dirname "$0")/../lib.sh"
need_cmd jq setpriv

read -r id key < <(qkdctl key get a)
check 'a key has an ID and 32 bytes' \
	[ "${#id}:${#key}" = 36:64 ]
is 'the peer fetches the same key by the ID' "$(qkdctl key get "$id")" "$id $key"
check_fails 'but only once' 'fetched before' qkdctl key get "$id"
check_fails 'and its sender never' 'does not have that key' \
	qkdctl key get "$id" link a wait 0

read -r id key < <(qkdctl key get b size 5 format base64)
is 'the other direction, in base64, is the same in hex' \
	"$(qkdctl key get "$id" link a)" \
	"$id $(printf %s "$key" | base64 -d | od -An -tx1 | tr -d ' \n')"

qkdctl key get a size 100 format raw >"$test_dir/raw" 2>"$test_dir/id"
is 'raw key is its bytes, nothing more' "$(stat -c %s "$test_dir/raw")" 100
is 'and is what the peer gets' \
	"$(qkdctl key get "$(cat "$test_dir/id")" format raw 2>/dev/null | sha256sum)" \
	"$(sha256sum <"$test_dir/raw")"

qkdctl -j key get a size 16 count 3 format hex label backup >"$test_dir/json"
is 'JSON has each key' "$(jq -r '[.[].size] | @csv' "$test_dir/json")" 16,16,16
is 'no two of them are alike' \
	"$(jq -r '.[] | .id, .key' "$test_dir/json" | sort -u | wc -l)" 6
is 'use is accounted under the label' \
	"$(qkdctl -j key show a | jq '.[0].consumers[] | select(.name == "backup") | [.tx_bytes, .tx_keys] | @csv' -r)" 48,3
is "consumers' sums are the stream's" \
	"$(qkdctl -j key show a | jq '.[0] | (.consumers | map(.tx_bytes) | add) <= .tx_consumed')" true

check_fails 'a key longer than what is there is refused after the wait' \
	'has none now' qkdctl key get a size 8000 count 9 wait 100ms
check_fails 'an ID of another generation is refused' 'no link here' \
	qkdctl key get "0${id:1:7}-89ab-8cef-8020-000000000040"
check_fails 'who is not of the group gets nothing' 'not permitted' \
	setpriv --reuid 65534 --regid 65534 --clear-groups qkdctl key get b
qkdctl link disable a
check_fails 'a link that is down gives no key' 'is down' qkdctl key get a wait 0
