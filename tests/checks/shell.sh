#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
#
# Scripts pass shellcheck.
. "$(dirname "$0")/lib.sh"

need_cmd shellcheck
# sourced files are not followed, and words are split on purpose here and there
scripts() { shellcheck -x -S warning -e SC1090,SC1091,SC2034,SC2153,SC2154 "$@"; }

mapfile -t files < <(ours . | while read -r f; do
	if [ "${f##*.}" = sh ] || head -n 1 "$f" | grep -a -q -E '^#!/bin/(ba|da)?sh'; then
		echo "$f"
	fi
done)
check "shellcheck is silent" scripts "${files[@]}"
