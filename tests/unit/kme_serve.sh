#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two KMEs over TLS: who gets which key, also when many ask at once.
#
#	a1, a2 -- KME a ---- link q0 ---- KME b -- b1, b2
# timeout: 180
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd curl jq openssl socat python3

kme_pki > /dev/null || die "no certificates"
kme_conf a b q0 '"metrics": "127.0.0.1:19445",'
head -c 32 /dev/urandom > "$test_dir/b.seal"
kme_conf b a q0-far "\"store\": \"$test_dir/b.store\", \"store-key\": \"$test_dir/b.seal\","
kme_start a
kme_start b

# ids FILE: of a container, as dec_keys wants them
ids() { jq -c '{ key_IDs: [ .keys[] | { key_ID } ] }' "$1" > "$test_dir/ids"; }
same() { jq -S -c '.keys | sort' "$1" | diff - <(jq -S -c '.keys | sort' "$2"); }

# ---- one after the other

sae a1 a b1 enc_keys -d '{"number":5}' | body > "$test_dir/k"
is 'an SAE gets keys' "$(jq '.keys | length' "$test_dir/k")" 5
ids "$test_dir/k"
is 'who is at the link but not named gets none' \
	"$(sae b2 b a1 dec_keys -d "@$test_dir/ids")" $'\n401'
is 'nor does another for another master' \
	"$(sae b1 b a2 dec_keys -d "@$test_dir/ids" | status)" 401
sae b1 b a1 dec_keys -d "@$test_dir/ids" | body > "$test_dir/got"
check 'who is named gets the same' same "$test_dir/k" "$test_dir/got"
is 'once' "$(sae b1 b a1 dec_keys -d "@$test_dir/ids" | status)" 400
is 'an SAE that no link serves is refused' "$(sae stranger a b1 enc_keys)" $'\n401'
type_of() { sae "$@" -o /dev/null -w '%{http_code} %{content_type}\n' | head -n 1; }
is 'answers are JSON' "$(type_of a1 a b1 status)" '200 application/json'
is 'errors, too' "$(type_of a1 a b1 enc_keys?size=7)" '400 application/json'

# ---- for several SAEs

sae a1 a b1 enc_keys -d '{"number":2,"additional_slave_SAE_IDs":["b2"]}' |
	body > "$test_dir/k"
ids "$test_dir/k"
for s in b1 b2; do
	sae $s b a1 dec_keys -d "@$test_dir/ids" | body > "$test_dir/got"
	check "key for two: $s gets it" same "$test_dir/k" "$test_dir/got"
	is 'once' "$(sae $s b a1 dec_keys -d "@$test_dir/ids" | status)" 400
done
is 'an additional SAE that the link does not serve is refused' \
	"$(sae a2 a b1 enc_keys -d '{"additional_slave_SAE_IDs":["b2"]}' | status)" 400
is 'an additional SAE twice is refused' \
	"$(sae a1 a b1 enc_keys -d '{"additional_slave_SAE_IDs":["b2","b2"]}' | status)" 400
at_least 'status says that several are possible' \
	"$(sae a1 a b1 status | body | jq .max_SAE_ID_count)" 1

# ---- many at once

many() { # SAE END PEER N FILE
	local u=https://localhost:${kme_port[$2]}/api/v1/keys/$3/enc_keys

	curl -sS --no-progress-meter -Z --parallel-max 32 --cacert "$pki/ca.crt" \
		--cert "$pki/$1.crt" --key "$pki/$1.key" "$u?n=[1-$4]" > "$5"
}
many a1 a b1 1500 "$test_dir/many1" &
one=$!
many a2 a b1 1500 "$test_dir/many2" &
two=$!
many b1 b a1 1500 "$test_dir/many3" &
three=$!
wait $one $two $three
all() { cat "$test_dir"/many? | jq -r ".keys[].$1"; }
is '96 connections of three SAEs get as many keys as they ask for' \
	"$(all key_ID | wc -l)" 4500
