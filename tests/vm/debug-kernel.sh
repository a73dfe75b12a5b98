#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# debug-kernel.sh [--dir] [debug|kcsan|quick]: builds, once, a kernel of ours from
# Debian's linux-source-6.12. It is kept in the cache and rebuilt, as far as
# needed, when its configuration changes. --dir prints its folder (modules build
# against it) and fails if it is not there.
#
#   debug  user-mode Linux that looks for bugs while the tests run: debug.config
#   kcsan  x86 for QEMU that looks for data races: guest.config, kcsan.config
#   quick  user-mode Linux that looks for nothing: guest.config, quick.config
set -eu
cd "$(dirname "$0")/../.."
. tests/vm/apt.sh

print=false
[ "${1:-}" != --dir ] || { print=true; shift; }
kind=${1:-debug}
base=$qkd_cache/debug
source=$base/linux-source-6.12
case $kind in
debug)	arch=um dir=$base/build configs=(tests/vm/debug.config) image=linux
	took='10 to 20 minutes on 2 CPUs' ;;
kcsan)	arch=x86_64 dir=$base/kcsan image=arch/x86/boot/bzImage
	configs=(tests/vm/guest.config tests/vm/kcsan.config)
	took='10 minutes on 2 CPUs' ;;
quick)	arch=um dir=$base/quick image=linux
	configs=(tests/vm/guest.config tests/vm/quick.config)
	took='5 minutes on 2 CPUs' ;;
*)	die "no such kernel: $kind" ;;
esac
patch=$PWD/tests/vm/uml-xstate.patch
stamp=$(cat "${configs[@]}" "$patch" | sha256sum)

if $print; then
	[ -e "$dir/$image" ] || die "not built yet: tests/vm/debug-kernel.sh $kind"
	echo "$dir"
	exit
fi

mkdir -p "$base" "$dir"
exec 8> "$base/lock"
flock 8
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL CC CFLAGS LDFLAGS O
if [ ! -e "$source/Makefile" ]; then
	echo "unpacking the kernel's source"
	tar -C "$base" -xJf "$(tests/kernel-source.sh tarball)"
fi
patch -d "$source" -p1 -R -s -f --dry-run < "$patch" > /dev/null ||
	patch -d "$source" -p1 -s < "$patch" || die "the source cannot be patched"
flock -u 8

exec 9> "$dir/lock"
flock 9
if [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ] && [ -e "$dir/$image" ]; then
	exit 0
fi

echo "building the kernel \"$kind\" ($took): $dir/build.log"
mk() { make -C "$source" ARCH=$arch O="$dir" "$@" >> "$dir/build.log" 2>&1; }
fail() { tail -n 20 "$dir/build.log" >&2; die "$1"; }

: > "$dir/build.log"
cat "${configs[@]}" > "$dir/wanted"
if [ $kind = debug ]; then
	mk defconfig || fail "defconfig failed"
	"$source/scripts/kconfig/merge_config.sh" -m -O "$dir" "$dir/.config" \
		"$dir/wanted" >> "$dir/build.log" 2>&1
	mk olddefconfig || fail "the configuration failed"
else
	mk KCONFIG_ALLCONFIG="$dir/wanted" allnoconfig ||
		fail "the configuration failed"
fi

# what the fragments ask for must have been granted
missing=$(grep -E '^CONFIG_' "$dir/wanted" |
	grep -v -x -F -f "$dir/.config" || :)
[ -z "$missing" ] || die "not to be had: $missing"

mk -j"$(nproc)" || fail "the build failed"
if [ $kind = kcsan ]; then
	# what modprobe has to know: that all there is is built in
	rm -rf "$dir/root"
	mkdir -p "$dir/root/usr/lib"
	ln -s usr/lib "$dir/root/lib"
	mk INSTALL_MOD_PATH="$dir/root" modules_install ||
		fail "modules_install failed"
fi
echo "$stamp" > "$dir/stamp"
