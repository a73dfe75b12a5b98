#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
#
# From a block's report alone its key length can be computed again: by another
# program, in another language, from the papers.
. "$(dirname "$0")/../lib.sh"

need_cmd python3
chain=$O/bench/qkdd_chain
[ -x "$chain" ] || skip_all 'needs the benchmarks: make -f tools/Makefile benches'
again=$tree/tests/unit/qkdd_report.py

# recomputed METHOD WORD...
recomputed() {
	local method=$1

	shift
	"$chain" -v -n 1 -t 2 "$@" > "$test_dir/reports" 2>&1 ||
		{ grep -v '": {' "$test_dir/reports"; return 1; }
	python3 "$again" "$method" < "$test_dir/reports"
}

device='length=0 efficiency=0.3'
two='intensities=0.5,0.15 probabilities=0.6,0.4'

check 'two decoys: the length follows from the report' \
	recomputed lim2014 "$device" block=1048576
# shellcheck disable=SC2086
check 'one decoy: the length follows from the report' \
	recomputed rusca2018 "$device" $two block=262144
check 'entangled pairs: the length follows from the report' \
	recomputed bbm92 device=bbm92 length=1 pairs=1e6 efficiency=0.6 \
	pz=0.6 block=32768

# a budget in which a term was left out
cooked() {
	grep ': {' "$test_dir/reports" |
		sed 's/"delta_sec":[0-9.]*/"delta_sec":0/' |
		python3 "$again" bbm92
}
check_fails 'a report that leaves out a term is found out' delta_sec cooked
