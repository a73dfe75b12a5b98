#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# accel.sh VERSION: prints kvm if a Debian kernel really boots under KVM here,
# else tcg. A /dev/kvm that opens but cannot run a stock kernel exists, so a
# guest has to come up within seconds; the answer is kept until the machine
# reboots. QKD_ACCEL=kvm|tcg in the environment decides instead.
set -eu
cd "$(dirname "$0")/../.."
. tests/vm/apt.sh

case ${QKD_ACCEL:-} in
kvm|tcg) echo "$QKD_ACCEL"; exit ;;
esac
if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
	echo tcg
	exit
fi

known=$qkd_cache/accel-$(cat /proc/sys/kernel/random/boot_id)
exec 9> "$qkd_cache/accel.lock"
flock 9
if [ ! -s "$known" ]; then
	rm -f "$qkd_cache"/accel-*
	if QKD_ACCEL=kvm timeout -k 2 25 \
		tests/vm/run -k "$1" -t 15 true > /dev/null 2>&1; then
		echo kvm > "$known"
	else
		echo tcg > "$known"
	fi
fi
cat "$known"
