#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tests that the pages on security and testing name for their claims are
# there, and each of those named for one of the nine invariants carries its number.
. "$(dirname "$0")/lib.sh"

# what stands in double backquotes, over the ends of lines too
quoted() {
	tr '\n' ' ' < "$1" | grep -oE '``[^`]+``' | tr -d '`' | tr -s ' '
}
# named PAGE: files of tests, with their folder or without
named() {
	quoted "$1" | tr ' ' '\n' | grep -E '^tests/|^[a-z0-9_]+\.(sh|c|py|pml)$' |
		sed 's,/$,,' | sort -u
}
absent() {
	local n

	while read -r n; do
		case $n in
		tests/*)	[ -e "$n" ] || echo "$n" ;;
		*)		find tests tools kmod -name "$n" | grep -q . || echo "$n" ;;
		esac
	done
}
for page in security testing; do
	page=Documentation/$page.rst
	at_least "$page names tests" "$(named "$page" | wc -l)" 5
	is 'which are there' "$(named "$page" | absent)" ''
	is 'as are the targets of make' "$(quoted "$page" |
		sed -n 's/^make \([a-z][a-z-]*\).*/\1/p' | sort -u |
		while read -r t; do grep -q "^$t:" Makefile || echo "$t"; done)" ''
done

# the tests named below "N. **" in security.rst
tests_of() {
	awk -v n="$1" '/^[0-9]\. \*\*/ { on = $1 == n "." } /^[A-Z]/ { on = 0 } on' \
		Documentation/security.rst > "$test_dir/invariant"
	named "$test_dir/invariant"
}
# unnumbered N: of those, files that do not say so
unnumbered() {
	local f

	tests_of "$1" | while read -r f; do
		case $f in
		tests/*)	;;
		*)		f=$(find tests/kernel tests/unit tests/e2e -name "$f" | head -n 1) ;;
		esac
		[ ! -f "$f" ] || tr -s '\n#* ' ' ' < "$f" |
			grep -qiE "invariants?[_ (][^.]{0,120}\<$1\>|invariants?_$1" || echo "$f"
	done
}
for i in 1 2 3 4 5 6 7 8 9; do
	at_least "invariant $i: the page names its tests" "$(tests_of $i | wc -l)" 1
	is "invariant $i: they carry its number" "$(unnumbered $i)" ''
done
