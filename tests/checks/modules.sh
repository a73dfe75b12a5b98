#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# The modules build without a warning of W=1 and of sparse, on every kernel
# named in $QKD_KERNELS (default: 6.1 and 6.12).
. "$(dirname "$0")/lib.sh"

# clean OUTPUT: no warning in it about a file of ours; warnings in the
# kernel's own headers are not ours to mend
clean() { ! grep -E '(^|/)kmod/[^:]*:[0-9]+:.*(warning|error)|^(WARNING|ERROR): modpost' "$1"; }

# sparse_reads ROOT: sparse 0.6.4 knows no __typeof_unqual__, and dies of the
# headers of kernels that need it
sparse_reads() {
	! grep -q -s -r __typeof_unqual__ "$1"/usr/src/*/include/linux ||
		! echo 'static int a; static __typeof_unqual__(a) b;' | sparse - 2>&1 |
		grep -q error
}

# has_sparse KERNEL: here, or in the system that its headers need
has_sparse() {
	local root

	root=$(tests/vm/kernels.sh root "$1")
	if [ "$(tests/vm/kernels.sh inside "$1")" = yes ]; then
		[ -x "$root/usr/bin/sparse" ]
	else
		command -v sparse > /dev/null && sparse_reads "$root"
	fi
}

# A build of its own: sparse and W=1 must see every file, and the other build
# stays what it was.
export O=$O/warnings
for k in ${QKD_KERNELS:-6.1 6.12}; do
	dir=$(kmod/build.sh --dir "$k")
	rm -rf "$dir"
	[ "$(tests/vm/kernels.sh inside "$k")" != yes ] ||
		rm -rf "$(tests/vm/kernels.sh root "$k")/build"
	sparse=()
	# where what the headers lack makes the kernel's build leave it out in
	# silence, it is told again
	! has_sparse "$k" || sparse=(C=2 KBUILD_CHECKSRC=2)
	if kmod/build.sh "$k" W=1 "${sparse[@]}" > "$test_dir/$k" 2>&1; then
		ok "modules build for $k"
	else
		fail "modules build for $k" "$(tail -n 40 "$test_dir/$k")"
		continue
	fi
	check "W=1 and sparse are silent for $k" clean "$test_dir/$k"
	if [ ${#sparse[@]} = 0 ]; then
		skip "sparse has read every source for $k" 'it is not installed, or too old for it'
	else
		is "sparse has read every source for $k" \
			"$(grep -c '^  CHECK ' "$test_dir/$k")" \
			"$(grep '^  CC \[M\] .*kmod/' "$test_dir/$k" | grep -v -c '\.mod\.o$')"
	fi
	is "all modules are there for $k" \
		"$(cd "$dir" && echo *.ko)" \
		"$(for f in kmod/*/Kbuild; do
			sed -n 's/^obj-.*[:+]= *\(.*\)\.o$/\1.ko/p' "$f"
		done | sort | xargs)"
done
