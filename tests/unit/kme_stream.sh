#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ETSI GS QKD 004: both ends of a stream get the same key under the same index,
# and whoever does not belong to it gets none.
#
#	a1 -- KME a ---- link q0 ---- KME b -- b1
# timeout: 120
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd python3 openssl curl

kme_pki > /dev/null || die "no certificates"
kme_conf a b q0 '"listen-004": ["127.0.0.1:19447"], "timeout": 4, "metrics": "127.0.0.1:19445",'
kme_conf b a q0-far '"listen-004": ["127.0.0.1:19448"], "timeout": 4,'
kme_start a
kme_start b
declare -A port_004=([a]=19447 [b]=19448)

# app NAME SAE END: a client that is fed by "say NAME ..."
declare -A app_in app_out app_pid
app() {
	local in out

	coproc APP { exec python3 "$tree/tests/kme/client_004.py" "${port_004[$3]}" \
		"$pki/$2.crt" "$pki/$2.key" "$pki/ca.crt" 2>> "$test_dir/$1.err"; }
	exec {in}>&"${APP[1]}" {out}<&"${APP[0]}"
	app_in[$1]=$in app_out[$1]=$out app_pid[$1]=$APP_PID
	at_exit kill "$APP_PID"
}
say_to() { printf '%s\n' "${*:2}" >&"${app_in[$1]}"; }
hear() { local l=; read -r -t 20 l <&"${app_out[$1]}"; echo "$l"; }
ask() { say_to "$@"; hear "$1"; }
word() { cut -d ' ' -f "$1"; }

{ app a a1 a; app b b1 b; } 2> /dev/null
ans=$(ask a open urn:qkd:sae:a1 urn:qkd:sae:b1)
is '6.1: opened, the peer is not there: status 1' "$(word 1 <<< "$ans")" 1
ksid=$(word 2 <<< "$ans")
check 'and a key stream ID is allocated' grep -q -E '^[0-9a-f]{8}-[0-9a-f]{4}-4' <<< "$ksid"
is '6.2: no key before the peer is there: status 3' "$(ask a key "$ksid" 0 | word 1)" 3
say_to b open urn:qkd:sae:b1 urn:qkd:sae:a1 "$ksid"
is 'the peer connects by the ID: status 0' "$(hear b | word 1)" 0
ka=$(ask a key "$ksid" 0) kb=$(ask b key "$ksid" 0)
is 'a key: status 0, its index' "$(word 1,2 <<< "$ka")" '0 0'
is 'of the size asked for' "$(word 3 <<< "$ka" | tr -d '\n' | wc -c)" 64
is 'the same at both ends' "$kb" "$ka"
is 'with metadata of the type asked for' "$(word 5 <<< "$ka")" '{"index":0,"size":256}'
k1=$(ask a key "$ksid" 1)
check 'the next is another' [ "$(word 3 <<< "$k1")" != "$(word 3 <<< "$ka")" ]
k7=$(ask a key "$ksid" 7)
is 'some may be left out' "$(word 1,2 <<< "$k7")" '0 7'
is 'and the index says which it is at the other end' "$(ask b key "$ksid" 7)" "$k7"
is 'what was given or left out is gone: status 2' "$(ask b key "$ksid" 3 | word 1)" 2
is 'so is it at the first end' "$(ask a key "$ksid" 7 | word 1)" 2
is 'metadata that has no room: status 8, and how much it needs' \
	"$(ask a key "$ksid" 8 5 | word 1,3,4)" '8 - 22'
is 'which costs no key' "$(ask a key "$ksid" 8 0 | word 1,2,4)" '0 8 0'

# ---- who must not
{ app x a1 a; app y b2 b; app z a2 a; } 2> /dev/null
is 'an ID in use here: status 5' "$(ask x open a1 b1 "$ksid" | word 1)" 5
is 'a stream of another connection gives nothing: status 4' "$(ask x key "$ksid" 9 | word 1)" 4
is 'nor can another close it' "$(ask x close "$ksid")" 4
is 'an SAE cannot be another: status 4' "$(ask z open a1 b1 | word 1)" 4
is 'nor open what no link serves' "$(ask z open a2 b2 | word 1)" 4
is 'another SAE with the ID gets a stream of its own, and no peer' \
	"$(ask y open b2 a1 "$ksid" timeout=300 | word 1)" 1
