#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
#
# No branch and no address of post-processing depends on a bit of key.
. "$(dirname "$0")/../lib.sh"

need_cmd valgrind
secret=$O/tests/bin/post_secret
[ -x "$secret" ] || skip_all "needs $secret: make tests"
! grep -q __asan_init "$secret" || skip_all 'valgrind and sanitizers exclude each other'

# errs STAGE: valgrind sees something that it should not
errs() {
	local ret=0

	valgrind -q --error-exitcode=99 --track-origins=no "$secret" "$1" \
		> "$test_dir/$1" 2>&1 || ret=$?
	[ $ret = 99 ] || { [ $ret = 0 ] || cat "$test_dir/$1" >&2; return 1; }
}
silent() {
	valgrind -q --error-exitcode=99 "$secret" "$1"
}

check 'a branch on key is found' errs branch
check 'a look-up by key is found' errs look-up
check 'privacy amplification has none' silent toeplitz
check 'nor has its transform in C alone' silent transform-portable
check 'nor hashing, in any way' silent hash
check 'nor verification' silent verify
check 'nor authentication' silent auth
check 'sifting has none on bits' silent sift
check "Cascade has none but on what is said openly" silent cascade
