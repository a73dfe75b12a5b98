#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# The tools and tests compile without a warning, by gcc and by clang. gcc's
# depend on optimisation, clang's do not. What was built with WERROR=1, as
# tests/check does, is not built again.
. "$(dirname "$0")/lib.sh"

unset MAKEFLAGS MFLAGS MAKELEVEL
silent() {
	local cc=$1 out=$O/warnings/$1

	[ "$cc" != gcc ] || ! grep -q -e '^cc .*-Werror' "$O/.flags" || out=$O cc=cc
	make -j"$(nproc)" -f tools/Makefile O="$out" CC="$cc" WERROR=1 \
		"${@:2}" tools tests benches
}

for cc in gcc clang; do
	command -v $cc > /dev/null || { skip "$cc -Wall -Wextra is silent" "no $cc"; continue; }
	flags=()
	[ $cc = gcc ] || flags=(CFLAGS=-O0)
	check "$cc -Wall -Wextra is silent" silent $cc "${flags[@]}"
done
