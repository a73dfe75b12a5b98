#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deb.sh [SUITE]: the Debian packages of this tree, in $O/deb, and what lintian
# has to say of them. Built from a copy of what git knows, here; with SUITE
# (bookworm, trixie) in a fresh system of it, in $O/deb-SUITE, and asked is the
# lintian of that.
set -eu
cd "$(dirname "$0")/../.."

suite=${1:-}
out=$(realpath -m "${O:-build}")/deb${suite:+-$suite}
unset MAKEFLAGS MFLAGS MAKELEVEL O
rm -rf --one-file-system "$out"
mkdir -p "$out/qkd"
git ls-files -z | xargs -0 cp --parents -t "$out/qkd"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

# the maintainers have no address yet
lint='lintian --allow-root --fail-on error,warning --suppress-tags bogus-mail-host'

if [ "$suite" ]; then
	root=$(tests/install/system.sh "$suite" build)
	mkdir "$out/layer" "$out/layer/share"
	mv "$out/qkd" "$out/layer/share/"
	tests/install/inside.sh "$root" "$out/layer" sh -c \
		'cd /share/qkd && dpkg-buildpackage -us -uc -b' > "$out/log" 2>&1 ||
		{ tail -n 30 "$out/log" >&2; exit 1; }
	tests/install/inside.sh "$root" "$out/layer" sh -c "cd /share && $lint *.changes"
	mv "$out"/layer/share/*.* "$out/"
	rm -rf --one-file-system "$out/layer"
else
	(cd "$out/qkd" && dpkg-buildpackage -us -uc) > "$out/log" 2>&1 ||
		{ tail -n 30 "$out/log" >&2; exit 1; }
	$lint "$out"/*.changes
fi
rm -rf --one-file-system "$out/qkd"
ls "$out"/*.deb
