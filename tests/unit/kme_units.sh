#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The key service under systemd: its socket, and what its unit leaves it. And its
# page: the table of clauses names the tests there are.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$tree/tests/kme/lib.sh"
need_cmd curl systemd-socket-activate systemd-analyze

kme_pki > /dev/null || die "no certificates"
kme_conf a b q0
# an address that cannot be: it must not be used
sed -i 's/127.0.0.1:19443"\]/192.0.2.1:1"]/' "$test_dir/a.json"
for name in qkd-kmed.socket other; do
	start systemd-socket-activate -l "127.0.0.1:${kme_port[a]}" --fdname=$name \
		-E QKD_STANDIN_SEED "$O/tests/bin/kmed_standin" -c "$test_dir/a.json"
	wait_for 5 "ss -ltn | grep -q ':${kme_port[a]} '"
	case $name in
	other)	check_fails 'a socket of another name is not its own' . \
			eval "sae a1 a b1 status | tail -n 1 | grep -qx 200 || { echo refused; false; }" ;;
	*)	is 'it serves on the socket it is passed' \
			"$(sae a1 a b1 status | status)" 200 ;;
	esac
	stop "$started"
done

# each port has a socket of its own, found by its name
start systemd-socket-activate -l "127.0.0.1:${kme_port[a]}" -l 127.0.0.1:25577 -l 127.0.0.1:25578 \
	--fdname=qkd-kmed.socket:qkd-kmed-004.socket:qkd-kmed-skip.socket \
	-E QKD_STANDIN_SEED "$O/tests/bin/kmed_standin" -c "$test_dir/a.json"
wait_for 5 "ss -ltn | grep -q ':${kme_port[a]} '"
is 'with three sockets, it serves on the first' "$(sae a1 a b1 status | status)" 200
# a request of 014 is nothing to the others: one has no HTTP, one no clients yet
asked_of() {
	curl -sS --max-time 5 --cacert "$pki/ca.crt" --cert "$pki/a1.crt" --key "$pki/a1.key" \
		-o /dev/null -w '%{http_code}' "https://localhost:$1/api/v1/keys/b1/status" 2>/dev/null
}
is 'what is asked of it, the others do not answer' "$(asked_of 25577),$(asked_of 25578)" 000,000
stop "$started"

mkdir "$test_dir/units"
sed "s,@SBINDIR@,/usr/bin,; s,/usr/bin/qkd-kmed,/usr/bin/true," \
	"$tree/tools/kmed/qkd-kmed.service.in" > "$test_dir/units/qkd-kmed.service"
cp "$tree"/tools/kmed/qkd-kmed*.socket "$test_dir/units/"
check 'systemd has nothing to say of the units' eval \
	'! systemd-analyze verify --man=no "$test_dir"/units/* 2>&1 | grep kmed'
check 'and little of what the service might do' \
	systemd-analyze security --offline=true --threshold=20 "$test_dir/units/qkd-kmed.service"
is 'the clauses of 014 in the page are those tested' \
	"$(grep -o 'c[56]_[0-9a-z_]*' "$tree/Documentation/key-service.rst" | sort)" \
	"$(sed -n 's/^TEST_F(kme, \(c[56]_[0-9a-z_]*\))$/\1/p' "$tree/tests/unit/kme_014.c" | sort)"
