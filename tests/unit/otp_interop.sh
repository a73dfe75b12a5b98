#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A reader of one-time-pad packets in Python, written from formats.rst alone,
# opens those that the kernel's code made, and none that were spoilt.
. "$(dirname "$0")/../lib.sh"
need_cmd python3
open_all() { "$tree/tests/interop/otp_decrypt.py" "$@"; }
check 'all vectors come out as they should' open_all "$tree/tests/vectors/otp.json"
python3 - "$tree/tests/vectors/otp.json" > "$test_dir/spoilt.json" <<'P'
import json, sys
v = json.load(open(sys.argv[1]))
p = next(p for p in v["packets"] if p.get("plain"))
p["packet"] = p["packet"][:-1] + "%x" % (int(p["packet"][-1], 16) ^ 1)
json.dump(v, sys.stdout)
P
check_fails 'a flipped bit is found' . open_all "$test_dir/spoilt.json"
