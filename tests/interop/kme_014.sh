#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The key service asked by a client that is not ours, where one is installed
# (pip install etsi-qkd-014-client).
# timeout: 60
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd python3 openssl
python3 -c 'import etsi_qkd_014_client' 2> /dev/null || skip_all "needs etsi-qkd-014-client of PyPI"

kme_port=([a]=19643 [b]=19644)
kme_pki > /dev/null || die "no certificates"
kme_conf a b q0
kme_conf b a q0-far
kme_start a
kme_start b
python3 "$tree/tests/interop/kme_014.py" "$pki" "${kme_port[a]}" "${kme_port[b]}" > "$test_dir/out" 2>&1
is 'its client is content' "$?" 0
line() { sed -n "$1p" "$test_dir/out"; }
is 'status' "$(line 1)" 'status 200 True kme-a b1 256 True'
is 'a key' "$(line 2)" 'one 200 True 1'
is 'which the other end gets' "$(line 3)" 'same 200 True'
is 'once' "$(line 4)" 'once 400 True one or more keys specified are not found on KME'
is 'three of another size' "$(line 5)" 'three 200 3 88'
is 'which the other end gets, too' "$(line 6)" 'same 200 True'
is 'a size that cannot be' "$(line 7)" 'refused 400 True size shall be a multiple of 8'
[ $ktap_failed = 0 ] || say "$(cat "$test_dir/out")"
