#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Driver etsi014 against key management entities not of ours: both ends of a
# link get the same key, or none; whatever the KMEs do.
# timeout: 180
. "$(dirname "$0")/../lib.sh"
need_cmd openssl python3
pair=$O/tests/bin/etsi014_pair
[ -x "$pair" ] || skip_all "needs $pair: make tests"
cd "$test_dir" || exit 1

# cert NAME [MORE]: signed by the CA
cert() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
		-keyout "$1.key" -out "$1.csr" &&
	openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
		-extfile <(echo subjectAltName=IP:127.0.0.1) -out "$1.crt"
}
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj /CN=ca -keyout ca.key -out ca.crt &&
	cert kme && cert alice && cert bob
} > pki.log 2>&1 || die "$(cat pki.log)"

port=$((26000 + RANDOM % 4000))
# kme FAULT: starts one; its port is $port
kme() {
	port=$((port + 1))
	mkdir -p keys
	start python3 "$tree/tests/kme/other_kme.py" $port kme.crt kme.key ca.crt keys "$1"
	wait_for 10 "ss -ltn | grep -q 127.0.0.1:$port"
}
# of SAE OTHER PORTS...: a configuration
of() {
	local me=$1 other=$2 list

	shift 2
	list=$(printf ',https://127.0.0.1:%s' "$@")
	echo "kme=${list:1} sae=$other cert=$test_dir/$me.crt key=$test_dir/$me.key ca=$test_dir/ca.crt"
}
# run SECONDS WANT PORTS0 PORTS1 (each in one word): what came of it is in out
run() {
	# node clinic sorts before hospital: the second end leads
	# shellcheck disable=SC2086
	"$pair" "$1" "$2" "$(of alice bob $3)" "$(of bob alice $4)" > out 2>&1
}
agree() { grep -q '^enough agree=[1-9][0-9]*,[1-9]' out || { cat out; return 1; }; }
# none: no key came, and none that differs
none() { grep -q '^starved agree=0,0' out || { cat out; return 1; }; }

kme ''; a=$port
kme ''; b=$port
run 20 8000 $a $b
check 'both ends get the same key' agree
at_least 'many keys of a request' "$(grep -c 'enc_keys 200' keys/log)" 1
at_most 'within what the KME allows' "$(grep -c 'enc_keys 200' keys/log)" 60
is 'what one was given and the other fetched is gone' "$(find keys -name '*-*-*-*-*' | wc -l | awk '{ print $1 < 600 }')" 1

kme late; late=$port; run 30 2000 "$late" "$late"
check 'a KME that learns of keys later is asked again' agree
kme reverse; r=$port; run 20 4000 "$r" "$r"
check 'keys in another order are put right' agree
kme lie; l=$port; run 6 100 "$l" "$l"
check 'a KME that gives another key under the ID feeds nothing' none
check 'and raises the alarm' grep -q 'verify=[1-9]' out
kme empty; e=$port; run 4 100 "$e" "$e"
check 'a KME without key feeds nothing' none
check 'and is quoted' grep -q 'answers 503: no key' out
n=$(grep -c "^$e POST" keys/log)
at_most 'and not pestered' "$n" 4
run 20 4000 "$e $a" "$e $b"
check 'another takes over' agree
run 20 4000 "1 $a" "1 $b"
check 'also for one that is not there' agree
run 4 100 "$a" "1"
check 'with one end without KME, neither gets key' none

# the wrong certificate; the wrong server
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=ca -keyout ca.key -out other.crt > pki.log 2>&1
"$pair" 3 100 "$(of alice bob "$a")" "$(of bob alice "$b" | sed s/ca.crt/other.crt/)" > out 2>&1
check 'a KME that the CA does not know is not believed' none
"$pair" 3 100 "$(of alice carol "$a")" "$(of bob carol "$b")" > out 2>&1
check 'key of another pair of SAEs is refused' none
