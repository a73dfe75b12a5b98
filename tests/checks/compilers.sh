#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# The tools and tests compile without a warning, by gcc and by clang.
. "$(dirname "$0")/lib.sh"

unset MAKEFLAGS MFLAGS MAKELEVEL
for cc in gcc clang; do
	command -v $cc > /dev/null || { skip "$cc -Wall -Wextra is silent" "no $cc"; continue; }
	check "$cc -Wall -Wextra is silent" make -j"$(nproc)" -f tools/Makefile \
		O="$O/warnings/$cc" CC=$cc WERROR=1 tools tests benches
done
