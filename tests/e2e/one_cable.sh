#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The README's example, where the nodes have one cable for everything: the
# tunnel covers the very addresses between which light, classical channel and
# peer protocol pass, which must get by while it has no key.
#
#	hospital (alice) ---- wan: light, channel, ESP ---- biobank (bob)
# timeout: 180
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
need_root
need_module qkd
need_module qkd_xfrm
need_cmd ping
topo_two_nodes

link=hospital-biobank
qkdctl psk new "$test_dir/psk" > /dev/null || die 'no secret'
node() { # NAME PEER LOCAL REMOTE ROLE
	mkdir -p "$test_dir/$1/psk" "$test_dir/$1/state"
	install -m 600 "$test_dir/psk" "$test_dir/$1/psk/$link"
	on "$1" qkdctl link add $link local-node "$1" peer-node "$2" local "$3" \
		peer "$4" driver sim role "$5" config 'length=5 block=131072 pz=.8' ||
		die "$1: the link was refused"
	on "$1" qkdctl tunnel add genomes link $link mode transport ||
		die "$1: the tunnel was refused"
	start ip netns exec "$1" qkdd --psk-dir "$test_dir/$1/psk" \
		--state-dir "$test_dir/$1/state"
}
node hospital biobank 10.77.0.1 10.77.0.2 alice
node biobank hospital 10.77.0.2 10.77.0.1 bob

check 'the daemons get by the tunnel that waits for them, and key it' \
	wait_for 60 on hospital ping -c 1 -W 1 10.77.0.2
