#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hybrid.sh [SUITE]: the daemon's part of hybrid tunnels, built and run in a
# Debian whose OpenSSL has ML-KEM-768 (trixie), where this one's may not. The
# programs stay in $O/hybrid-SUITE/share/qkd/build, for trying by hand.
. "$(dirname "$0")/../lib.sh"
need_root
need_cmd mmdebstrap
suite=${1:-trixie}
cd "$tree" || exit 1
root=$(tests/install/system.sh "$suite" build) || skip_all "no system of $suite"
layer=$O/hybrid-$suite
# git knows what is source; what was built there before is kept
mkdir -p "$layer/share/qkd/build/include"
git ls-files -zco --exclude-standard | xargs -0 cp -u --parents -t "$layer/share/qkd"
make -s -f tools/Makefile "$O/include/kselftest_harness.h" || die "no harness"
cp "$O"/include/kselftest*.h "$layer/share/qkd/build/include/"

inside() { tests/install/inside.sh "$root" "$layer" env -u O sh -c "cd /share/qkd && $1"; }
b=build
inside "make -f tools/Makefile -j2 $b/bin/qkdd $b/bin/qkdctl $b/tests/unit/qkdd_kem $b/tests/unit/qkdd_hybrid" \
	> "$test_dir/build" 2>&1 || die "building: $(tail -n 15 "$test_dir/build")"
for t in qkdd_kem qkdd_hybrid; do
	inside "timeout 100 $b/tests/unit/$t" > "$test_dir/$t" 2>&1
	status=$?
	grep -e '^not ok' -e 'Expected' "$test_dir/$t" | while read -r l; do say "$l"; done
	is "$t" $status 0
	at_least "$t: claims held with this OpenSSL" "$(($(grep -c '^ok' "$test_dir/$t") - $(grep -c '^ok.*SKIP' "$test_dir/$t")))" 7
done
