#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# No parser of what peers and devices say is hurt by the corpus that is kept,
# nor by what is found in some seconds more. (`make fuzz` takes 60 s a parser;
# here all together should not take longer than some two minutes.)
# Where memory runs out they err in no other way either.
. "$(dirname "$0")/lib.sh"

need_cmd clang
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$tree" || exit 1
tests/fuzz/run "${FUZZ_SECONDS:-12}" > "$test_dir/fuzz" 2>&1
while read -r verdict _ name rest; do
	case $verdict in
	ok)	ok "holds: ${name%:}: $rest" ;;
	not)	fail "holds: $rest" "$(grep -A 40 "^not ok [0-9]* $rest" \
			"$test_dir/fuzz")" ;;
	esac
done < <(grep -E '^(not )?ok ' "$test_dir/fuzz")
at_least 'fuzzers run' "$ktap_n" "$(find tests/fuzz -maxdepth 1 -name '*.c' | wc -l)"
