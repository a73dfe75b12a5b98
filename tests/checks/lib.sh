# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the static checks share: the tests' functions, and the lists of files
# they look at (those of git, so that scratch files do not count).

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib.sh

# ours PATTERN...: files in the tree that are written by hand
ours() {
	{ git ls-files -- "$@" || find "$@" -type f; } 2>/dev/null |
		grep -v -e 'netlink-gen\.[ch]$' -e '^Documentation/netlink/qkd.*\.rst$' |
		while read -r f; do [ ! -f "$f" ] || echo "$f"; done
}
