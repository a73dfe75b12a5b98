#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What TLS the key service agrees on, tried one by one: 1.3, and 1.2 with
# ephemeral ECDH and an AEAD; nothing else that this OpenSSL can speak.
# timeout: 180
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd openssl

kme_pki > /dev/null || die "no certificates"
kme_conf a b q0 '"listen-004": ["127.0.0.1:19447"],'
kme_start a

# agreed PORT S_CLIENT-ARGUMENTS: the suite, or nothing
agreed() {
	local port=$1

	shift
	echo | timeout 10 openssl s_client -connect "localhost:$port" -CAfile "$pki/ca.crt" \
		-cert "$pki/a1.crt" -key "$pki/a1.key" -brief "$@" 2>&1 |
		sed -n 's/^Ciphersuite: //p'
}
for port in 19443 19447; do
	got=
	for v in ssl3 tls1 tls1_1; do
		# the client itself must be able to speak it, or nothing is shown
		openssl s_client -help 2>&1 | grep -q -e "-$v " || continue
		got+=$(agreed $port -$v -cipher ALL:@SECLEVEL=0)
	done
	is "port $port: no protocol before TLS 1.2" "$got" ''
	got=
	for c in $(openssl ciphers -v 'ALL:COMPLEMENTOFALL:@SECLEVEL=0' | awk '$2 != "TLSv1.3" { print $1 }'); do
		got+=$(agreed $port -tls1_2 -cipher "$c:@SECLEVEL=0")$'\n'
	done
	got=$(grep . <<< "$got" | sort)
	is "port $port: TLS 1.2 with ephemeral ECDH and an AEAD only" \
		"$(grep -v -E '^ECDHE-ECDSA-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)$' <<< "$got")" ''
	at_least "port $port: and with these" "$(wc -l <<< "$got")" 3
	for c in TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256; do
		is "port $port: TLS 1.3: $c" "$(agreed $port -tls1_3 -ciphersuites $c)" $c
	done
	is "port $port: TLS 1.3: no suite with short tags" \
		"$(agreed $port -tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256)" ''
	check "port $port: no renegotiation that a client begins" eval \
		"{ sleep 1; echo R; sleep 1; } | openssl s_client -connect localhost:$port -tls1_2 \
			-cert $pki/a1.crt -key $pki/a1.key 2>&1 | grep -q -i 'no renegotiation\|RENEGOTIATING'"
	check "port $port: nor compression" eval \
		"echo | openssl s_client -connect localhost:$port -tls1_2 -comp -cert $pki/a1.crt \
			-key $pki/a1.key 2>&1 | grep -q 'Compression: NONE'"
done
