#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deps.sh [build|check|package]: install, with apt, the Debian packages that building
# (or, the default, building and testing) needs and that are missing.  This
# is the one list of packages; it holds for Debian 12 and 13.  Kernels to
# test on are no business of the machine's: tests/vm/kernels.sh takes them.
set -eu

# compiling the tools and the modules for the running kernel
build=(
	gcc make pkg-config libc6-dev bc kmod rsync
	libmnl-dev libnl-3-dev libnl-genl-3-dev libssl-dev libevent-dev libjson-c-dev
	libcurl4-openssl-dev libtss2-dev
	libelf-dev libpcap-dev
	# recorded detections (.mat), correlation of time tags
	libmatio-dev libfftw3-dev
)

# checks, tests and the demonstration
check=(
	# generated files, static checks
	git python3 python3-yaml python3-jsonschema python3-ply spin
	perl sparse shellcheck clang libclang-rt-dev llvm valgrind
	# the debug kernel
	flex bison cpio xz-utils zstd
	# virtual machines and kernels of other suites
	qemu-system-x86 busybox-static mmdebstrap apt-utils dpkg-dev pahole
	debian-archive-keyring
	# what tests use in the guest
	iproute2 iputils-ping iperf3 jq tcpdump ethtool nftables procps curl
	e2fsprogs
	# another key manager beside ours
	charon-systemd strongswan-swanctl
	nginx-light rsync socat strace netcat-openbsd python-pyvcf-examples
	# a TPM
	swtpm tpm2-tools
	# certificates, and load for make bench-kme
	openssl wrk nghttp2-client testssl.sh
	wireguard-tools
	# what make bench-post compares with (and FFTW, above)
	libgf2x-dev
	# plots, man pages, completion
	gnuplot-nox python3-docutils zsh
)

# make deb
package=(debhelper dh-apparmor dh-dkms fakeroot lintian g++ apparmor)

have() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

case ${1:-check} in
build)	want=("${build[@]}") ;;
check)	want=("${build[@]}" "${check[@]}") ;;
package) want=("${build[@]}" "${check[@]}" "${package[@]}") ;;
*)	echo "usage: deps.sh [build|check|package]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "deps.sh: not a Debian system; make sure of the equivalents of:" >&2
	echo "  ${want[*]}" >&2
	exit 0
fi

missing=()
for p in "${want[@]}"; do
	have "$p" || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "deps.sh: these packages are missing; as root run" >&2
	echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
	exit 1
fi

echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{
	# a machine may be installing something by itself just now
	apt-get -q update &&
	apt-get -qy -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 \
		-o DPkg::Lock::Timeout=600 install \
		--no-install-recommends "${missing[@]}"
} > "$log" 2>&1 || {
	tail -n 20 "$log" >&2
	echo "deps.sh: apt-get failed" >&2
	exit 1
}
