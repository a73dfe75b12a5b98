#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
#
# qkd-sim and qkd-raw as a person uses them: plans, pictures, streams, and the
# recordings of real hardware (which are looked for in $QKD_TEST_DATA).
. "$(dirname "$0")/../lib.sh"

data=${QKD_TEST_DATA:-$tree/../shared/data}/qkd
cd "$test_dir" || exit 1

json() { python3 -m json.tool > /dev/null; }

# fails WORD CMD...: CMD fails, and says WORD
fails() {
	local word=$1 said

	shift
	said=$("$@" 2>&1) && return 1
	case $said in *"$word"*) ;; *) echo "$said"; return 1 ;; esac
}

drawn() { qkd-sim -q plot "$1" to 50 step 25 && [ -s "$1" ]; }
is_svg() { drawn plan.svg && grep -q '<svg' plan.svg; }
is_png() { drawn plan.png && [ "$(head -c 4 plan.png | tail -c 3)" = PNG ]; }

# the title has the settings that the curves are of
title() { qkd-sim -q plot "$1.gp" to 50 step 25 "${@:2}" && grep '^set multiplot' "$1.gp"; }
settings() { title own | grep 'passive receiver.*intensities 0.45, 0.22, .* p_Z 0.85'; }
optimised() { title best optimise receiver=active | grep ' active receiver.*intensities and p_Z optimised' | grep -v 0.45; }

rate_json() { qkd-sim -j rate to 50 step 25 block 1e6 optimise | json; }
words_json() { qkd-sim -j words | json; }

both_ends() {
	qkd-sim -q run alice a bob b length=50 seconds=0.2 speed=0 eve=0.5 &&
	qkd-raw -j show a b | python3 -c '
import json, sys
d = json.load(sys.stdin)
k = d["intensities"][0]
q = k["z_wrong"] / k["z"]
sys.exit(not (d["lone"] == 0 and 0.11 < q < 0.16 and k["sent"] > 6e7))'
}

pairs() {
	qkd-sim -q run alice ta bob tb device=bbm92 seconds=1 speed=0 \
		offset_ns=4321 drift_ppb=500 &&
	qkd-raw -j pairs ta tb | python3 -c '
import json, sys
d = json.load(sys.stdin)
sys.exit(not (d["chsh"] > 2.5 and abs(d["drift"] - 5e-7) < 1e-8 and
	      0.005 < d["z_wrong"] / d["z"] < 0.02))'
}

cut_off() { head -c 100000 a > "part" && qkd-raw show "part"; }

check 'a plan is JSON' rate_json
check 'the words are JSON' words_json
check 'a picture tells its settings' settings
check 'and none that were optimised' optimised
check 'a wrong word is named' fails 'lenght' qkd-sim rate lenght=5
check 'a range is told' fails '0 to 1' qkd-sim run eve=7
check 'both ends agree but for the interceptor' both_ends
check 'streams are readable to their owner only' test "$(stat -c %a a)" = 600
check 'pairs are found, and CHSH is violated' pairs
check 'a stream cut off is told from one that ended' fails 'damaged' cut_off
check 'two runs are not taken for one' fails 'different runs' \
	sh -c 'qkd-sim -q run bob b2 seconds=0.01 speed=0 && qkd-raw show a b2'
if command -v gnuplot > /dev/null; then
	check 'a plan as SVG' is_svg
	check 'a plan as PNG' is_png
else
	skip 'a plan as SVG' 'no gnuplot'
fi

run=$data/ohio_drone/ohioDataVarsObsCarRun3Mar27.mat
clicks=$data/veriqloud_hw/click_data_1.txt

ohio() {
	qkd-raw -j ohio "$run" | python3 -c '
import json, sys
d = json.load(sys.stdin)
k = d["intensities"][0]
sys.exit(not (d["length"] > 1e6 and 0.02 < k["qber_z"] < 0.03 and
	      d["phi"] < d["three_phi"] < 0.12 and
	      5e5 < d["three_length"] < d["length"] / 2))'
}

# what is drawn has the error rate and the gain that were recorded
drawn_ohio() {
	qkd-raw ohio "$run" alice oa bob ob pulses 2e7 seed 1 &&
	qkd-raw -j show oa ob > drawn && qkd-raw -j ohio "$run" > told &&
	python3 -c '
import json, math
d = json.load(open("drawn"))["intensities"]
t = json.load(open("told"))["intensities"]
for k in range(3):
    for b in "zx":
        n = 2e7 * t[k]["p"] / 2
        p = t[k]["sifted_" + b]
        assert abs(d[k][b] - n * p) < 5 * math.sqrt(n * p), (k, b)
        q = t[k]["qber_" + b]
        w = d[k][b + "_wrong"] - d[k][b] * q
        assert abs(w) < 5 * math.sqrt(d[k][b] * q * (1 - q) + 1), (k, b)'
}

kiwi() {
	qkd-raw kiwi "$clicks" bob kb && qkd-raw show kb | grep -q basis=none
}

if [ -r "$run" ]; then
	check 'a drone link: recorded error rates and key' ohio
	check 'a drone link: drawn pulses are like the recorded' drawn_ohio
else
	skip 'a drone link' "no $run; set QKD_TEST_DATA"
fi
if [ -r "$clicks" ]; then
	check 'clicks of a board are converted, without a basis' kiwi
else
	skip 'clicks of a board' "no $clicks; set QKD_TEST_DATA"
fi
check 'what is no record of clicks is refused' fails 'not a click' \
	qkd-raw kiwi "$tree/tests/lib.sh" bob kx