is 'and no key' "$(ask y key "$ksid" 9 | word 1)" 3

# ---- quality of service
is '6.3: a rate is not promised: status 7, with what is met' \
	"$(ask x open a1 b1 min_bps=5000 | word 1,3,4)" '7 32 0'
is 'nor keys larger than the link gives' "$(ask x open a1 b1 chunk=100000 | word 1,3)" '7 8191'
is 'nor waits longer than connections last' "$(ask x open a1 b1 timeout=600000 | word 1,5)" '7 2000'
is 'nor metadata in another format' "$(ask x open a1 b1 mime=text/html | word 1,6)" '7 application/json'
ans=$(ask x open a1 b1 max_bps=2560 timeout=2000 mime=)
slow=$(word 2 <<< "$ans")
{ app w b1 b; } 2> /dev/null
is 'ends that mean another size of key have no stream in common' \
	"$(ask w open b1 a1 "$slow" chunk=16 timeout=300 mime= | word 1)" 1
ask w close "$slow" > /dev/null
is 'with the same they have' "$(ask w open b1 a1 "$slow" mime= | word 1)" 0
begin=$(date +%s%N)
for i in {0..10}; do ask x key "$slow" "$i"; done > "$test_dir/slow"
is 'eleven keys come' "$(grep -c '^0 ' "$test_dir/slow")" 11
at_least 'not faster than Max_bps (ms)' $((($(date +%s%N) - begin) / 1000000)) 950
is 'no metadata where none was asked for' "$(word 4,5 < "$test_dir/slow" | sort -u)" '0 -'

# ---- the end
is '6.4: closed: status 0' "$(ask b close "$ksid")" 0
is 'closed twice: status 4' "$(ask b close "$ksid")" 4
i=9
while ans=$(ask a key "$ksid" $i | word 1); [ "$ans" = 0 ] && [ $i -lt 60 ]; do i=$((i + 1)); done
is 'it ends at the other end too: status 4' "$ans" 4
is 'a connection that ends closes its streams' \
	"$(kill "${app_pid[w]}"; sleep 1; i=11; while ans=$(ask x key "$slow" $i | word 1); [ "$ans" = 0 ] && [ $i -lt 20 ]; do i=$((i + 1)); done; echo "$ans")" 4

# ---- what makes no sense
for bad in 0201010200000000 0101010700000000 01000107000000ff 01000102ffffffff 0100010800000002abcd \
	01000102000001300000$(printf '00%.0s' {1..302}); do
	{ app m a1 a; } 2> /dev/null
	is "what is no request ends the connection: ${bad:0:24}" "$(ask m raw "$bad")" end
done
check_fails 'none without a certificate' . eval \
	"printf '\\1\\0\\1\\10\\0\\0\\0\\20aaaaaaaaaaaaaaaa' | openssl s_client -quiet -connect localhost:19447 -CAfile $pki/ca.crt 2> /dev/null | grep -c ."
{ app q a1 a; app x a1 a; } 2> /dev/null
ksid=$(ask x open a1 b1 | word 2)
sleep 6
is 'who says nothing is cut off' "$(ask q open a1 b1 | word 1)" end
is 'who has a stream open is not' "$(ask x close "$ksid")" 0
is 'figures are told' \
	"$(curl -sS http://127.0.0.1:19445/metrics | sed -n 's/^qkd_kmed_stream_keys_total //p' | awk '{ print ($1 >= 15) }')" 1
is 'and HTTP goes on beside it' "$(sae a1 a b1 status | status)" 200
kill "${kme_pid[a]}"
wait "${kme_pid[a]}"
is 'asked to end with streams open, it ends well' $? 0
