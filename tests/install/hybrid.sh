#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hybrid.sh [SUITE]: the daemon's part of hybrid tunnels, built and run in a
# Debian whose OpenSSL has ML-KEM-768 (trixie), where this one's may not; then two
# such daemons over kernel 6.12 (tests/e2e/hybrid.sh). The programs stay in
# $O/hybrid-SUITE/share/qkd/build, for trying by hand.
# timeout: 2400
. "$(dirname "$0")/../lib.sh"
need_root
need_cmd mmdebstrap qemu-system-x86_64
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

# Two of these daemons agree, and the tunnels of two nodes are keyed with it: this
# machine's programs but for them, in a guest.
tests/vm/run -k 6.12 -m 2048 -t 1500 -e QKD_SLOW="${QKD_SLOW:-3}" \
	tests/run -v e2e/hybrid > "$test_dir/e2e" 2>&1
status=$?
say "$(cat "$test_dir/e2e")"
is 'two daemons key the tunnels of two nodes' $status 0
at_least 'claims of that held' "$(grep '^ *ok' "$test_dir/e2e" | grep -vc SKIP)" 8
