#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two daemons agree on post-quantum secrets, and a hybrid tunnel is keyed with
# them; where OpenSSL has no ML-KEM-768 at either end, the tunnel says so and
# stays without key.
#
# Debian 12 has no such OpenSSL: there qkdd runs in the Debian 13 that "make
# check-hybrid" leaves in the cache; without that, only the refusal is tested.
# timeout: 300
# shellcheck disable=SC2154,SC2016
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need ping openssl
topo_two_nodes
declare -A other=([hospital]=biobank [biobank]=hospital)
declare -A wan=([hospital]=10.77.0.1 [biobank]=10.77.0.2)
declare -A daemon
newer=$O/hybrid-trixie/share/qkd
root=${QKD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/qkd-linux}/systems/trixie-build

# run NODE here|there: qkdd with this machine's OpenSSL, or with Debian 13's
run() {
	local node=$1 log=$test_dir/$1/log n cmd=("$O/bin/qkdd")

	[ "$2" = here ] || cmd=(chroot "$root" env LD_LIBRARY_PATH=/srv/lib /srv/bin/qkdd)
	n=$(grep -c 'is ready' "$log" 2>/dev/null)
	(exec ip netns exec "$node" "${cmd[@]}" --psk-dir "$test_dir/$node/psk" \
		--state-dir "$test_dir/$node/state") 2>> "$log" &
	daemon[$node]=$!
	at_exit stop $!
	wait_for 20 "[ \$(grep -c 'is ready' '$log') -gt ${n:-0} ]" ||
		die "qkdd does not start: $(tail -n 3 "$log")"
}
# tells: what there is to know, after a failure
tells() {
	local n

	for n in hospital biobank; do
		say "$n" "$(tail -n 20 "$test_dir/$n/log")" "$(on $n qkdctl -s link show q)" \
			"$(on $n qkdctl -s tunnel show t)"
	done
}
end() { kill "${daemon[$1]}"; wait "${daemon[$1]}" 2>/dev/null || :; }
says() { field "$1" t reason | grep -q -e "$2"; }
sid() { field "$1" t "$2.secret_id"; }
same_sid() {
	case $(sid hospital out) in null) return 1 ;; "$1") return 1 ;; esac
	[ "$(sid hospital out)" = "$(sid biobank in)" ] &&
		[ "$(sid biobank out)" = "$(sid hospital in)" ] &&
		[ "$(sid biobank out)" = "$(sid hospital out)" ]
}

qkdctl psk new "$test_dir/psk" > /dev/null || die "no secret"
head -c 16M /dev/urandom > "$test_dir/pad"
for n in hospital biobank; do
	mkdir -p "$test_dir/$n/psk" "$test_dir/$n/state"
	install -m 600 "$test_dir/psk" "$test_dir/$n/psk/q"
	cp "$test_dir/pad" "$test_dir/$n/pad"
	on $n qkdctl link add q local-node $n peer-node ${other[$n]} local ${wan[$n]} \
		peer ${wan[${other[$n]}]} driver file pool-size 64K \
		config "pad=$test_dir/$n/pad hybrid_time=3" || die "the link was refused"
	on $n qkdctl tunnel add t link q mode transport hybrid on || die "no tunnel"
done

if openssl list -kem-algorithms 2>/dev/null | grep -q ML-KEM-768; then
	there=here
	skip 'an OpenSSL without ML-KEM-768 is refused' 'this one has it'
else
	run hospital here
	run biobank here
	check 'without ML-KEM-768, the tunnel says what to do' \
		wait_for 40 says hospital 'OpenSSL 3.5 or later'
	check_fails 'and nothing passes' '100% packet loss' on hospital ping -c 2 -W 1 10.77.0.2
	there=there
	if [ ! -x "$newer/build/bin/qkdd" ] || [ ! -e "$root/done" ]; then
		skip 'daemons agree' 'no newer OpenSSL: make check-hybrid'
		exit
	fi
	mkdir -p "$root/srv/bin" "$root/srv/lib" "$root$test_dir"
	cp "$newer"/build/bin/qkdd "$root/srv/bin/"
	cp "$newer"/build/lib/*.so* "$root/srv/lib/"
	for d in /dev "$test_dir"; do
		mount --bind "$d" "$root$d" || die "cannot mount"
		at_exit umount "$root$d"
	done
	end hospital
	run hospital there
	check 'with it at one end, the other is told' \
		wait_for 40 says hospital 'the peer says: OpenSSL'
	end biobank
fi
[ $there = there ] || run hospital here
run biobank $there
check 'with it at both, the tunnel is keyed' wait_live t 40
[ $ktap_failed = 0 ] || { tells; exit 1; }
check 'with one secret at both ends, both ways' wait_for 10 same_sid none
check 'packets pass' on hospital ping -c 2 -W 5 10.77.0.2
first=$(sid hospital out)
ip netns exec hospital ping -q -i 0.05 -w 120 -W 10 10.77.0.2 > "$test_dir/ping" &
pinger=$!
# rekeyed until both use it, since they need not have it at the same moment
another() {
	both qkdctl tunnel rekey t
	sleep 1
	same_sid "$first"
}
check 'after a while there is another' wait_for 20 another
sleep 1
kill -INT $pinger
wait $pinger
is 'and no packet was lost by it' "$(awk '/transmitted/ { print $1 - $4 }' "$test_dir/ping")" 0
on hospital qkdctl tunnel del t
rmmod qkd_xfrm && need_module qkd_xfrm
for n in hospital biobank; do
	on $n qkdctl tunnel add t link q mode transport hybrid on
done
check 'a module that was loaded again is given one' wait_live t 30
check 'which both have' wait_for 10 same_sid none
check 'no secret is in the logs' [ "$(grep -c -i -E '[0-9a-f]{64}' "$test_dir"/*/log | grep -vc ':0')" = 0 ]