others=$(grep -h -o '{"message[^}]*}' "$test_dir"/many? | sort | uniq -c)
[ -z "$others" ] || say "$others" "$(cat "$test_dir"/[ab].log)"
is 'none with the ID of another' "$(all key_ID | sort | uniq -d | wc -l)" 0
is 'none the same as another' "$(all key | sort | uniq -d | wc -l)" 0
overlaps() {
	local stream=- offset=0 s o

	all key_ID | sort | while IFS=- read -r _ _ _ s o; do
		o=$((16#$o))
		[ "$s" != "$stream" ] || [ $((o - offset)) -ge 32 ] || echo "$s $o"
		stream=$s offset=$o
	done
}
is 'and no two share a byte' "$(overlaps)" ''

# all of them, 100 at a time
fetch() { # SAE END MASTER FILE
	jq -r '.keys[].key_ID' "$4" | xargs -n 100 | while read -r -a i; do
		printf '%s\n' "${i[@]}" | jq -R '{ key_ID: . }' | jq -s -c '{ key_IDs: . }' > "$test_dir/ids"
		sae "$1" "$2" "$3" dec_keys -d "@$test_dir/ids" | body
	done > "$test_dir/fetched"
	jq -r '.keys[] | .key_ID + .key' "$4" | sort > "$test_dir/want"
	jq -r '.keys[] | .key_ID + .key' "$test_dir/fetched" | sort | diff -q - "$test_dir/want"
}
check 'the peer gets the same, all of them' fetch b1 b a1 "$test_dir/many1"
check 'each its own' fetch b1 b a2 "$test_dir/many2"
check 'in both directions' fetch a1 a b1 "$test_dir/many3"

# ---- the other KME away

sae a1 a b1 enc_keys | body > "$test_dir/k"
sae a1 a b2 enc_keys | body > "$test_dir/k2"
ids "$test_dir/k2"
sae b2 b a1 dec_keys -d "@$test_dir/ids" > /dev/null
kill -9 "${kme_pid[b]}"
wait "${kme_pid[b]}" 2> /dev/null
kme_start b
is 'what was fetched before a KME was killed is not given again' \
	"$(sae b2 b a1 dec_keys -d "@$test_dir/ids" | status)" 400
ids "$test_dir/k"
sae b1 b a1 dec_keys -d "@$test_dir/ids" | body > "$test_dir/got"
check 'what was not waits still' same "$test_dir/k" "$test_dir/got"
stop "${kme_pid[b]}"
is 'what was not told to the other KME is not given' \
	"$(sae a1 a b2 enc_keys | status)" 503
is 'nor for several' \
	"$(sae a1 a b1 enc_keys -d '{"additional_slave_SAE_IDs":["b2"]}' | status)" 503
# one that accepts and never answers; who asked does not wait so long
start socat "TCP-LISTEN:${kme_port[b]},fork,reuseaddr" SYSTEM:'sleep 30'
wait_for 5 "ss -ltn | grep -q ':${kme_port[b]} '"
for _ in 1 2 3 4; do
	sae a1 a b2 enc_keys --max-time 1 > /dev/null 2>&1 &
done
is 'a KME that does not answer means no key, in time' \
	"$(sae a1 a b2 enc_keys --max-time 15 | status)" 503
check 'clients that left meanwhile did no harm' eval \
	'[ "$(sae a1 a b1 status | status)" = 200 ]'
stop "$started"
# one whose answer is huge
endless() {
	exec python3 - "${kme_port[b]}" "$pki" <<- 'EOF'
	import socket, ssl, sys
	port, pki = sys.argv[1:]
	tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=f"{pki}/ca.crt")
	tls.load_cert_chain(f"{pki}/kme-b.crt", f"{pki}/kme-b.key")
	with socket.create_server(("127.0.0.1", int(port))) as l:
	    while True:
	        try:
	            with tls.wrap_socket(l.accept()[0], server_side=True) as s:
	                s.recv(65536)
	                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
	                for _ in range(200):
	                    s.sendall(bytes(1000000))
	        except OSError:
	            pass
	EOF
}
start endless
wait_for 5 "ss -ltn | grep -q ':${kme_port[b]} '"
most() { awk '$1 == "VmHWM:" { print $2 }' "/proc/${kme_pid[a]}/status"; }
before=$(most)
is 'nor does one whose answer is huge' "$(sae a1 a b2 enc_keys | status)" 503
check 'and it is not kept' eval '[ $(($(most) - before)) -lt 50000 ]'
stop "$started"
kme_start b
is 'with it back, key is given' "$(sae a1 a b2 enc_keys | status)" 200
check 'figures are told' eval \
	"curl -sS http://127.0.0.1:19445/metrics | grep -q '^qkd_kmed_enc_keys_total 3'"
kill "${kme_pid[a]}"
wait "${kme_pid[a]}"
is 'asked to end, it ends well' $? 0
