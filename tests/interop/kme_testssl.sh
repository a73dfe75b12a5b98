#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The key service's three ports looked over by testssl.sh (Debian: testssl.sh),
# which speaks what this machine's OpenSSL does not any more: SSL 2 and 3, RC4,
# export suites, and the attacks that have names.
# timeout: 180
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd openssl jq testssl

kme_port=([a]=19653)
kme_pki > /dev/null || die "no certificates"
openssl rand -hex 32 > "$test_dir/psk"
kme_conf a b q0 '"listen-004": ["127.0.0.1:19654"], "listen-skip": ["127.0.0.1:19655"],
	"skip-clients": [ { "sae": "a2", "identity": "router", "key": "'"$test_dir"'/psk" } ],'
kme_start a

# look PORT TEST...: what it finds goes to a file, a line "ID severity finding" each
look() {
	local port=$1 f=$test_dir/$1

	shift
	timeout $((150 * ${QKD_SLOW:-1})) testssl --quiet --color 0 --warnings off -n none --openssl-timeout 5 \
		--jsonfile "$f.json" "$@" "127.0.0.1:$port" > "$f.out" 2>&1 < /dev/null
	jq -r '.[] | "\(.id) \(.severity) \(.finding)"' "$f.json" > "$f.found" 2>> "$f.out"
}
look 19653 -p -s &
looks=$!
look 19654 -p &
looks+=" $!"
look 19655 -p -s &
# shellcheck disable=SC2086
wait $looks $!

# says PORT ID: what was found
says() { sed -n "s/^$2 [A-Z]* //p" "$test_dir/$1.found"; }
for port in 19653 19654 19655; do
	grep -q '^scanTime INFO' "$test_dir/$port.found" || die "port $port: $(tail "$test_dir/$port.out")"
	for v in SSLv2 SSLv3 TLS1 TLS1_1; do
		is "port $port: $v" "$(says $port $v)" 'not offered'
	done
	is "port $port: TLS 1.2" "$(says $port TLS1_2)" 'offered'
done
for port in 19653 19654; do
	is "port $port: TLS 1.3" "$(says $port TLS1_3)" 'offered with final'
	# a PSK is needed before 1.3 can be agreed on, so that of SKIP's it says no good
	is "port $port: nothing that it calls low or worse" \
		"$(grep -E '^[^ ]+ (LOW|MEDIUM|HIGH|CRITICAL) ' "$test_dir/$port.found")" ''
done
# how it groups suites differs by version: without encryption or authentication,
# export, RC4, DES, CBC; and AEADs, which it calls strong
for port in 19653 19655; do
	grep '^cipherlist_' "$test_dir/$port.found" > "$test_dir/lists"
	at_least "port $port: groups of suites that are tried" \
		"$(grep -v -c '^cipherlist_STRONG' "$test_dir/lists")" 6
	is "port $port: of which those with an AEAD are offered only" \
		"$(grep -v ' not offered$' "$test_dir/lists" | grep -v '^cipherlist_STRONG')" ''
	check "port $port: and these are" grep -q '^cipherlist_STRONG[A-Z_]* OK offered' "$test_dir/lists"
done
