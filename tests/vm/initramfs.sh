#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# initramfs.sh VERSION: makes, in the cache, the initramfs that brings a stock
# Debian kernel to the host's root shared over 9p: a static busybox, the
# modules for that, and a script. Prints its path.
set -eu
cd "$(dirname "$0")/../.."
. tests/vm/apt.sh

root=$(tests/vm/kernels.sh root "$1")
release=$(tests/vm/kernels.sh release "$1")
out=$qkd_cache/kernels/initramfs-$release.gz
if [ -e "$out" ] && [ "$out" -nt "$0" ]; then
	echo "$out"
	exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{bin,dev,proc,sys,modules,lower,over,root}
: > "$work/modules/order"
cp /bin/busybox "$work/bin/"

for m in virtio_pci virtio_console virtio_rng overlay 9p 9pnet_virtio virtio_net; do
	modprobe -d "$root" -S "$release" --show-depends "$m" ||
		die "$release has no module $m"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
while read -r file; do
	name=$(basename "$file")
	name=${name%%.ko*}.ko
	case $file in
	*.xz)	xz -dc "$file" ;;
	*.zst)	zstd -qdc "$file" ;;
	*)	cat "$file" ;;
	esac > "$work/modules/$name"
	echo "$name" >> "$work/modules/order"
done

cat > "$work/init" << 'END'
#!/bin/busybox sh
B=/bin/busybox
fail() { echo "initramfs: $*"; echo o > /proc/sysrq-trigger; $B sleep 60; }
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs devtmpfs /dev
while read m; do $B insmod /modules/$m || echo "initramfs: insmod $m failed"; done < /modules/order
for word in $($B cat /proc/cmdline); do
	case $word in qkdinit=*) init=${word#qkdinit=} ;; esac
done
opt=trans=virtio,version=9p2000.L,msize=512000
$B mount -t 9p -o $opt,cache=loose,ro root /lower || fail "no root"
$B mount -t tmpfs -o size=75% tmpfs /over
$B mkdir /over/upper /over/work
$B mount -t overlay -o lowerdir=/lower,upperdir=/over/upper,workdir=/over/work overlay /root || fail "no overlay"
$B mount -t tmpfs tmpfs /root/run
$B mkdir /root/run/qkd
$B mount -t 9p -o $opt,cache=none job /root/run/qkd || fail "no job"
$B touch /root/run/qkd-guest
for d in proc sys dev; do $B mount --move /$d /root/$d; done
exec $B switch_root /root /bin/bash $init
END
chmod +x "$work/init"
(cd "$work" && find . | cpio --quiet -o -H newc) | gzip -1 > "$out.$$"
mv "$out.$$" "$out"
echo "$out"
