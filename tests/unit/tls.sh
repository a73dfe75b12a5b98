#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkd-tls, on the stand-in for links: bytes arrive, both ways, whole, unseen on
# the wire; who does not hold the key is refused, and so is who comes without.
# timeout: 120
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/memory/lib.sh"
need_cmd openssl
tls=$O/tests/bin/tls_standin
example=$O/tests/bin/tls_example
[ -x "$tls" ] || skip_all "needs $tls: make tests"
export QKD_STANDIN_SEED=$$
port=24433

# accept_once INPUT [ARGS...]: one connection; what came is in $test_dir/came
accept_once() {
	port=$((port + 1))
	: > "$test_dir/log"	# not to read that of the one before
	"$tls" -d accept "${@:2}" near-far "127.0.0.1:$port" < "$1" \
		> "$test_dir/came" 2> "$test_dir/log" &
	server=$!
	at_exit stop $!
	wait_for 10 grep -q listening "$test_dir/log" || die "$(cat "$test_dir/log")"
}
# ended: the server's status
ended() {
	wait_for 15 "! kill -0 $server" || kill -9 $server
	wait $server
}
connect() { timeout 20 "$tls" connect near "127.0.0.1:$port"; }

echo 'from the server' > "$test_dir/reply"
accept_once "$test_dir/reply" -f 127.0.0.1
if [ "$(id -u)" = 0 ]; then
	closed 'the daemon (invariant 4)' $server "$test_dir/log"
else
	skip 'the daemon: none of its memory is dumped' 'needs root'
fi
got=$(echo 'from the client' | connect)
ended
is 'the server ends well' $? 0
is 'what the client says arrives' "$(cat "$test_dir/came")" 'from the client'
is 'and what the server says' "$got" 'from the server'

head -c 3000000 /dev/urandom > "$test_dir/up"
head -c 5000000 /dev/urandom > "$test_dir/down"
accept_once "$test_dir/down" -f 127.0.0.1
connect < "$test_dir/up" > "$test_dir/got"
ended
check 'megabytes arrive unchanged' cmp "$test_dir/up" "$test_dir/came"
check 'in both directions' cmp "$test_dir/down" "$test_dir/got"

# ---- refusals

accept_once "$test_dir/reply" -f 127.0.0.1
QKD_STANDIN_SEED=other connect < "$test_dir/reply" > "$test_dir/got" 2>&1
is 'a client with another key is refused' $? 1
ended
is 'and told nothing' "$(cat "$test_dir/came")" ''

accept_once "$test_dir/reply" -f 127.0.0.1
check_fails 'without key there is no connection' '.' \
	env QKD_STANDIN_BYTES=0 "$tls" connect near "127.0.0.1:$port"
ended
accept_once "$test_dir/reply" -f 127.0.0.1
check_fails 'a client without PSK is refused' '.' timeout 10 \
	openssl s_client -quiet -connect "127.0.0.1:$port"
ended
accept_once "$test_dir/reply" -f 127.0.0.2
check_fails 'who is not the peer is not heard' '.' connect
stop $server

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
	-subj /CN=127.0.0.1 -keyout "$test_dir/key" -out "$test_dir/crt" 2>/dev/null
port=$((port + 1))
start openssl s_server -quiet -accept "127.0.0.1:$port" -cert "$test_dir/crt" -key "$test_dir/key"
wait_for 5 "ss -ltn | grep -q :$port"
connect < "$test_dir/reply" > "$test_dir/got" 2>&1
is 'a server with a certificate and no key is refused' $? 1
is 'and never told what was to be said' "$(grep -c 'from the server' "$test_dir/started.1")" 0

# a connection that is cut is not one that ended
mkfifo "$test_dir/slow"
sleep 5 > "$test_dir/slow" &
holder=$!
at_exit stop $holder
accept_once "$test_dir/slow" -f 127.0.0.1
(connect < "$test_dir/slow" > /dev/null 2>&1; echo $? > "$test_dir/status") &
sleep 1
kill -9 $server
wait_for 5 test -s "$test_dir/status"
is 'a connection that breaks is told from one that ends' "$(cat "$test_dir/status")" 1

# ---- forwarders, the wire, the example

port=$((port + 1)) entry=$((port + 100)) inside=$((port + 200))
start python3 -m http.server --bind 127.0.0.1 --directory "$test_dir" $inside
start "$tls" accept -f 127.0.0.1 near-far "127.0.0.1:$port" "127.0.0.1:$inside"
start "$tls" connect -l "127.0.0.1:$entry" near "127.0.0.1:$port"
wait_for 5 "ss -ltn | grep -q :$port && ss -ltn | grep -q :$entry && ss -ltn | grep -q :$inside"
echo 'the plaintext needle' > "$test_dir/page"
is 'forwarders carry HTTP' "$(curl -s "http://127.0.0.1:$entry/page")" 'the plaintext needle'
fetch8() {
	local i pids=()

	for i in 1 2 3 4 5 6 7 8; do
		curl -s -o "$test_dir/f$i" "http://127.0.0.1:$entry/down" &
		pids+=($!)
	done
	wait "${pids[@]}"
	for i in 1 2 3 4 5 6 7 8; do cmp "$test_dir/down" "$test_dir/f$i" || return 1; done
}
check 'eight at once' fetch8

if [ "$(id -u)" = 0 ] && command -v tcpdump > /dev/null; then
	tcpdump -Z root --immediate-mode -U -n -s 0 -i lo -w "$test_dir/pcap" \
		"tcp port $port" 2> "$test_dir/dump" &
	dump=$!
	at_exit stop $dump
	wait_for 10 grep -q 'listening on' "$test_dir/dump"
	curl -s "http://127.0.0.1:$entry/page" > /dev/null
	sleep 0.5
	stop $dump
	# extension psk_key_exchange_modes, length 2, one mode: psk_dhe_ke
	check 'the client offers psk_dhe_ke and nothing else' \
		sh -c "od -An -v -tx1 '$test_dir/pcap' | tr -d ' \n' | grep 002d00020101"
	is 'the plaintext is not on the wire' "$(grep -c -a 'plaintext needle' "$test_dir/pcap")" 0
else
	skip 'the wire' 'needs root and tcpdump'
fi

# who guesses IDs and proves no key uses up so much and no more
port=$((port + 1))
"$tls" -d accept -f 127.0.0.1 near-far "127.0.0.1:$port" "127.0.0.1:$inside" 2> "$test_dir/guessed" &
at_exit stop $!
wait_for 10 grep -q listening "$test_dir/guessed"
check 'key IDs can be guessed' "$tree/tests/unit/tls_guess.py" "$tls" near $port 400
refused=$(grep -c 'too many have proven no key' "$test_dir/guessed")
at_least 'after some nothing is taken' "$refused" 10
at_least 'but not after the first' $((400 - refused)) 256
# with key that was not guessed: of a client that began to reserve at 32768
mkdir "$test_dir/begun"
printf '\0\x80\0\0\0\0\0\0' > "$test_dir/begun/near"
start env QKD_STANDIN_DIR="$test_dir/begun" "$tls" connect -l "127.0.0.1:$((port + 100))" \
	near "127.0.0.1:$port"
served() { curl -s -m 5 "http://127.0.0.1:$((port + 100))/page" | grep 'plaintext needle'; }
check 'who holds the key is served again' wait_for 10 served

accept_once "$test_dir/reply" -f 127.0.0.1
port32=$port
is 'the documented example works' "$("$example" near "127.0.0.1:$port32" 2>&1)" 'from the server'
ended
is 'and says what it should' "$(cat "$test_dir/came")" hello
