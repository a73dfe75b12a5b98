#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Certificates of qkdctl pki, as openssl judges them.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
need_cmd openssl jq

d=$test_dir/pki
verify() { openssl verify -x509_strict -check_ss_sig -CAfile "$d/ca.crt" "$@"; }
ext() { openssl x509 -in "$d/$1.crt" -noout -text; }
mode() { stat -c %a "$d/$1"; }

check 'an authority is made' qkdctl pki init dir "$d"
check 'it is valid, strictly' verify "$d/ca.crt"
check 'it may sign certificates and be nothing else' \
	eval 'ext ca | grep -q "CA:TRUE, pathlen:0" && ext ca | grep -q "Certificate Sign, CRL Sign"'
is 'only its owner reads its key' "$(mode ca.key)" 600
check_fails 'it is not overwritten' 'exists' qkdctl pki init dir "$d"

check 'an SAE gets a certificate' qkdctl pki issue sae fw-1 dir "$d"
check 'which is good for a TLS client' verify -purpose sslclient "$d/fw-1.crt"
check_fails 'but for no server' 'purpose' verify -purpose sslserver "$d/fw-1.crt"
check 'it names the SAE by URI' eval 'ext fw-1 | grep -q "URI:urn:qkd:sae:fw-1"'
is 'only its owner reads its key' "$(mode fw-1.key)" 600
is 'key and certificate belong together' \
	"$(openssl pkey -in "$d/fw-1.key" -pubout)" \
	"$(openssl x509 -in "$d/fw-1.crt" -noout -pubkey)"

check 'a KME gets one' qkdctl pki issue kme kme-1 dir "$d" \
	host kme.example host 192.0.2.1 host 2001:db8::1 curve p384 days 30
check 'which is good for a server' \
	verify -purpose sslserver -verify_hostname kme.example "$d/kme-1.crt"
check 'by address too' \
	verify -purpose sslserver -verify_ip 192.0.2.1 "$d/kme-1.crt"
check 'of either family' \
	verify -purpose sslserver -verify_ip 2001:db8::1 "$d/kme-1.crt"
check 'and for a client, of other KMEs' verify -purpose sslclient "$d/kme-1.crt"
check 'on the curve asked for' eval 'ext kme-1 | grep -q P-384'
check 'for the days asked for' openssl x509 -in "$d/kme-1.crt" -noout -checkend $((29 * 86400))
check_fails 'and no more' . openssl x509 -in "$d/kme-1.crt" -noout -checkend $((30 * 86400))

check_fails 'a KME needs a host' 'host' qkdctl pki issue kme kme-2 dir "$d"
check_fails 'an ID is no path' 'ID has' qkdctl pki issue sae ../x dir "$d"
check_fails 'nor the authority' 'own' qkdctl pki issue sae ca dir "$d"
check_fails 'a host adds no other name' 'no name' \
	qkdctl pki issue kme kme-3 host 'a,URI:urn:qkd:sae:b' dir "$d"
check_fails 'none outlives the authority' 'ends before' \
	qkdctl pki issue sae fw-3 dir "$d" days 5000
check_fails 'without an authority, what to do is said' 'pki init' \
	qkdctl pki issue sae fw-3 dir "$test_dir"
is 'what was refused left no file' "$(cd "$d" && echo ./*)" \
	'./ca.crt ./ca.key ./fw-1.crt ./fw-1.key ./kme-1.crt ./kme-1.key'

is 'show tells the names, in JSON' \
	"$(qkdctl -j pki show "$d/fw-1.crt" | jq -r '.[0].names')" \
	'URI:urn:qkd:sae:fw-1'
at_least 'and the days left' \
	"$(qkdctl -j pki show "$d/fw-1.crt" | jq '.[0].days_left')" 396
check_fails 'what is no certificate is told' . qkdctl pki show /dev/null
