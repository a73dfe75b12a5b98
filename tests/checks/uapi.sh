#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Structures that pass between kernel and programs have no holes, in which bytes
# of the kernel could leave (invariant 5), and are the same for programs of 32 bits.
. "$(dirname "$0")/lib.sh"
need_cmd gcc

headers=$(ours include/uapi/linux | grep '\.h$')
all() { for h in $headers; do echo "#include <${h#include/uapi/}>"; done; }
# the kernel's own headers are the same for both
also="-idirafter /usr/include/$(gcc -print-multiarch)"
# shellcheck disable=SC2086
compile() { gcc -Iinclude/uapi $also -xc -std=gnu11 -c -o /dev/null "$@" -; }

no_holes() { all | compile -Wpadded -Werror "$@"; }
check 'no structure has a hole' no_holes
# shellcheck disable=SC2086
structs() { sed -n 's/^struct \([a-z_]*\) {$/\1/p' $headers; }
at_least 'structures are looked at' "$(structs | wc -l)" 5

# sizes BITS: as the compiler finds them
# shellcheck disable=SC2086
sizes() {
	{
		all
		structs | while read -r s; do
			echo "char size_of_${s}[sizeof(struct $s)];"
		done
	} | gcc -Iinclude/uapi $also -xc -std=gnu11 "-m$1" -S -o - - |
		sed -n 's/.*\.comm[[:blank:]]*\(size_of_[a-z_]*\),\([0-9]*\),.*/\1 \2/p;
			/\.size[[:blank:]]*size_of/s/.*\(size_of_[a-z_]*\), *\([0-9]*\)/\1 \2/p' |
		sort -u
}
if ! echo | gcc -m32 -xc -S -o /dev/null - 2> /dev/null; then
	skip 'nor in programs of 32 bits' 'this compiler makes none'
else
	check 'nor in programs of 32 bits' no_holes -m32
	is 'which see the same sizes' "$(sizes 32)" "$(sizes 64)"
	at_least 'of all of them' "$(sizes 64 | wc -l)" "$(structs | wc -l)"
fi
