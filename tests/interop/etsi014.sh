#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Driver etsi014 against somebody else's key management entities, a vendor's or a
# simulator, where these tell of them:
#
#	QKD_KME_A, QKD_KME_B	each end's configuration, as "qkdctl link add ...
#				driver etsi014 config" takes it (drivers.rst):
#				kme=https://... sae=... cert=... key=... ca=...
#	QKD_KME_BYTES		of key to wait for, 2000
# timeout: 120
. "$(dirname "$0")/../lib.sh"
pair=$O/tests/bin/etsi014_pair
[ -x "$pair" ] || skip_all "needs $pair: make tests"
[ -n "${QKD_KME_A:-}" ] && [ -n "${QKD_KME_B:-}" ] ||
	skip_all "needs QKD_KME_A and QKD_KME_B: two key management entities"

bytes=${QKD_KME_BYTES:-2000}
V=1 timeout 100 "$pair" 90 "$bytes" "$QKD_KME_A" "$QKD_KME_B" > "$test_dir/out" 2>&1
# blocks that both ends have, and those that differed
blocks=$(sed -n 's/^enough agree=\([0-9]*\),.*/\1/p' "$test_dir/out")
at_least 'both ends get key' "${blocks:-0}" 1
check 'and no block differed' grep -q '^verify=0' "$test_dir/out"
[ $ktap_failed = 0 ] || say "$(tail -n 40 "$test_dir/out")"
