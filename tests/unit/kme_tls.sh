#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who must not be served is not, and who is slow, stuck or large does no harm.
# timeout: 180
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd curl jq openssl socat python3

kme_pki > /dev/null || die "no certificates"
kme_conf a b q0 '"timeout": 3, "max-clients": 40, "threads": 1,'
kme_conf b a q0-far '"timeout": 2,'
kme_start a
kme_start b
url=https://localhost:${kme_port[a]}/api/v1/keys/b1

# get CERTIFICATE-AND-KEY-STEM [CURL ARGUMENTS]
get() {
	local stem=$1

	shift
	curl -sS --max-time 10 --cacert "$pki/ca.crt" --cert "$stem.crt" \
		--key "$stem.key" -o /dev/null -w '%{http_code}' "$@"
}
is 'an SAE is served' "$(get "$pki/a1" "$url/status")" 200

# ---- certificates

check_fails 'none without a certificate' '.' \
	curl -sS -f --cacert "$pki/ca.crt" "$url/status"
qkdctl pki init dir "$test_dir/other" > /dev/null
qkdctl pki issue sae a1 dir "$test_dir/other" > /dev/null
check_fails 'none of another authority' '.' get "$test_dir/other/a1" "$url/status"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=a1 \
	-keyout "$test_dir/self.key" -out "$test_dir/self.crt" 2> /dev/null
check_fails 'none that signed itself' '.' get "$test_dir/self" "$url/status"

# issue NAME EXTENSIONS [OPENSSL ARGUMENTS]: by our authority, but otherwise odd
issue() {
	local name=$1 ext=$2

	shift 2
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
		-keyout "$test_dir/$name.key" -out "$test_dir/csr" 2> /dev/null &&
	openssl x509 -req -in "$test_dir/csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" \
		-out "$test_dir/$name.crt" -extfile <(printf '%b' "$ext") "$@" 2> /dev/null
}
issue expired 'subjectAltName=URI:urn:qkd:sae:a1' -days -1
check_fails 'none that has expired' '.' get "$test_dir/expired" "$url/status"
issue server 'subjectAltName=URI:urn:qkd:sae:a1\nextendedKeyUsage=serverAuth' -days 1
check_fails 'none for servers only' '.' get "$test_dir/server" "$url/status"
issue two 'subjectAltName=URI:urn:qkd:sae:a1,URI:urn:qkd:sae:a2' -days 1
is 'who is two SAEs is none' "$(get "$test_dir/two" "$url/status")" 401
issue a1 'subjectAltName=URI:urn:qkd:sae:a9' -days 1
is 'the URI counts, not the common name' "$(get "$test_dir/a1" "$url/status")" 401
issue a1 'subjectAltName=DNS:a1' -days 1
is 'without a URI, the common name' "$(get "$test_dir/a1" "$url/status")" 200
issue a1 'subjectAltName=URI:urn:qkd:kme:kme-a' -days 1
is 'a KME is no SAE, whatever its common name' "$(get "$test_dir/a1" "$url/status")" 401
is 'an SAE at the link but with another SAE is refused' "$(get "$pki/a2" "${url%b1}b2/status")" 400
is 'an SAE cannot speak as a KME' \
	"$(get "$pki/a1" -d '{"master_SAE_ID":"b1","slave_SAE_IDs":["a1"],"key_IDs":["341c0a3e-67c3-8467-8020-000000000040"]}' "https://localhost:${kme_port[a]}/kme/v1/keys")" 401
qkdctl pki issue kme kme-x host localhost dir "$pki" > /dev/null
is 'nor a KME that no link has' \
	"$(get "$pki/kme-x" -d '{"master_SAE_ID":"b1","slave_SAE_IDs":["a1"],"key_IDs":["341c0a3e-67c3-8467-8020-000000000040"]}' "https://localhost:${kme_port[a]}/kme/v1/keys")" 401

# ---- protocols

tls() { # S_CLIENT ARGUMENTS
	echo | openssl s_client -connect "localhost:${kme_port[a]}" -CAfile "$pki/ca.crt" \
		-cert "$pki/a1.crt" -key "$pki/a1.key" -brief "$@" 2>&1
}
check 'TLS 1.3 is spoken' eval 'tls -tls1_3 | grep -q "version: TLSv1.3"'
check 'TLS 1.2 is spoken' eval 'tls -tls1_2 | grep -q "version: TLSv1.2"'
check 'with ephemeral keys and AEAD' eval 'tls -tls1_2 | grep -q "Ciphersuite: ECDHE-ECDSA-AES256-GCM-SHA384"'
for v in tls1_1 tls1; do
	check "$v is not" eval "! tls -$v -cipher DEFAULT@SECLEVEL=0 | grep -q 'Ciphersuite'"
done
for c in AES128-GCM-SHA256 ECDHE-ECDSA-AES128-SHA256 NULL; do
	check "no weak cipher: $c" \
		eval "! tls -tls1_2 -cipher $c@SECLEVEL=0 | grep -q Ciphersuite"
done
check 'what is no TLS is dropped' eval \
	'! printf "GET / HTTP/1.1\r\n\r\n" | socat -t 2 - TCP:localhost:${kme_port[a]} | grep -q HTTP'

# ---- clients that misbehave

