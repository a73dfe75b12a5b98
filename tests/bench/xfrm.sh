#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# What rekeying costs. TCP through a tunnel that is rekeyed every second
# against the same SA made by hand with ip xfrm, over two equal cables, in
# turns; and how many SAs a second can be replaced, of one tunnel and of 1,000.
#
#	BENCH esp_rekey_ratio X ratio		median of the turns' quotients
#	BENCH esp_rekeyed_Mbps X Mbit/s
#	BENCH esp_by_hand_Mbps X Mbit/s
#	BENCH rekeys_per_s_one_tunnel X 1/s	each way, while both ways are
#	BENCH rekeys_per_s_1000_tunnels X 1/s	both ways together
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need iperf3
turns=${XFRM_BENCH_TURNS:-7} seconds=${XFRM_BENCH_SECONDS:-5} many=${XFRM_BENCH_MANY:-1000}

key=0x$(head -c 36 /dev/urandom | od -An -tx1 | tr -d ' \n')
by_hand() {
	local n s d

	for n in hospital biobank; do
		for s in 1 2; do
			d=$((3 - s))
			on $n ip xfrm state add src 10.78.0.$s dst 10.78.0.$d proto esp \
				spi 0x100$s reqid 9 mode transport replay-window 1024 \
				flag esn aead 'rfc4106(gcm(aes))' "$key" 128 ||
				die 'cannot make an SA by hand'
		done
	done
	for s in 1 2; do
		n=hospital
		[ $s = 1 ] || n=biobank
		d=$((3 - s))
		on $n ip xfrm policy add dir out src 10.78.0.$s dst 10.78.0.$d \
			tmpl proto esp reqid 9 mode transport
		on $n ip xfrm policy add dir in src 10.78.0.$d dst 10.78.0.$s \
			tmpl proto esp reqid 9 mode transport
	done
}

# mbps ADDRESS
mbps() {
	on hospital iperf3 -J -t "$seconds" -O 1 -c "$1" |
		jq '.end.sum_received.bits_per_second / 1e6'
}

throughput() {
	local i a b

	both qkdctl tunnel add t link q mode transport rekey time 1s grace-time 1s
	wait_live t || die 'no SAs'
	by_hand
	start on biobank iperf3 -s
	wait_for 10 on biobank sh -c 'ss -ltn | grep -q 5201'
	for ((i = 0; i < turns; i++)); do
		# who goes first has no advantage
		if ((i % 2)); then
			a=$(mbps 10.77.0.2) b=$(mbps 10.78.0.2)
		else
			b=$(mbps 10.78.0.2) a=$(mbps 10.77.0.2)
		fi
		echo "$a $b"
	done > "$test_dir/turns"
	say "rekeys meanwhile: $(field hospital t out.rekeys)"
	say "$(cat "$test_dir/turns")"
	for n in 1:esp_rekeyed_Mbps:Mbit/s 2:esp_by_hand_Mbps:Mbit/s 3:esp_rekey_ratio:ratio; do
		awk '{ print $0, $1 / $2 }' "$test_dir/turns" |
			awk -v c="${n%%:*}" '{ print $c }' | sort -g |
			awk -v n="$n" '{ v[NR] = $1 } END { split(n, w, ":")
				print "BENCH", w[2], v[int((NR + 1) / 2)], w[3] }'
	done
	at_least 'the tunnel was rekeyed every second' \
		"$(field hospital t out.rekeys)" $((turns * seconds))
	check 'nothing was dropped' no_errors
	both qkdctl tunnel del t
}

one_tunnel() {
	local a b

	both qkdctl tunnel add t link q mode transport rekey time 1ms grace-time 10ms
	wait_live t || sleep 2
	a=$(field hospital t out.rekeys)
	sleep 10
	b=$(field hospital t out.rekeys)
	echo "BENCH rekeys_per_s_one_tunnel $(((b - a) / 10)) 1/s"
	at_least 'one tunnel is rekeyed 20 times a second' $(((b - a) / 10)) 20
	both qkdctl tunnel del t
}

# sums WHAT: of all tunnels at both ends
sums() {
	"$O/bench/xfrm_many" hospital sum
	"$O/bench/xfrm_many" biobank sum
}

many_tunnels() {
	local a b t0 t1

	"$O/bench/xfrm_many" hospital make 1 "$many" 100 &&
	"$O/bench/xfrm_many" biobank make 2 "$many" 100 || die 'cannot make them'
	wait_for 120 "[ \$(sums | awk '{ n += \$2 } END { print n }') = $((2 * many)) ]"
	is 'all tunnels got an SA each way' "$(sums | awk '{ n += $2 } END { print n }')" $((2 * many))
	a=$(sums | awk '{ n += $1 } END { print n }')
	t0=$(date +%s%N)
	sleep 15
	b=$(sums | awk '{ n += $1 } END { print n }')
	t1=$(date +%s%N)
	echo "BENCH rekeys_per_s_1000_tunnels $(((b - a) * 1000000000 / (t1 - t0))) 1/s"
}

topo_two_nodes
links pool-size 1M
feed start 400000
start "$feeder" "$dev_a" "$dev_b" keep 32768
throughput
one_tunnel
many_tunnels
