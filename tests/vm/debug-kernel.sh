#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# debug-kernel.sh [--dir]: builds, once, the kernel that looks for bugs while
# the tests run: user-mode Linux of Debian's linux-source-6.12 with
# debug.config. It is kept in the cache and rebuilt, as far as needed, when
# debug.config changes. --dir prints its folder (modules build against it)
# and fails if it is not there.
set -eu
cd "$(dirname "$0")/../.."
. tests/vm/apt.sh

base=$qkd_cache/debug
source=$base/linux-source-6.12
dir=$base/build
stamp=$(sha256sum < tests/vm/debug.config)

if [ "${1:-}" = --dir ]; then
	[ -e "$dir/linux" ] || die "not built yet: make debug-kernel"
	echo "$dir"
	exit
fi

mkdir -p "$base" "$dir"
exec 9> "$base/lock"
flock 9
if [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ] && [ -e "$dir/linux" ]; then
	exit 0
fi

unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL CC CFLAGS LDFLAGS O
if [ ! -e "$source/Makefile" ]; then
	echo "unpacking the kernel's source"
	tar -C "$base" -xJf "$(tests/kernel-source.sh tarball)"
fi

echo "building the debug kernel (10 to 20 minutes on 2 CPUs): $dir/build.log"
mk() { make -C "$source" ARCH=um O="$dir" "$@" >> "$dir/build.log" 2>&1; }
fail() { tail -n 20 "$dir/build.log" >&2; die "$1"; }

: > "$dir/build.log"
mk defconfig || fail "defconfig failed"
"$source/scripts/kconfig/merge_config.sh" -m -O "$dir" "$dir/.config" \
	tests/vm/debug.config >> "$dir/build.log" 2>&1
mk olddefconfig || fail "the configuration failed"

# what the fragment asks for must have been granted
missing=$(grep -E '^CONFIG_' tests/vm/debug.config |
	grep -v -x -F -f "$dir/.config" || :)
[ -z "$missing" ] || die "not to be had: $missing"

mk -j"$(nproc)" || fail "the build failed"
echo "$stamp" > "$dir/stamp"