raw() { # bytes from standard input, over TLS; what comes back
	timeout 10 socat -t 8 - "OPENSSL:localhost:${kme_port[a]},cafile=$pki/ca.crt,cert=$pki/a1.crt,key=$pki/a1.key" 2> /dev/null
}
alive() { [ "$(get "$pki/a1" "$url/status")" = 200 ]; }
check 'a head too large is refused' eval \
	'! { printf "GET /api/v1/keys/b1/status HTTP/1.1\r\nx: "; head -c 100000 /dev/zero | tr "\0" a; printf "\r\n\r\n"; } | raw | grep -q " 200 "'
head -c 200000 /dev/zero | tr '\0' ' ' > "$test_dir/large"
is 'a body too large is refused' "$(get "$pki/a1" -H 'Expect:' --data-binary "@$test_dir/large" "$url/enc_keys")" 413
check 'so is one that claims to be' eval \
	'! printf "POST /api/v1/keys/b1/enc_keys HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n" | raw | grep -q " 200 "'
check 'and what is no HTTP' eval '! head -c 4096 /dev/urandom | raw | grep -q " 200 "'
check 'after which it serves' alive
printf '[%.0s' {1..20000} > "$test_dir/deep"
is 'JSON nested deeply is refused' "$(get "$pki/a1" --data-binary "@$test_dir/deep" "$url/enc_keys")" 400

# slow: half a request, kept open; and TCP without TLS
for _ in {1..60}; do
	(exec 3<> "/dev/tcp/localhost/${kme_port[a]}"; sleep 20) 2> /dev/null &
	at_exit kill $!
done
(printf 'GET /api/v1/keys/b1/status HTTP/1.1\r\n'; for _ in {1..10}; do sleep 1; printf 'x: y\r\n'; done) |
	raw > "$test_dir/slow" &
slow=$!
sleep 1
check 'clients that say nothing are cut off, and others served' wait_for 12 alive
wait $slow
check 'a request that takes too long is not answered' eval '! grep -q " 200 " "$test_dir/slow"'
check 'after which it serves' alive

# stuck: asks, and asks, and takes no answer
stuck() {
	python3 - "${kme_port[a]}" "$pki" <<- 'EOF'
	import socket, ssl, sys
	port, pki = sys.argv[1:]
	tls = ssl.create_default_context(cafile=f"{pki}/ca.crt")
	tls.load_cert_chain(f"{pki}/a1.crt", f"{pki}/a1.key")
	s = socket.create_connection(("localhost", int(port)), timeout=20)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
	s = tls.wrap_socket(s, server_hostname="localhost")
	try:
	    while True:
	        s.sendall(b"GET /api/v1/keys/b1/enc_keys?number=128&size=2048 HTTP/1.1\r\n"
	                  b"Host: localhost\r\n\r\n" * 100)
	except TimeoutError:
	    print("after 20 s it may ask still")
	except OSError:
	    print("cut off")
	EOF
}
is 'a client that takes no answer is cut off' "$(stuck)" 'cut off'
check 'after which it serves' alive

is 'key is given' "$(get "$pki/a1" "$url/enc_keys")" 200
sleep 5
is 'after the KMEs had nothing to say to each other for long, too' \
	"$(get "$pki/a1" "$url/enc_keys")" 200

# ---- reload without a drop

(for _ in {1..40}; do
	echo "url = $url/enc_keys"
	echo "output = /dev/null"
done) > "$test_dir/urls"
curl -sS --cacert "$pki/ca.crt" --cert "$pki/a1.crt" --key "$pki/a1.key" --rate 20/s \
	-w '%{http_code} %{num_connects}\n' -K "$test_dir/urls" > "$test_dir/codes" 2>&1 &
asking=$!
sleep 0.5
mkdir "$test_dir/renewed"
cp "$pki"/ca.* "$test_dir/renewed/"
qkdctl pki issue kme kme-a host localhost host renewed.example dir "$test_dir/renewed" > /dev/null
sed -i "s|$pki/kme-a|$test_dir/renewed/kme-a|g" "$test_dir/a.json"
kill -HUP "${kme_pid[a]}"
wait_for 5 "grep -q 'read again' $test_dir/a.log"
check 'after a reload new connections see the new certificate' eval \
	'openssl s_client -connect "localhost:${kme_port[a]}" < /dev/null 2> /dev/null |
		openssl x509 -noout -checkhost renewed.example | grep -q "does match"'
echo '{' > "$test_dir/a.json"
kill -HUP "${kme_pid[a]}"
check 'settings that cannot be are refused' wait_for 5 \
	"grep -q 'stay as they were' $test_dir/a.log"
wait $asking
is 'and requests go on over a connection through it all' \
	"$(sort "$test_dir/codes" | uniq -c | awk '{ print $1, $2, $3 }' | paste -sd,)" '39 200 0,1 200 1'
check 'no key is in the log' eval '! grep -E -i "[A-Za-z0-9+/]{43}=" "$test_dir/a.log"'

# ---- the end, while it takes no more connections

for _ in {1..50}; do
	(exec 3<> "/dev/tcp/localhost/${kme_port[a]}"; sleep 20) 2> /dev/null &
	at_exit kill $!
done
full() { ss -Htn "sport = :${kme_port[a]}" | awk '$2 == 0 && $1 == "ESTAB"' | wc -l; }
wait_for 5 '[ "$(full)" -ge 40 ]'
sleep 0.5
kill "${kme_pid[a]}"
wait "${kme_pid[a]}"
is 'asked to end with all connections taken, it ends well' $? 0
