# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# Two KMEs, a and b, on the stand-in for links; to be sourced after
# tests/lib.sh. SAEs a1 and a2 are at a, b1 and b2 at b.

pki=$test_dir/pki
declare -A kme_port=([a]=19443 [b]=19444) kme_pid
export QKD_STANDIN_SEED=$$

kme_pki() {
	qkdctl pki init dir "$pki" &&
		qkdctl pki issue kme kme-a host localhost host 127.0.0.1 dir "$pki" &&
		qkdctl pki issue kme kme-b host localhost host 127.0.0.1 dir "$pki" || return
	for s in a1 a2 b1 b2 stranger; do
		qkdctl pki issue sae $s dir "$pki" || return
	done
}

# kme_conf END OTHER LINK [MORE MEMBERS]
kme_conf() {
	cat > "$test_dir/$1.json" <<- EOF
	{ "kme": "kme-$1", "listen": ["127.0.0.1:${kme_port[$1]}"], ${4:-}
	  "certificate": "$pki/kme-$1.crt", "key": "$pki/kme-$1.key", "ca": "$pki/ca.crt",
	  "links": [ { "link": "$3", "peer-kme": "kme-$2", "peer": "127.0.0.1:${kme_port[$2]}",
	      "pairs": [ { "local": "${1}1", "remote": "${2}1" },
	                 { "local": "${1}1", "remote": "${2}2" },
	                 { "local": "${1}2", "remote": "${2}1" } ] } ] }
	EOF
}

# kme_start END: and waits until it serves. What the one before said must not be
# taken for its word: the shell empties the file only once it has forked
kme_start() {
	: > "$test_dir/$1.log"
	"$O/tests/bin/kmed_standin" -c "$test_dir/$1.json" > "$test_dir/$1.log" 2>&1 &
	kme_pid[$1]=$!
	at_exit stop $!
	wait_for 10 "grep -q 'is ready' $test_dir/$1.log" ||
		die "KME $1 does not start: $(cat "$test_dir/$1.log")"
}

# kme_starts END: whether it starts with what it is given, which is tried only; what
# it says
kme_starts() {
	: > "$test_dir/$1.out"
	"$O/tests/bin/kmed_standin" -c "$test_dir/$1.json" > "$test_dir/$1.out" 2>&1 &
	local pid=$!

	wait_for 20 "grep -q 'is ready' $test_dir/$1.out || ! kill -0 $pid 2> /dev/null"
	kill $pid 2> /dev/null && wait $pid
	cat "$test_dir/$1.out"
	grep -q 'is ready' "$test_dir/$1.out"
}

# sae ID END PEER METHOD [CURL ARGUMENTS]: body, and in a line of its own, status
sae() {
	local id=$1 end=$2 peer=$3 method=$4

	shift 4
	curl -sS --max-time 20 --cacert "$pki/ca.crt" --cert "$pki/$id.crt" \
		--key "$pki/$id.key" -w '\n%{http_code}\n' "$@" \
		"https://localhost:${kme_port[$end]}/api/v1/keys/$peer/$method"
}
body() { head -n 1; }
status() { tail -n 1; }
