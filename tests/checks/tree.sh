#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every source says its licence in its first lines; none is by accident
# binary, or speaks of the machine it was written on.
. "$(dirname "$0")/lib.sh"

unlicensed() {
	ours '*.c' '*.h' '*.sh' '*.py' '*.mk' '*/Makefile' '*Kbuild' '*.yaml' |
		while read -r f; do
			head -n 3 "$f" | grep -q SPDX-License-Identifier || echo "$f"
		done
}
is 'sources name their licence' "$(unlicensed)" ''
is 'scripts are executable' "$(ours tests tools kmod | while read -r f; do
	if head -c 3 "$f" | grep -a -q '^#!' && [ ! -x "$f" ]; then echo "$f"; fi
done)" ''
is 'no home directories in the tree' \
	"$(git grep -I -l -E '/(home|Users)/[a-z]' -- . ':!tests/checks/tree.sh' || :)" ''
