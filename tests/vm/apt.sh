# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Sourced, not run.  Takes packages of any Debian suite without touching the
# machine's own apt: own sources, lists and archives under the cache, and the
# mirror and keyring the machine already trusts.  Nothing is installed; a
# package is downloaded and unpacked (dpkg -x) where the caller says.

qkd_cache=${QKD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/qkd-linux}

die() { echo "${0##*/}: $*" >&2; exit 1; }

# deb_mirror: the base URL of the Debian archive this machine is set up with
deb_mirror() {
	local codename
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
		awk -v c="$codename" '$2 == c { print $1; exit }
			$2 ~ /^(stable|oldstable|testing|sid)$/ && !m { m = $1 }
			END { if (m) print m }' | head -n 1
}

# deb_valid_until: this machine's setting for lists that are past their date,
# as a line of apt's configuration for systems made by mmdebstrap
deb_valid_until() {
	local value

	eval "$(apt-config shell value Acquire::Check-Valid-Until)"
	echo "Acquire::Check-Valid-Until \"${value:-true}\""
}

# deb_suite_of VERSION: the suite to take Debian's kernel VERSION from, such
# that its headers build with the compiler of this machine where possible
deb_suite_of() {
	local host
	# shellcheck source=/dev/null
	host=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	awk -v v="$1" -v h="$host" '!/^#/ && $1 == v && ($2 == h || $2 == "*") {
			print $3; found = 1; exit }
		END { exit !found }' \
		"$(dirname "${BASH_SOURCE[0]}")/kernels.list" ||
		die "no suite known for kernel $1; try tests/vm/add-kernel $1"
}

# deb_suite SUITE: make $apt_dir/$apt_opts of SUITE and fetch its lists, at
# most once in twelve hours
deb_suite() {
	local suite=$1 mirror keyring=/usr/share/keyrings/debian-archive-keyring

	apt_dir=$qkd_cache/apt/$suite
	mkdir -p "$apt_dir"/lists/partial "$apt_dir"/archives/partial
	: > "$apt_dir/status"
	[ -e $keyring.gpg ] && keyring=$keyring.gpg || keyring=$keyring.pgp
	mirror=$(deb_mirror)
	[ "$mirror" ] || die "no Debian mirror in /etc/apt to take $suite from"
	echo "deb [arch=amd64 signed-by=$keyring] $mirror $suite main" \
		> "$apt_dir/sources.list"
	case $suite in
	bookworm|trixie)
		echo "deb [arch=amd64 signed-by=$keyring]" \
			"${mirror%/}-security $suite-security main" \
			>> "$apt_dir/sources.list" ;;
	esac
	apt_opts=(-q -o Dir::Etc::SourceList="$apt_dir/sources.list"
		-o Dir::Etc::SourceParts=/dev/null
		-o Dir::State="$apt_dir" -o Dir::State::Lists="$apt_dir/lists"
		-o Dir::State::status="$apt_dir/status"
		-o Dir::Cache="$apt_dir" -o Dir::Cache::Archives="$apt_dir/archives"
		-o APT::Architecture=amd64 -o APT::Architectures=amd64
		-o APT::Sandbox::User=root -o Acquire::Languages=none
		-o Acquire::Retries=3)
	if [ ! "$(find "$apt_dir/updated" -mmin -720 2>/dev/null)" ]; then
		apt-get "${apt_opts[@]}" update > "$apt_dir/update.log" 2>&1 ||
			{ tail -n 5 "$apt_dir/update.log" >&2
			  die "cannot read the package lists of $suite"; }
		touch "$apt_dir/updated"
	fi
}

# deb_depends PACKAGE: PACKAGE and what it needs, of packages named linux-*,
# each once; alternatives count as their first
deb_depends() {
	apt-cache "${apt_opts[@]}" depends --recurse --no-recommends \
		--no-suggests --no-conflicts --no-breaks --no-replaces \
		--no-enhances "$1" | sed -n 's/^\(linux-[^ ]*\)$/\1/p' |
		grep -v -e '^linux-base$' -e '^linux-initramfs-tool' \
			-e '^linux-compiler-' | sort -u
}

# deb_version PACKAGE: the version apt would take
deb_version() {
	apt-cache "${apt_opts[@]}" show --no-all-versions "$1" |
		awk '/^Version:/ { print $2; exit }'
}

# deb_unpack DIR PACKAGE...: download, unpack into DIR, forget the archives
deb_unpack() {
	local dir=$1 work p
	shift
	work=$(mktemp -d "$apt_dir/work.XXXXXX")
	mkdir -p "$dir"
	(cd "$work" && apt-get "${apt_opts[@]}" download "$@") \
		> "$apt_dir/download.log" 2>&1 ||
		{ tail -n 5 "$apt_dir/download.log" >&2
		  die "cannot download $*"; }
	for p in "$work"/*.deb; do
		dpkg -x "$p" "$dir"
	done
	rm -r "$work"
}
