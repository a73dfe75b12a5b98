#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
#
# `make install` puts everything where the system looks for it, and what it
# puts agrees: programs start and have pages, what units and rules name is
# there, a program is built with nothing but the installed headers.
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"

need_cmd rst2man pkg-config
root=$test_dir/root
make -s install DESTDIR="$root" PREFIX=/usr MODULES=dkms > "$test_dir/log" 2>&1 ||
	die "make install: $(tail -n 5 "$test_dir/log")"
has() { (cd "$root" && find . -path "./$1" | sed 's/^\.//'); }
# names KIND: as the fragments declare
names() { make -s -f tools/Makefile list-install | sed -n "s/^$1 //p"; }
installed() { find "$root/usr/bin" "$root/usr/sbin" "$root/usr/libexec" -type f 2>/dev/null; }

is 'every program is there, and no other' \
	"$(installed | sed 's|.*/||' | sort | xargs)" "$(names program | sort | xargs)"
is 'each says its version' "$(installed | while read -r p; do
	LD_LIBRARY_PATH=$root/usr/lib "$p" --version 2>&1 < /dev/null |
		grep -q -F "$(cat VERSION)" || echo "$p"
done)" ''
is 'each has a page' "$(names program | while read -r p; do
	[ -n "$(has "usr/share/man/man?/$p.[18]")" ] || echo "$p"
done)" ''
is 'every page is one of those in the sources' \
	"$(cd "$root/usr/share/man" && find . -type f | sed 's|.*/||' | sort)" \
	"$(ours 'Documentation/man/*.rst' | sed 's|.*/||; s/\.rst$//' | sort)"
is 'each function of the library has a page that names it' \
	"$(sed -n 's/^\t\(qkd_[a-z_]*\);$/\1/p' tools/libqkd/libqkd.map | while read -r f; do
		sed -n '/^\.SH NAME/,/^\.SH SYN/p' "$root/usr/share/man/man3/$f.3" 2>&1 |
			grep -q -E "(^|, )$f(,| )" || echo "$f"
	done)" ''
is 'the library, its link and the archive' \
	"$(cd "$root/usr/lib" && readlink libqkd.so; ls libqkd.a)" "$(printf 'libqkd.so.1\nlibqkd.a')"

# ---- what a developer finds

printf '#include <qkd/qkd.h>\n#include <qkd/tunnel.h>\n#include <linux/qkd_otp.h>\nint main(void) { return !*qkd_version(); }\n' \
	> "$test_dir/p.c"
pc() { PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$root/usr/lib/pkgconfig pkg-config "$@" libqkd; }
outside() {
	# shellcheck disable=SC2046
	(cd "$test_dir" && "$@" -Wall -Werror $(pc --cflags) -o p p.c $(pc --libs)) &&
		LD_LIBRARY_PATH=$root/usr/lib "$test_dir/p"
}
check 'a C program is built with pkg-config' outside cc
check 'and a C++ one' outside c++ -x c++
is 'pkg-config tells the version' "$(pc --modversion)" "$(cat VERSION)"

# ---- what the system finds

is 'nothing is left to fill in' \
	"$(grep -r -I -l -E '@[A-Z]+DIR@|@PREFIX@|@VERSION@' "$root" || :)" ''
is 'nothing names where it was built' \
	"$(grep -r -I -l -F -e "$root" -e "$tree" "$root" || :)" ''
is 'programs that units start are there' \
	"$(grep -h -E '^Exec' "$root"/usr/lib/systemd/system/*.service |
		sed 's/^Exec[A-Za-z]*=-\{0,1\}\([^ ]*\).*/\1/' | sort -u |
		while read -r p; do [ -x "$root$p" ] || [ "$p" = /bin/kill ] || echo "$p"; done)" ''
check 'page and catalog have all alarms of the kernel' eval '
	[ "$(grep -c "^-- " "$root/usr/lib/systemd/catalog/qkd.catalog")" = \
		"$(sed -n "/^enum qkd_alarm {/,/^}/p" include/uapi/linux/qkd.h | grep -c QKD_ALARM_)" ]'
is 'units are those declared' "$(has 'usr/lib/systemd/system/*' | sed 's|.*/||' | sort | xargs)" \
	"$(names unit | sort | xargs)"
is 'pages that units name are there' \
	"$(grep -h '^Documentation=' "$root"/usr/lib/systemd/system/*.service |
		grep -o 'man:[^ ]*' | sed 's/man:\(.*\)(\(.\))/\1.\2/' | sort -u |
		while read -r p; do [ -n "$(has "usr/share/man/man?/$p")" ] || echo "$p"; done)" ''
