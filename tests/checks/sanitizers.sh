#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# The unit tests run clean under the address and undefined-behaviour
# sanitizers.
. "$(dirname "$0")/lib.sh"

unset MAKEFLAGS MFLAGS MAKELEVEL
# gcc warns of what its instrumentation only makes look wrong
unset WERROR
# only what is run here, and at -O1, which is compiled in two thirds of the time
check 'unit tests compile with sanitizers' make -j"$(nproc)" \
	-f tools/Makefile O="$O" SAN=1 CFLAGS='-O1 -g1' \
	unit-programs "$O"/san/bin/qkd-{sim,raw}
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
export QKD_SANITIZED=1

# one PROGRAM: what it says is kept, and that it failed
one() {
	timeout 300 "$1" > "$test_dir/${1##*/}.said" 2>&1 ||
		echo "status $?" > "$test_dir/${1##*/}.failed"
}

# They mostly wait: for timers, and for each other.
for t in "$O"/san/tests/unit/*; do
	[ -x "$t" ] || continue
	[ "$(jobs -rp | wc -l)" -lt $((2 * $(nproc))) ] || wait -n
	one "$t" &
done
wait
for t in "$O"/san/tests/unit/*; do
	[ -x "$t" ] || continue
	check "clean: ${t##*/}" sh -c 'tail -c 4000 "$1.said"; ! cat "$1.failed"' - \
		"$test_dir/${t##*/}"
done
