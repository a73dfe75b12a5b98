#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 100
#
# Malformed and well-formed requests, device calls and datagrams, from a seed
# of the day, for a while (invariant 6); no answer's padding tells anything
# (invariant 5). Longer, with coverage, and on the debug kernel: make fuzz-kernel.
. "$(dirname "$0")/../lib.sh"

need_root
need_cmd python3 qkdctl ip
python3 -c 'import yaml' 2> /dev/null || skip_all "needs python3-yaml"
need_module qkd qkd_xfrm qkd_otp
log_mark
seed=$(date +%j)
check "fuzzed for a while, seed $seed: the answers are sane, their padding empty" \
	"$tree/tests/kfuzz/fuzz.py" --out "$test_dir" \
	--seconds "${QKD_FUZZ_SECONDS:-30}" --seed "$seed"
say "$(grep '^#' "$test_dir/said")"
log_check 'the kernel reports nothing'
