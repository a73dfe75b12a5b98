#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build.sh [--install|--dir] [KERNEL] [MAKE ARGUMENTS...]
#
# Builds the modules for KERNEL in $O/kmod-RELEASE (O: build), away from the
# sources, so that several kernels' builds exist side by side. KERNEL is
#
#   nothing         the running kernel, else the newest whose headers are there
#   6.1, 6.12, ...  Debian's, fetched into the cache (tests/vm/kernels.sh)
#   uml, quick      user-mode Linux: the debug kernel, or the one without its
#                   instruments (tests/vm/debug-kernel.sh)
#   kcsan           the one that looks for data races (likewise)
#   RELEASE         one whose /lib/modules/RELEASE/build exists
#
# --dir only prints the folder. Arguments go to the kernel's make: W=1, C=2.
# QKD_DEBUG=y in the environment compiles self-tests in; it is the default
# for the debug kernel.
set -eu
cd "$(dirname "$0")/.."

# what `make CC=... -jN` of the tools says is not for the kernel's make
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL CC CFLAGS LDFLAGS
O=$(realpath -m "${O:-build}")
action=build
case ${1:-} in
--install|--dir) action=${1#--}; shift ;;
esac
kernel=
case ${1:-} in
''|*=*) ;;
*)	kernel=$1; shift ;;
esac

inside=
args=(-j"$(nproc)")
case $kernel in
uml|quick|kcsan)
	headers=$(tests/vm/debug-kernel.sh --dir "${kernel/uml/debug}")
	release=$(cat "$headers/include/config/kernel.release")
	[ "$kernel" = kcsan ] || args+=(ARCH=um)
	[ "$kernel" != uml ] || export QKD_DEBUG=${QKD_DEBUG:-y} ;;
[0-9].[0-9]|[0-9].[0-9][0-9])
	release=$(tests/vm/kernels.sh release "$kernel")
	headers=$(tests/vm/kernels.sh headers "$kernel")
	[ "$(tests/vm/kernels.sh inside "$kernel")" != yes ] ||
		inside=$(tests/vm/kernels.sh root "$kernel") ;;
'')
	release=$(uname -r)
	if [ ! -e "/lib/modules/$release/build" ]; then
		release=$(find /lib/modules -mindepth 2 -maxdepth 2 \
			-name build -printf '%h\n' 2>/dev/null |
			sed 's|.*/||' | sort -V | tail -n 1)
	fi
	if [ "$release" ]; then
		exec "$0" ${action:+$([ $action = build ] || echo --$action)} \
			"$release" "$@"
	fi
	echo "build.sh: no kernel headers here; install linux-headers-$(uname -r)" \
		"or choose a kernel, e.g. KVER=6.12" >&2
	exit 1 ;;
*)
	release=$kernel
	headers=/lib/modules/$release/build
	[ -e "$headers" ] || {
		echo "build.sh: $headers is not there; install linux-headers-$release" >&2
		exit 1; } ;;
esac

dir=$O/kmod-$release
if [ $action = dir ]; then
	echo "$dir"
	exit
fi
mkdir -p "$dir"

# A tree of links to the sources; a system to chroot to gets copies.
farm() {
	local from=$PWD to=$1 f

	find "$to" -type l -delete
	find kmod include -type d -exec mkdir -p "$to/{}" \;
	find Kbuild VERSION kmod include -type f |
		while read -r f; do
			ln -s "$from/$f" "$to/$f"
		done
}

# a compiler of the version that the headers name may not be here
compiler_here() {
	local named

	[ -e "$headers/.kernelvariables" ] || return 0
	named=$(sed -n 's/^CC = .*\(gcc-[0-9]*\)$/\1/p' \
		"$headers/.kernelvariables")
	[ -z "$named" ] || command -v "$named" > /dev/null || args+=(CC=gcc)
}

exec 9> "$dir/.lock"
flock 9
if [ "$inside" ]; then
	mkdir -p "$inside/build"
	rsync -a --delete --exclude='*.o' --exclude='*.ko' --exclude='.*' \
		--exclude='*.mod' --exclude='*.mod.c' \
		Kbuild VERSION kmod include "$inside/build/"
	# objtool reads /proc
	# shellcheck disable=SC2016
	unshare --mount bash -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' \
		"$inside" make --no-print-directory -C "$headers" M=/build \
		"${args[@]}" ${QKD_DEBUG:+QKD_DEBUG="$QKD_DEBUG"} "$@" modules
	for f in "$inside"/build/kmod/*/*.ko; do
		[ ! -e "$f" ] || install -D "$f" "$dir/kmod/$(basename "${f%/*}")/$(basename "$f")"
	done
else
	compiler_here
	farm "$dir"
	make --no-print-directory -C "$headers" M="$dir" "${args[@]}" \
		${QKD_DEBUG:+QKD_DEBUG="$QKD_DEBUG"} "$@" modules
	[ $action != install ] ||
		make --no-print-directory -C "$headers" M="$dir" "${args[@]}" \
			${DESTDIR:+INSTALL_MOD_PATH="$DESTDIR"} modules_install
fi

# every module beside the others, where insmod and the tests look
rm -f "$dir"/*.ko
for f in "$dir"/kmod/*/*.ko; do
	[ ! -e "$f" ] || ln -f "$f" "$dir/"
done