is 'the group of the udev rules is made by sysusers' \
	"$(sed -n 's/.*GROUP="\([^"]*\)".*/\1/p' "$root/usr/lib/udev/rules.d/60-qkd.rules")" \
	"$(awk '$1 == "g" { print $2 }' "$root/usr/lib/sysusers.d/qkd.conf")"
is 'modules to load are built' "$(grep -h '^[^#]' "$root/usr/lib/modules-load.d/"*.conf |
	while read -r m; do
		grep -q -x "obj-.*= $m.o" kmod/*/Kbuild || echo "$m"
	done)" ''
if command -v systemd-analyze > /dev/null; then
	check 'systemd understands the units' eval \
		'! systemd-analyze verify --root="$root" --man=no "$root"/usr/lib/systemd/system/*.service 2>&1 |
			grep -E "^[^ ]*qkd[^ ]*:[0-9]+:"'
fi
is 'every program is completed' "$(names program | while read -r p; do
	bash -c '. "$1" && complete -p "$2"' - \
		"$root/usr/share/bash-completion/completions/$p" "$p" > /dev/null 2>&1 &&
		grep -q -w "^#compdef.* $p" "$root"/usr/share/zsh/site-functions/_* || echo "$p"
done)" ''
check 'bash completes' bash -c '. "$1" && complete -p qkdctl' - \
	"$root/usr/share/bash-completion/completions/qkdctl"
# zsh_completes WORDS: what an interactive zsh makes of them and a tabulator
zsh_completes() {
	timeout 20 zsh -f -s -- "$root/usr/share/zsh/site-functions" "$1" <<- 'END'
		zmodload zsh/zpty
		zpty z zsh -f -i
		zpty -w z "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D; LISTMAX=1000; echo rea''dy"
		zpty -r z out '*ready*'
		zpty -w -n z "$2"$'\t\t'
		sleep .5
		out=
		for i in {1..50}; do
			while zpty -r -t z more; do out+=$more; done
			sleep .02
		done
		print -r -- $out
	END
}
# without what moves the cursor
plain() { sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' | tr -d '\r\a'; }
if command -v zsh > /dev/null; then
	check 'zsh completes, by the same file' eval \
		'zsh_completes "qkdctl tunnel add x starv" | plain | grep -q starved'
	check 'and options of the others' eval \
		'LD_LIBRARY_PATH=$root/usr/lib zsh_completes "$root/usr/sbin/qkdd --psk" | plain | grep -q -e --psk-dir'
	: > "$test_dir/a_pad_of_ours"
	check 'and files' eval \
		'zsh_completes "qkdctl pad show $test_dir/a_pad" | plain | grep -q _of_ours'
	is 'and every driver that there is' \
		"$(for d in $(sed -n 's/^\t&driver_\(.*\),$/\1/p' tools/qkdd/drivers.c); do
			zsh_completes "qkdctl link add x driver ${d%?}" | plain | grep -q -w "$d" || echo "$d"
		done)" ''
else
	skip 'zsh completes' 'there is no zsh'
fi
check 'every object is completed' bash -c '. "$1"
	COMP_WORDS=(qkdctl "") COMP_CWORD=1; _qkdctl
	for o in link tunnel otp key monitor stats psk pki pad save restore; do
		[[ " ${COMPREPLY[*]} " = *" $o "* ]] || exit 1
	done' - "$root/usr/share/bash-completion/completions/qkdctl"
ids() { grep -h -o -E '\b[0-9a-f]{32}\b' "$@" | sort; }
is 'message IDs of code, page and catalog are the same' \
	"$(ids tools/exporter/alarms.c | uniq -c)" \
	"$(ids Documentation/man/qkd-exporter.8.rst "$root/usr/lib/systemd/catalog/qkd.catalog" | sort -u | uniq -c)"
check 'the dashboard is JSON' python3 -m json.tool "$root/usr/share/qkd/grafana-dashboard.json"
# names in expressions of the dashboard, and in the exporter
is 'and asks for metrics that there are' "$(grep -o -h 'qkd_[a-z_]*' \
	"$root/usr/share/qkd/grafana-dashboard.json" | sort -u | sed 's/^qkd_//' |
	while read -r m; do grep -q -F "\"$m\"" tools/exporter/*.c || echo "$m"; done)" ''
if command -v apparmor_parser > /dev/null; then
	for p in "$root"/etc/apparmor.d/*; do
		[ -f "$p" ] || continue
		check "AppArmor takes ${p##*/}" apparmor_parser -Q -K "$p"
	done
fi

# ---- what DKMS finds

src=$root/usr/src/qkd-$(cat VERSION)
is 'the modules that DKMS builds are those there are' \
	"$(sed -n 's/^[ \t]*BUILT_MODULE_NAME\[.\]="\(.*\)"/\1/p' "$src/dkms.conf" | sort | xargs)" \
	"$(sed -n 's/^obj-.*[:+]= *\(.*\)\.o$/\1/p' kmod/*/Kbuild | sort | xargs)"
is 'from all their sources' "$(cd "$src" && find . -type f | grep -v dkms.conf | sort)" \
	"$(ours Kbuild VERSION kmod include | cat - <(ls kmod/*/netlink-gen.[ch]) | sed 's|^|./|' | sort -u)"

# ---- again

echo 'log debug' > "$root/etc/qkd/qkdd.conf"
check 'it can be installed over itself' make -s install DESTDIR="$root" PREFIX=/usr MODULES=no
is 'and keeps the configuration' "$(cat "$root/etc/qkd/qkdd.conf")" 'log debug'
