#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every source says its licence in its first lines; none speaks of the machine
# it was written on. README, MAINTAINERS and pages agree with what is there.
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"

# What can hold a comment: but for Debian's own files, what is only text, and the
# kernels' configurations, which are built anew when a byte of them changes.
unlicensed() {
	ours . ':!debian/*' ':!tests/fuzz/corpus' ':!*.json' ':!*.example' ':!*.txt' \
		':!*.md' ':!*.config' ':!.gitignore' ':!MAINTAINERS' ':!VERSION' |
		cat - <(ours 'debian/*.p*' debian/rules) | while read -r f; do
			head -n 3 "$f" | grep -q SPDX-License-Identifier || echo "$f"
		done
}
is 'sources name their licence' "$(unlicensed)" ''
is 'scripts are executable' "$(ours tests tools kmod | while read -r f; do
	if head -c 3 "$f" | grep -a -q '^#!' && [ ! -x "$f" ]; then echo "$f"; fi
done)" ''
is 'the README names every folder and every page' "$({
	git ls-files kmod tools include | sed -n 's|^\([^/]*/[^/]*\)/.*|`\1`|p'
	git ls-files tests | sed -n 's|^tests/\([^/]*\)/.*|`\1`|p'
	git ls-files Documentation | sed -n \
		's|^\(Documentation/[^/]*\.rst\)$|](\1)|p; s|^Documentation/\([^/]*\)/.*|`\1`|p'
} | sort -u | while read -r name; do
	grep -q -F -e "$name" README.md || echo "$name"
done)" ''
is 'what it names is there' "$(grep -o -E \
	'[`(](kmod|tools|tests|include|Documentation)/[^`)]*' README.md |
	sed 's/^.//' | sort -u | while read -r name; do
		[ -e "$name" ] || echo "$name"
	done)" ''
is 'pages are well-formed' "$(git ls-files ':(glob)Documentation/*.rst' | while read -r f; do
	rst2html --report=warning --syntax-highlight=none "$f" 2>&1 > /dev/null
done)" ''
rules() { sed -n 's|^F:\t||p' MAINTAINERS; }
is 'and what pages name' "$(git grep -h -o -E \
	'\b(kmod|tools|tests|include)/[[:alnum:]_./-]*[[:alnum:]]' -- \
	'Documentation/*.rst' 'Documentation/man/*.rst' | sort -u |
	while read -r name; do
		compgen -G "$name*" > /dev/null || echo "$name"
	done)" ''
is 'each file is somebody'\''s in MAINTAINERS' \
	"$(mapfile -t r < <(rules | sed 's|^|:(exclude,glob)|; s|/$|/**|')
	git ls-files -- . "${r[@]}")" ''
is 'and there is something under each of its rules' "$(rules | while read -r r; do
	git ls-files -- ":(glob)$r" | grep -q . || echo "$r"
done)" ''
is 'no home directories in the tree' \
	"$(git grep -I -l -E '/(home|Users)/[a-z]' -- . ':!tests/checks/tree.sh' || :)" ''
