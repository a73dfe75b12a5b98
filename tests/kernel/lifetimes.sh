#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 150
#
# All modules are unloaded under traffic, QKD_UNLOADS times, and namespaces end
# with everything in use, QKD_NAMESPACES times (0: not at all): nothing is left
# behind, and the kernel's memory stays what it was. Many times: make check-lifetimes.
. "$(dirname "$0")/../lib.sh"

need_root
need_cmd ip
need_kernel veth xfrm_user esp4 udp_tunnel ip6_udp_tunnel
[ -e "$O/kmod-$(uname -r)/qkd_otp.ko" ] || skip_all "needs the modules: make modules"
for m in qkd_otp qkd_xfrm qkd; do
	[ ! -d /sys/module/$m ] || rmmod $m || skip_all "the modules are in use"
done
log_mark

# result of each claim of a run of churn
churn() {
	"$O/tests/bin/churn" "$@" > "$test_dir/churn" 2>&1 ||
		grep -q '^not ok' "$test_dir/churn" ||
		echo "not ok 0 $* ended: status $?" >> "$test_dir/churn"
	say "$(grep '^#' "$test_dir/churn" | sed 's/^# //')"
	while read -r state name; do
		name=${name#* }
		if [ "$state" = ok ]; then ok "$name"; else fail "$name"; fi
	done < <(sed -n 's/^not ok /no /p; /^ok /p' "$test_dir/churn")
}

# where kobjects are released late on purpose, an unloading takes many seconds
case $(uname -r) in
*-debug) unloads=4 ;;
*)	unloads=20 ;;
esac
[ "${QKD_UNLOADS:-}" = 0 ] || churn unload "${QKD_UNLOADS:-$unloads}"
[ "${QKD_NAMESPACES:-}" = 0 ] || churn namespaces "${QKD_NAMESPACES:-100}"
log_check 'the kernel reports nothing'
