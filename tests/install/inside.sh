#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# inside.sh ROOT LAYER CMD...: CMD in the system ROOT, by chroot in a mount
# namespace of its own. What it writes goes to the folder LAYER, which keeps it
# for the next time; LAYER/all is the whole while CMD runs, and LAYER/share is
# its /share.
set -eu
[ -n "${QKD_INSIDE:-}" ] || QKD_INSIDE=1 exec unshare --mount --pid --fork "$0" "$@"
unset QKD_INSIDE
root=$1 layer=$2
shift 2
mkdir -p "$layer"/{upper,work,all,share}
mount -t overlay overlay "$layer/all" \
	-o "lowerdir=$root,upperdir=$layer/upper,workdir=$layer/work"
cd "$layer/all"
mkdir -p share
mount --bind "$layer/share" share
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t devtmpfs devtmpfs dev
# folders there are everybody's, what is mounted on them is not
mkdir -p dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
[ ! -e /etc/resolv.conf ] || cp -L /etc/resolv.conf etc/
exec env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
	PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . "$@"
