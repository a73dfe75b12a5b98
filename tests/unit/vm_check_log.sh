#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/vm/check-log, which all tests on the debug kernels rely on, finds a report
# of each instrument, and takes nothing else for one.
. "$(dirname "$0")/../lib.sh"

log() { "$tree/tests/vm/check-log" "$test_dir/log"; }
put() { printf '[   12.345678] %s\n' "$@" > "$test_dir/log"; }

# race FUNCTION [MORE...]: as KCSAN tells of one, up to MORE that comes between
race() {
	put '==================================================================' \
		"BUG: KCSAN: data-race in $1 / update_process_times" '' \
		'write to 0xffff888003a1c0c8 of 8 bytes by task 71 on cpu 1:' \
		" $1" ' ksys_write+0x6b/0xf0' "${@:2}" '' \
		'read to 0xffff888003a1c0c8 of 8 bytes by interrupt on cpu 0:' \
		' update_process_times+0x5f/0x90' '' \
		'Reported by Kernel Concurrency Sanitizer on:' \
		'CPU: 0 UID: 0 PID: 3 Comm: ksoftirqd/0 Not tainted 6.12.95-qkd-kcsan' \
		'=================================================================='
}

while IFS='|' read -r instrument line; do
	put 'qkd: loaded' "$line" 'qkd: unloaded'
	check_fails "$instrument is found" 'reports in the' log
done << 'END_OF_LIST'
KASAN|BUG: KASAN: slab-use-after-free in qkd_take+0x12/0x90 [qkd]
UBSAN|UBSAN: array-index-out-of-bounds in kmod/core/ring.c:12:3
lockdep|WARNING: possible circular locking dependency detected
lockdep, of contexts|WARNING: inconsistent lock state
RCU|WARNING: suspicious RCU usage
a sleep in atomic context|BUG: sleeping function called from invalid context at mm/slab.c:1
kmemleak|kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
object debugging|ODEBUG: free active (active state 0) object: 00000000 object type: timer_list
a device that is held|unregister_netdevice: waiting for otp0 to become free. Usage count = 2
a reference tracker|ref_tracker: net refcnt@0000000000000001 has 1/1 users at
a reference count|refcount_t: underflow; use-after-free.
a hang|INFO: task qkdctl:123 blocked for more than 60 seconds.
an oops|Oops: general protection fault, probably for non-canonical address
END_OF_LIST

race 'qkd_pool_available+0x10/0x20 [qkd]'
check_fails 'a data race of ours is found' qkd_pool_available log
race 'xfrm_state_insert+0x10/0x20' ' qkd_sa_add+0x1/0x2 [qkd_xfrm]'
check_fails 'and one of what we call' qkd_sa_add log
race 'tick_do_update_jiffies64+0x10/0x20'
check "a data race of the kernel's own is passed over" log
race ktime_get_real_seconds ' state_make+0x5d/0xbc0 [qkd_xfrm]'
check 'nor is one that is by design, though we are on its stack' log
race 'tick_do_update_jiffies64+0x10/0x20' 'WARNING: CPU: 1 PID: 9 at net/core/dev.c:1'
check_fails 'but not what another processor says meanwhile' WARNING log
put 'BUG: KCSAN: data-race in a / b' 'BUG: KCSAN: data-race in c / d' ' c+0x1/0x2 [qkd_otp]'
check_fails 'nor the next, where one breaks off' 'in c / d' log

put 'qkd: loading out-of-tree module taints kernel.' \
	'Lock dependency validator: Copyright (c) 2006 Red Hat, Inc.' \
	'kmemleak: Kernel memory leak detector initialized (mem pool available: 31000)' \
	'FAULT_INJECTION: forcing a failure.' \
	'ref_tracker: memory allocation failure, unreliable refcount tracker.'
check 'what is said at every boot, or of a fault, is none' log
