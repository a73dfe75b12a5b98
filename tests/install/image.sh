#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# image.sh ROOT LAYER FOLDER [CMD]: the system ROOT with what was changed in LAYER
# (see inside.sh), as a disk, kernel and initrd in FOLDER, for guest.sh.
# Added to it is a service that does what the host asks for, and a canary, which is
# not enabled; the rest is as Debian boots it. CMD is done in it, by chroot.
set -eu
[ -n "${QKD_IMAGE:-}" ] || QKD_IMAGE=1 exec unshare --mount "$0" "$@"
here=$(realpath "$(dirname "$0")")
root=$1 layer=$2 to=$3
rm -rf --one-file-system "$layer/image"
mkdir -p "$to" "$layer"/all "$layer"/image/{upper,work}
mount -t overlay overlay "$layer/all" -o \
	"lowerdir=$layer/upper:$root,upperdir=$layer/image/upper,workdir=$layer/image/work"
all=$layer/all

install -m 755 "$here/agent" "$all/usr/local/sbin/agent"
cat > "$all/etc/systemd/system/agent.service" << 'END'
[Unit]
Description=does what the host asks for
After=network.target systemd-udevd.service

[Service]
ExecStart=/usr/local/sbin/agent

[Install]
WantedBy=multi-user.target
END
ln -sf ../agent.service "$all/etc/systemd/system/multi-user.target.wants/"

# From before the network is up until nothing runs any more
install -m 755 "$here/canary" "$all/usr/local/sbin/canary"
cat > "$all/etc/systemd/system/canary.service" << 'END'
[Unit]
Description=sends what must not be seen in clear
DefaultDependencies=no
Before=sysinit.target

[Service]
ExecStart=/usr/local/sbin/canary
KillMode=none
SendSIGKILL=no

[Install]
WantedBy=sysinit.target
END

# services are started and stopped by packages here
rm -f "$all/usr/sbin/policy-rc.d"
# nobody logs in; and each guest is a machine of its own
for unit in serial-getty@ttyS0.service getty@tty1.service apt-daily.timer \
	apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer; do
	ln -sf /dev/null "$all/etc/systemd/system/$unit"
done
rm -f "$all/etc/machine-id" "$all"/etc/resolv.conf
: > "$all/etc/machine-id"
echo '/dev/vda / ext4 defaults 0 1' > "$all/etc/fstab"
printf 'auto lo\niface lo inet loopback\nsource /etc/network/interfaces.d/*\n' \
	> "$all/etc/network/interfaces"
rm -rf "$all"/var/cache/apt/*.bin "$all/share"
[ ! "${4:-}" ] || chroot "$all" sh -e -c "$4"

cp "$all"/boot/vmlinuz-* "$to/vmlinuz"
cp "$all"/boot/initrd.img-* "$to/initrd"
rm -f "$to"/disk*
truncate -s 6G "$to/disk.new"
mke2fs -q -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 -d "$all" "$to/disk.new"
mv "$to/disk.new" "$to/disk"
umount "$all"
rm -rf --one-file-system "$layer/image"
