#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# packages.sh SUITE: the packages in a fresh Debian of that suite: installed by
# apt, the modules built by DKMS for its kernel, upgraded, removed, purged. No
# service is started: there is no init; boot.sh boots it. What was written is in
# $O/install-SUITE afterwards, with the packages installed.
# shellcheck disable=SC2016
. "$(dirname "$0")/../lib.sh"
need_root
need_cmd mmdebstrap dpkg-deb
suite=$1
cd "$tree" || exit 1
debs=$O/deb
# shellcheck source=/dev/null
[ "$suite" = "$(. /etc/os-release && echo "$VERSION_CODENAME")" ] || debs=$O/deb-$suite
ls "$debs"/qkd-tools_*.deb > /dev/null || die "no packages in $debs: make deb"
root=$(tests/install/system.sh "$suite" plain) || die "no system"
layer=$O/install-$suite
rm -rf --one-file-system "$layer" "$layer".*
mkdir -p "$layer/share/new"
cp "$debs"/*.deb "$layer/share/"
rm -f "$layer"/share/*dbgsym*
# the same as the next version, with other modules
version=$(cat VERSION)
for f in "$layer"/share/*.deb; do
	dpkg-deb -R "$f" "$test_dir/x"
	sed -i 's/^Version: .*/&+next/; s/(= \([^)]*\))/(= \1+next)/' "$test_dir/x/DEBIAN/control"
	src=$test_dir/x/usr/src/qkd-$version
	if [ -d "$src" ]; then
		sed -i "s/$version/&+next/" "$src/dkms.conf" "$test_dir"/x/DEBIAN/p*
		for m in core xfrm otp; do
			echo 'MODULE_INFO(next, "yes");' >> "$src/kmod/$m/main.c"
		done
		mv "$src" "$src+next"
	fi
	dpkg-deb --root-owner-group -b "$test_dir/x" "$layer/share/new/" > /dev/null || die "repacking $f"
	rm -r "$test_dir/x"
done

inside() { tests/install/inside.sh "$root" "$layer" "$@"; }
apt() { inside apt-get -qy --no-install-recommends -o Dpkg::Use-Pty=0 "$@"; }
sh_inside() { inside sh -c "$1"; }
module() { sh_inside 'modinfo -k "$(ls /lib/modules)" -F '"$2 $1"; }

printf '#!/bin/sh\nexit 101\n' > "$layer/share/policy"
sh_inside 'install -m 755 /share/policy /usr/sbin/policy-rc.d'
apt update > "$test_dir/update" 2>&1 || die "apt-get update: $(tail -n 3 "$test_dir/update")"
check 'apt installs them all' sh_inside \
	'apt-get -qy --no-install-recommends -o Dpkg::Use-Pty=0 install /share/*.deb'
for m in qkd qkd_xfrm qkd_otp; do
	check "DKMS built $m for the kernel of $suite" eval "module $m filename | grep updates/dkms"
done
is 'programs start, with the library they need' \
	"$(sh_inside 'for p in $(dpkg -L qkd-tools qkd-kmed | grep bin/qkd); do $p --version > /dev/null 2>&1 < /dev/null || echo $p; done')" ''
is 'the group is there' "$(sh_inside 'getent group qkd | cut -d: -f1')" qkd
is 'and the folder for secrets is private' "$(sh_inside 'stat -c %a /etc/qkd/psk')" 700
is 'links are restored at boot' "$(sh_inside 'systemctl is-enabled qkd.service qkdd.service qkd-exporter.service' | xargs)" \
	'enabled enabled enabled'
# where shells of Debian look for them
is 'completions are there' "$(sh_inside 'cd /usr/share && ls bash-completion/completions/qkd* zsh/vendor-completions/_qkd*' | xargs)" \
	"$(for p in qkd-canary qkd-exporter qkd-kmed qkd-ledger qkd-raw qkd-relayd qkd-sim \
		qkd-swan qkd-tls qkd-wg qkdctl qkdd; do
		echo bash-completion/completions/$p; done | xargs) zsh/vendor-completions/_qkd zsh/vendor-completions/_qkdctl"
check 'pages are there' sh_inside 'cd /usr/share/doc/qkd-doc && ls tour.rst* netlink'
check 'a program is built against libqkd-dev' sh_inside \
	'apt-get -qy --no-install-recommends -o Dpkg::Use-Pty=0 install gcc libc6-dev && echo "#include <qkd/tunnel.h>
int main(void) { return !qkd_version(); }" > /tmp/p.c && gcc -o /tmp/p /tmp/p.c -lqkd && /tmp/p'

# another layer on top, so that this one stays as it was installed
rm -rf --one-file-system "$layer/later"
mkdir -p "$layer/later/share"
cp -r "$layer/share/new" "$layer/later/share/"
later() { tests/install/inside.sh "$layer/upper:$root" "$layer/later" sh -c "$1"; }
later 'echo "log debug" >> /etc/qkd/qkdd.conf; echo "# mine" > /etc/qkd/qkd.conf'
check 'apt upgrades them' later \
	'apt-get -qy --no-install-recommends -o Dpkg::Use-Pty=0 install /share/new/*.deb'
is 'to the next version' "$(later 'dpkg-query -W -f "\${Version}\n" "*qkd*" | sort -u | grep -c next')" 1
is 'what was configured stays' "$(later 'tail -n 1 /etc/qkd/qkdd.conf; cat /etc/qkd/qkd.conf')" \
	"$(printf 'log debug\n# mine')"
is 'and the modules are the next' "$(later 'for m in qkd qkd_xfrm qkd_otp; do
	modinfo -k "$(ls /lib/modules)" -F next $m; done' | xargs)" 'yes yes yes'
# for live.sh
later 'mkdir /share/built && cp /var/lib/dkms/qkd/*/*/*/module/qkd*.ko* /share/built/ && cd /share/built &&
	for f in *.xz; do [ ! -e "$f" ] || { apt-get -qy install xz-utils; xz -d "$f"; }; done' > /dev/null
mv "$layer/later/share/built" "$layer/share/"

check 'apt removes them' later 'apt-get -qy -o Dpkg::Use-Pty=0 remove "qkd-*" "libqkd*"'
is 'modules are gone' "$(later 'find /lib/modules /usr/src /var/lib/dkms -name "qkd*"')" ''
is 'configuration is not' "$(later 'ls /etc/qkd')" "$(printf "psk\nqkd.conf\nqkdd.conf\nrelay.conf")"
check 'apt purges them' later 'apt-get -qy -o Dpkg::Use-Pty=0 purge "qkd-*" "libqkd*"'
is 'but for what the administrator wrote, nothing is left' \
	"$(later 'find / -xdev -name "*qkd*" ! -path "/etc/qkd*" ! -path "/share*" ! -path "/proc/*" ! -path "/var/log/*" ! -path "/var/cache/*"' )" ''
rm -rf --one-file-system "$layer/later"
