#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The whole way of a key to applications: simulated light, two kernels' pools,
# a KME at each node, and an SAE at each that knows nothing but ETSI GS QKD 014.
#
#	fw-hospital           hospital ------- wan ------- biobank          fw-biobank
#	   curl --- TLS --- qkd-kmed  qkdd --- fibre --- qkdd  qkd-kmed --- TLS --- curl
# timeout: 600
# shellcheck disable=SC2015,SC2016,SC2154
. "$(dirname "$0")/../lib.sh"
need_root
need_module qkd
need_cmd jq curl openssl

link=q0
declare -A other=([hospital]=biobank [biobank]=hospital)
declare -A role=([hospital]=alice [biobank]=bob)
declare -A wan=([hospital]=10.77.0.1 [biobank]=10.77.0.2)
declare -A fibre=([hospital]=10.78.0.1 [biobank]=10.78.0.2)
pki=$test_dir/pki

node_start() { # NODE
	local n=$1 o=${other[$1]}

	mkdir -p "$test_dir/$n/psk" "$test_dir/$n/state"
	install -m 600 "$test_dir/psk" "$test_dir/$n/psk/$link"
	start on "$n" qkdd --psk-dir "$test_dir/$n/psk" --state-dir "$test_dir/$n/state"
	on "$n" qkdctl link add $link local-node "$n" peer-node "$o" \
		local "${wan[$n]}" peer "${wan[$o]}" driver sim role "${role[$n]}" \
		pool-size 256K \
		config "length=5 block=131072 pz=.8 fibre=10.78.0.1 channel=${fibre[$o]}" ||
		die "$n: the link was refused"
	qkdctl pki issue kme "kme-$n" host "${wan[$n]}" dir "$pki" > /dev/null &&
		qkdctl pki issue sae "fw-$n" dir "$pki" > /dev/null &&
		qkdctl pki issue sae "vpn-$n" dir "$pki" > /dev/null ||
		die "no certificates"
	cat > "$test_dir/$n.json" <<- EOF
	{ "kme": "kme-$n", "listen": ["${wan[$n]}:8443"],
	  "listen-004": ["${wan[$n]}:25575"], "metrics": "127.0.0.1:9100",
	  "certificate": "$pki/kme-$n.crt", "key": "$pki/kme-$n.key", "ca": "$pki/ca.crt",
	  "links": [ { "link": "$link", "peer-kme": "kme-$o", "peer": "${wan[$o]}:8443",
	      "pairs": [ { "local": "fw-$n", "remote": "fw-$o" },
	                 { "local": "vpn-$n", "remote": "vpn-$o" } ] } ] }
	EOF
	start on "$n" qkd-kmed -c "$test_dir/$n.json"
}

# ask SAE NODE METHOD [CURL ARGUMENTS]: what NODE's KME answers SAE-NODE about its
# peer, and in a line of its own the status
ask() {
	local who=$1 n=$2 method=$3

	shift 3
	on "$n" curl -sS --cacert "$pki/ca.crt" --cert "$pki/$who-$n.crt" \
		--key "$pki/$who-$n.key" -w '\n%{http_code}\n' "$@" \
		"https://${wan[$n]}:8443/api/v1/keys/$who-${other[$n]}/$method"
}
sae() { ask fw "$@"; }
stored() { sae "$1" status | head -n 1 | jq '.stored_key_count // 0'; }
has_key() { [ "$(stored "$1")" -ge "$2" ]; }

# The keys of ids at NODE, as its peer has been given them in the file
same_keys() { # NODE FILE
	jq -c '{ key_IDs: [ .keys[] | { key_ID } ] }' "$2" > "$test_dir/ids"
	sae "$1" dec_keys -d "@$test_dir/ids" | head -n 1 | jq -S . > "$test_dir/got"
	jq -S . "$2" | diff - "$test_dir/got"
}

topo_two_nodes
qkdctl psk new "$test_dir/psk" > /dev/null || die "no secret"
qkdctl pki init dir "$pki" > /dev/null || die "no authority"
for n in hospital biobank; do
	node_start $n
done
log_mark

check 'light becomes key that the KME counts' wait_for 300 has_key hospital 64
check 'at the other node, too' wait_for 60 has_key biobank 64
sae hospital enc_keys -d '{"number":8,"size":256}' | head -n 1 > "$test_dir/keys"
is 'one SAE gets eight keys' "$(jq '.keys | length' "$test_dir/keys")" 8
is 'each of 256 bits' \
	"$(jq -r '.keys[].key' "$test_dir/keys" | while read -r k; do base64 -d <<< "$k" | wc -c; done | sort -u)" 32
jq -c '{ key_IDs: [ .keys[] | { key_ID } ] }' "$test_dir/keys" > "$test_dir/ids"
is 'another pair of SAEs on the link cannot fetch them' \
	"$(ask vpn biobank dec_keys -d "@$test_dir/ids" | tail -n 1)" 401
check 'by their IDs the other gets the same' same_keys biobank "$test_dir/keys"
is 'and gets them once' "$(sae biobank dec_keys -d "@$test_dir/ids" | tail -n 1)" 400
sae biobank enc_keys | head -n 1 > "$test_dir/keys"
check 'so it is the other way round' same_keys hospital "$test_dir/keys"
is 'the kernel counts what the KME gave' \
	"$(on hospital qkdctl -j key show $link |
		jq '.[0].consumers[] | select(.name == "qkd-kmed") | [.tx_bytes, .rx_bytes] | @csv' -r)" 256,32
check 'its metrics say so' eval \
	'on hospital curl -sS http://127.0.0.1:9100/metrics | grep -q "^qkd_kmed_enc_keys_total 8"'
# ETSI GS QKD 004: both open one stream, by an ID they agreed on, and read it
stream() { # NODE
	local id=11111111-2222-4333-8444-555555555555

	{
		printf '%s\n' "open fw-hospital fw-biobank $id timeout=20000" \
			"key $id 0" "key $id 1" "key $id 5"
		sleep 5
	} | on "$1" python3 "$tree/tests/kme/client_004.py" "${wan[$1]}:25575" \
		"$pki/fw-$1.crt" "$pki/fw-$1.key" "$pki/ca.crt" > "$test_dir/stream.$1" 2>&1
}
if ! command -v python3 > /dev/null; then
	skip 'a stream gives both SAEs the same keys' 'no python3'
else
	stream hospital &
	one=$!
	stream biobank
	wait $one
	check 'a stream gives both SAEs the same keys' eval \
		'[ "$(grep -c "^0 [015] [0-9a-f]\{64\} " "$test_dir/stream.hospital")" = 3 ] &&
		diff <(tail -n 3 "$test_dir/stream.hospital") <(tail -n 3 "$test_dir/stream.biobank") ||
		{ cat "$test_dir"/stream.*; false; }'
fi
on hospital qkdctl link set $link state down
is 'with the link down there is no key' "$(sae hospital enc_keys | tail -n 1)" 503
on hospital qkdctl link set $link state up
check 'and with it up again, there is' \
	eval '[ "$(sae hospital enc_keys | tail -n 1)" = 200 ]'
log_check
