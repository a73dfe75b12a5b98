#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# SKIP, as draft-cisco-skip has it: over TLS with pre-shared keys, both ends get
# the same key by its keyId, once; who has no key is not served.
# timeout: 120
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd openssl jq

kme_pki > /dev/null || die "no certificates"
for s in a1 a2 b1 stranger; do openssl rand -hex 32 > "$test_dir/$s.psk"; done
skip_conf() { # PORT SAES...
	local port=$1 list='' s

	shift
	for s in "$@"; do
		list+="${list:+,} { \"sae\": \"$s\", \"identity\": \"router $s\", \"key\": \"$test_dir/$s.psk\" }"
	done
	echo "\"listen-skip\": [\"127.0.0.1:$port\"], \"skip-clients\": [ $list ],"
}
kme_conf a b q0 "$(skip_conf 19447 a1 a2)"
kme_conf b a q0-far "$(skip_conf 19448 b1)"
kme_start a
kme_start b

# tls IDENTITY PSK-OF PORT [S_CLIENT ARGUMENTS]: bytes from standard input
tls() {
	local id=$1 of=$2 port=$3

	shift 3
	timeout 10 openssl s_client -connect "127.0.0.1:$port" -psk_identity "$id" \
		-psk "$(cat "$test_dir/$of.psk")" "$@"
}
# get SAE PATH [METHOD]: status, and the body in a line of its own
get() {
	local port=19447

	[ "${1:0:1}" = a ] || port=19448
	printf '%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' "${3:-GET}" "$2" |
		tls "router $1" "$1" $port -quiet -ign_eof 2> /dev/null | tr -d '\r' |
		awk '/^HTTP/ { print $2 } body { print } /^$/ { body = 1 }'
}
status() { head -n 1; }
body() { sed -n 2p; }

ans=$(get a1 /capabilities)
is '/capabilities' "$(status <<< "$ans")" 200
is 'has the names of the draft' "$(body <<< "$ans" | jq -c '[keys[]] | sort')" \
	'["algorithm","entropy","key","localSystemID","remoteSystemID"]'
is 'and with whom there is key to share' \
	"$(body <<< "$ans" | jq -c '[.entropy, .key, .localSystemID, .remoteSystemID]')" \
	'[true,true,"a1",["b1","b2"]]'
ans=$(get a1 '/key?remoteSystemID=b1')
is '/key' "$(status <<< "$ans")" 200
id=$(body <<< "$ans" | jq -r .keyId) key=$(body <<< "$ans" | jq -r .key)
check 'is keyId and key in hexadecimal digits, 256 bits' grep -q -E '^[0-9a-f]{32} [0-9a-f]{64}$' <<< "$id $key"
ans=$(get b1 "/key/$id?remoteSystemID=a1")
is 'the other end gets the same by its keyId' \
	"$(body <<< "$ans" | jq -r '.keyId + " " + .key')" "$id $key"
is 'once' "$(get b1 "/key/$id?remoteSystemID=a1" | status)" 400
ans=$(get a1 '/key?remoteSystemID=b1&size=512')
is 'in the size asked for' "$(body <<< "$ans" | jq -r '.key | length')" 128
id=$(body <<< "$ans" | jq -r .keyId)
is 'also in capital letters' "$(get b1 "/key/${id^^}?remoteSystemID=a1" | status)" 200
id=$(get a2 '/key?remoteSystemID=b1' | body | jq -r .keyId)
is "another's key is not given" "$(get a1 "/key/$id?remoteSystemID=b1" | status)" 400
ans=$(get a1 '/entropy')
is '/entropy' "$(body <<< "$ans" | jq -c '[.minentropy, (.randomStr | length)]')" '[256,64]'
is 'as much as asked for' \
	"$(get a1 '/entropy?minentropy=128' | body | jq -c '[.minentropy, (.randomStr | length)]')" '[128,32]'
