#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# No parser of what peers and devices say is hurt by the corpus that is kept,
# nor by what is found in some seconds more: 60 for those that read what comes
# over the classical channel, where a man in the middle sits, 10 for the others.
# (`make fuzz` takes 60 for each.)
# Where memory runs out they err in no other way either.
. "$(dirname "$0")/lib.sh"

need_cmd clang
unset MAKEFLAGS MFLAGS MAKELEVEL WERROR
cd "$tree" || exit 1
mapfile -t all < <(cd tests/fuzz && printf '%s\n' *.c | sed 's/\.c$//')
mapfile -t channel < <(printf '%s\n' "${all[@]}" | grep -E '^(post|qkdd)_')
mapfile -t others < <(printf '%s\n' "${all[@]}" | grep -v -E '^(post|qkdd)_')
{
	tests/fuzz/run "${FUZZ_SECONDS:-60}" "${channel[@]}"
	tests/fuzz/run "${FUZZ_SECONDS:-10}" "${others[@]}"
} > "$test_dir/fuzz" 2>&1
while read -r verdict _ name rest; do
	case $verdict in
	ok)	ok "holds: ${name%:}: $rest" ;;
	not)	fail "holds: $rest" "$(grep -A 40 "^not ok [0-9]* $rest" \
			"$test_dir/fuzz")" ;;
	esac
done < <(grep -E '^(not )?ok ' "$test_dir/fuzz")
at_least 'fuzzers run' "$ktap_n" ${#all[@]}
