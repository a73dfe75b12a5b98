#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Check the model of the pools exhaustively, and check that the checker would
# notice: with each rule left out it must find an error. KTAP on stdout.
set -u
here=$(cd "$(dirname "$0")" && pwd)
command -v spin >/dev/null || { echo "1..0 # SKIP spin is not installed"; exit 4; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

# check NAME [SPIN OPTION...]: prints what the checker found, or none
check() {
	name=$1; shift
	mkdir -p "$name" && cd "$name" || exit 1
	spin "$@" -a "$here/pool.pml" >spin.log 2>&1 &&
	${CC:-cc} -O2 -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -o pan pan.c \
		>cc.log 2>&1 &&
	./pan -m1000000 -w24 >pan.log 2>&1
	if grep -q 'assertion violated' pan.log; then
		echo violation
	elif grep -q 'max search depth too small' pan.log; then
		echo truncated
	elif grep -q 'errors: 0$' pan.log; then
		echo none
	else
		echo trouble
	fi
	cd "$dir" || exit 1
}

n=0 failed=0
result() { # result DESCRIPTION GOT WANTED
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n $1"
	else
		echo "not ok $n $1 # found: $2, wanted: $3"
		failed=1
	fi
}

# Whoever leads, some rules are of no consequence: where B's end leads, A's
# holds nothing that B's did not hold before.
echo "TAP version 13"
echo "1..9"
for lead in TX RX; do
	result "$lead leads: invariants 1 and 2 hold for peers that crash anywhere" \
		"$(check "whole-$lead" "-D${lead}_LEADS")" none
	echo "# $(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1 states/p' \
		"whole-$lead/pan.log")"
	case $lead in
	TX)	rules="GENERATION OFFSET MEET CONFIRM" ;;
	RX)	rules="GENERATION MEET FIRST" ;;
	esac
	for rule in $rules; do
		result "$lead leads: without the rule $rule the checker finds a violation" \
			"$(check "$rule-$lead" "-D${lead}_LEADS" -DBREAK_"$rule")" \
			violation
	done
done
exit $failed