check 'not the same twice' [ "$(get a1 /entropy)" != "$ans" ]
for bad in /key '/key?remoteSystemID=a2' '/key?remoteSystemID=b1&size=7' '/key?remoteSystemID=b1&size=-8' \
	'/key?remoteSystemID=b1&size=9999999999999' '/key/xyz?remoteSystemID=b1' \
	'/key/?remoteSystemID=b1' "/key/${id}00?remoteSystemID=b1" '/entropy?minentropy=0' '/entropy?minentropy=1e3'; do
	is "400: $bad" "$(get a1 "$bad" | status)" 400
done
is '404: another path' "$(get a1 /keys | status)" 404
is 'no 014 at this port' "$(get a1 /api/v1/keys/b1/status | status)" 404
is '405: another method' "$(get a1 '/key?remoteSystemID=b1' POST | status)" 405

# ---- who is served
hello() { echo | tls "$@" -brief 2>&1; }
# OpenSSL's own client does a PSK with SHA-256 only, in 1.3
new() { printf 'GET /capabilities HTTP/1.1\r\n\r\n' | "$O/tests/bin/psk_client" 19447 "$1" "$(cat "$test_dir/$2.psk")"; }
check 'TLS 1.3 with AES-256, where a PSK is of SHA-384' eval \
	'new "router a1" a1 | grep -q "^TLSv1.3 TLS_AES_256_GCM_SHA384" && new "router a1" a1 | grep -q localSystemID'
check 'TLS 1.2 for who offers one of SHA-256' eval \
	'hello "router a1" a1 19447 | grep -q DHE-PSK-AES256-GCM-SHA384'
check_fails 'TLS 1.3: an identity that is not known is refused' 'no handshake' new 'router a9' a1
check_fails "TLS 1.3: so is one with another's key" 'no handshake' new 'router a1' a2
check 'TLS 1.2 with AES-256' eval \
	'hello "router a1" a1 19447 -tls1_2 -cipher PSK | grep -q DHE-PSK-AES256-GCM-SHA384'
check 'TLS 1.2: an identity that is not known is refused' eval \
	"! hello 'router a9' a1 19447 -tls1_2 -cipher PSK | grep -q Ciphersuite:"
check "TLS 1.2: so is one with another's key" eval \
	"! hello 'router a1' a2 19447 -tls1_2 -cipher PSK | grep -q Ciphersuite:"
check 'and who is a stranger' eval '! hello stranger stranger 19447 | grep -q Ciphersuite:'
check 'and who has a certificate only' eval \
	'! openssl s_client -brief -connect localhost:19447 -cert $pki/a1.crt -key $pki/a1.key < /dev/null 2>&1 | grep -q Ciphersuite:'
weak=
for c in $(openssl ciphers -v 'PSK:@SECLEVEL=0' | awk '$2 != "TLSv1.3" { print $1 }'); do
	[ "$c" != DHE-PSK-AES256-GCM-SHA384 ] || continue
	! hello "router a1" a1 19447 -tls1_2 -cipher "$c@SECLEVEL=0" | grep -q Ciphersuite: || weak+=" $c"
done
for c in TLS_AES_128_GCM_SHA256 TLS_CHACHA20_POLY1305_SHA256; do
	! hello "router a1" a1 19447 -tls1_3 -ciphersuites $c | grep -q Ciphersuite: || weak+=" $c"
done
is 'no other suite with a PSK is agreed on' "$weak" ''
is 'an SAE with a certificate goes on at the other port' "$(sae a1 a b1 status | tail -n 1)" 200

# ---- settings
echo abcd > "$test_dir/a1.psk"
kill -HUP "${kme_pid[a]}"
check 'a key too short is refused, and settings stay' wait_for 5 \
	"grep -q '32 to 64 bytes' $test_dir/a.log"
openssl rand -hex 32 > "$test_dir/a1.psk"
kill -HUP "${kme_pid[a]}"
wait_for 5 "grep -q 'read again' $test_dir/a.log"
is 'a new key is taken without a restart' "$(get a1 /capabilities | status)" 200
check 'no key is in the log' eval '! grep -q -F -f <(cat "$test_dir"/*.psk; echo "$key") "$test_dir"/?.log'
