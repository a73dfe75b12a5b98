#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# generate.sh [--check]: what follows from Documentation/netlink/specs/*.yaml
#
#   include/uapi/linux/FAMILY.h         the user ABI
#   kmod/MODULE/netlink-gen.{c,h}       the kernel's policies and operations
#   Documentation/netlink/FAMILY.rst    the reference page
#
# is written by the kernel's own generators (ynl-gen-c.py, ynl-gen-rst.py).
# With --check nothing is written, and stale files are named: exit 1.
set -eu
cd "$(dirname "$0")/../.."

check=false
[ "${1:-}" = --check ] && check=true

src=$(tests/kernel-source.sh tools)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The generators look upwards from the spec for the kernel's MAINTAINERS and
# beside it for the schemas: give them such a tree.
mkdir -p "$work/Documentation/netlink/specs" "$work/out"
cp "$src"/Documentation/netlink/*.yaml "$work/Documentation/netlink/"
touch "$work/MAINTAINERS"
# 6.12's schema knows this permission for older families only; ours must be
# configurable by whoever owns the network namespace.
sed -i 's/enum: \[ admin-perm \]/enum: [ admin-perm, uns-admin-perm ]/' \
	"$work/Documentation/netlink/genetlink.yaml"

stale=0

# put GENERATED FILE: install or compare
put() {
	if cmp -s "$1" "$2"; then
		return
	elif $check; then
		echo "stale: $2 (run make generate)"
		stale=1
	else
		mkdir -p "$(dirname "$2")"
		cp "$1" "$2"
		echo "  GEN     $2"
	fi
}

gen_c() {
	timeout 60 python3 "$src/tools/net/ynl/ynl-gen-c.py" "$@" ||
		{ echo "ynl-gen-c.py $* failed" >&2; exit 1; }
}

for spec in Documentation/netlink/specs/*.yaml; do
	family=$(basename "$spec" .yaml)
	case $family in
	qkd)	module=core ;;
	*)	module=${family#qkd-} ;;
	esac
	here=$work/Documentation/netlink/specs/$family.yaml
	out=$work/out/$family
	cp "$spec" "$here"

	gen_c --mode uapi --header --spec "$here" -o "$out.uapi.h"
	gen_c --mode kernel --header --spec "$here" -o "$out.h"
	gen_c --mode kernel --source --spec "$here" -o "$out.c"
	# the source includes the header by the name it was given
	sed -i "s|\"$family\.h\"|\"netlink-gen.h\"|" "$out.c"
	timeout 60 python3 "$src/tools/net/ynl/ynl-gen-rst.py" \
		-i "$here" -o "$out.rst" > /dev/null

	put "$out.uapi.h" "include/uapi/linux/${family//-/_}.h"
	put "$out.h" "kmod/$module/netlink-gen.h"
	put "$out.c" "kmod/$module/netlink-gen.c"
	put "$out.rst" "Documentation/netlink/$family.rst"
done

exit $stale
