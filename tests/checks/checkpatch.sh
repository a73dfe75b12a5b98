#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# The kernel's checkpatch.pl --strict has nothing to say about our C. Of its
# types those are left out that hold for the kernel's own tree or for patches
# only; in userspace also those that would forbid the C library.
#
# It takes a minute and a half of processor time, so what it was silent about
# is remembered, by content, beside the kernels in the cache.
. "$(dirname "$0")/lib.sh"

scripts=$(tests/kernel-source.sh tools)/scripts
# LONG_LINE_STRING: what users are told is never split.
always=FILE_PATH_CHANGES,LINUX_VERSION_CODE,EMBEDDED_FILENAME,LONG_LINE_STRING
# TRACE_EVENT's own layout, as in include/trace/events/
trace=$always,PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE
# fixed-width types and the C library's names are userspace's own
user=$always,PREFER_KERNEL_TYPES,CAMELCASE,NEW_TYPEDEFS,AVOID_EXTERNS,ENOSYS
user=$user,SSCANF_TO_KSTRTO,CONSIDER_KSTRTO,STRCPY,STRNCPY,STRLCPY,VOLATILE
user=$user,PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_FALLTHROUGH,CONST_STRUCT
user=$user,BIT_MACRO,ARRAY_SIZE,MINMAX,USE_FUNC,MACRO_ARG_REUSE,COMPLEX_MACRO
# functions whose names are plain words occur in messages
user=$user,EMBEDDED_FUNCTION_NAME,MACRO_ARG_PRECEDENCE
# the harness's FIXTURE_DATA(x) *self is taken for a product; texts that are
# compared are long; a test may skip from a macro and misspell on purpose
tests=$user,SPACING,SPLIT_STRING,MULTIPLE_ASSIGNMENTS,TYPO_SPELLING,MACRO_WITH_FLOW_CONTROL
# a shim need not use what the newer interface passes
compat=$always,MACRO_ARG_UNUSED

cache=${QKD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/qkd-linux}/checkpatch
mkdir -p "$cache"
touch "$cache/silent"
tool=$(cat "$scripts/checkpatch.pl" "$scripts/spelling.txt" 2> /dev/null | sha256sum)

# sums IGNORE FILE...: what each file's verdict depends on, one line each
sums() {
	local rules

	rules=$(echo "$tool $1" | sha256sum)
	sha256sum -- "${@:2}" | sed "s/^/${rules%% *} /"
}

# patch IGNORE < FILES
patch() {
	local files

	mapfile -t files
	[ ${#files[@]} -gt 0 ] || return 0
	sums "$1" "${files[@]}" | grep -v -x -F -f "$cache/silent" > "$test_dir/new"
	[ -s "$test_dir/new" ] || return 0
	mapfile -t files < <(cut -d ' ' -f 4- "$test_dir/new")
	checkpatch "$1" "${files[@]}" || return
	cat "$test_dir/new" >> "$cache/silent"
}

# checkpatch IGNORE FILE...
checkpatch() {
	perl "$scripts/checkpatch.pl" --no-tree --strict --terse --quiet \
		--no-summary --show-types --color=never --ignore "$1" \
		--file "${@:2}" > "$test_dir/out" 2>&1
	! grep -E ':[0-9]+: (ERROR|WARNING|CHECK)' "$test_dir/out" | floats
}

# leave out what is said of 1e-9, taken for a subtraction
floats() {
	local file line rest

	while IFS=: read -r file line rest; do
		case $rest in
		*"around that '-'"*)
			! sed -n "${line}p" "$file" |
				grep -q -E '[0-9]\.?[eEpP]-[0-9]' || continue ;;
		esac
		echo "$file:$line:$rest"
	done | grep .
}

# it leaves its own cache in the tree
at_exit rm -f .checkpatch-camelcase.*

headers=$(ours include | grep '\.h$')
kmod=$(ours kmod | grep '\.[ch]$')
# of the modules' files those that also compile in userspace
both=$(echo "$kmod" | xargs -r grep -l -E '__KERNEL__|"pure\.h"|_OTP_PURE_H')
check 'checkpatch: kmod' patch "$always" < <(echo "$kmod" |
	grep -v -x -F -e "$both" | grep -v -e '/trace\.h$' -e /compat-include/)
check 'checkpatch: kmod, also in userspace' patch "$user" < <(echo "$both")
check 'checkpatch: shims' patch "$compat" < <(echo "$kmod" | grep /compat-include/)
check 'checkpatch: tracepoints' patch "$trace" < <(echo "$kmod" | grep '/trace\.h$')
check 'checkpatch: include/uapi' patch "$always" \
	< <(echo "$headers" | grep '^include/uapi/')
check 'checkpatch: include' patch "$user" \
	< <(echo "$headers" | grep -v '^include/uapi/')
check 'checkpatch: tools' patch "$user" < <(ours tools | grep '\.[ch]$')
check 'checkpatch: tests' patch "$tests" < <(ours tests | grep '\.[ch]$')
