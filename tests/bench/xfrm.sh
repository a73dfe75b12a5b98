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
#	BENCH tunnel_make_us_after_N X us	to make one more when there are N
#	BENCH tunnel_bytes X bytes		of a tunnel without SAs
#	BENCH sa_bytes X bytes			of an SA
#	BENCH first_sas_1000_tunnels_s X s	from key to SAs of all, each way
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need iperf3
turns=${XFRM_BENCH_TURNS:-15} seconds=${XFRM_BENCH_SECONDS:-4} many=${XFRM_BENCH_MANY:-1000}

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

# sum COLUMN: of all tunnels at both ends (see xfrm_many.c)
sum() { { "$O/tests/bin/xfrm_many" hospital sum; "$O/tests/bin/xfrm_many" biobank sum; } | awk -v c="$1" '{ n += $c } END { print n }'; }
everyone() { [ "$(sum 2) $(sum 3)" = "$((2 * many)) $((2 * many))" ]; }
now() { date +%s%N; }
dropped() { both qkdctl -j -s link show q | jq .[0].errors.rx_dropped | awk '{ n += $1 } END { print n }'; }
# what the kernel holds and cannot give back, in bytes
memory() { awk '/^(SUnreclaim|Percpu|VmallocUsed|KernelStack|PageTables):/ { n += $2 } END { print 1024 * n }' /proc/meminfo; }

# make FIRST N: at both ends, without key yet
make_tunnels() {
	"$O/tests/bin/xfrm_many" hospital make 1 "$2" 3600000 "$1" &&
	"$O/tests/bin/xfrm_many" biobank make 2 "$2" 3600000 "$1" || die 'cannot make them'
}

many_tunnels() {
	local a b t0 t1 m0 m1 i

	feed start 0
	m0=$(memory)
	# what one more costs, when there are few and when there are many
	for i in 0 9; do
		t0=$(now)
		make_tunnels $((i * many / 10)) $((many / 10))
		t1=$(now)
		echo "BENCH tunnel_make_us_after_$((i * many / 10)) $(((t1 - t0) / (many / 5) / 1000)) us"
		[ $i = 9 ] || make_tunnels $((many / 10)) $((many * 8 / 10))
	done
	m1=$(memory)
	echo "BENCH tunnel_bytes $(((m1 - m0) / (2 * many))) bytes"
	m0=$m1 t0=$(now)
	start "$feeder" "$dev_a" "$dev_b" keep 32768
	check 'all tunnels got an SA each way' wait_for 180 everyone
	t1=$(now) m1=$(memory)
	echo "BENCH first_sas_${many}_tunnels_s $(awk "BEGIN { printf \"%.1f\", ($t1 - $t0) / 1e9 }") s"
	# two SAs at either end
	echo "BENCH sa_bytes $(((m1 - m0) / (4 * many))) bytes"
	say "offers repeated: $(sum 5), messages dropped: $(dropped)"
	a=$(sum 1) t0=$(now)
	"$O/tests/bin/xfrm_many" hospital set "$many" 100 && "$O/tests/bin/xfrm_many" biobank set "$many" 100
	sleep 20
	b=$(sum 1) t1=$(now)
	echo "BENCH rekeys_per_s_1000_tunnels $(((b - a) * 1000000000 / (t1 - t0))) 1/s"
	at_least 'no tunnel is left behind' "$(least)" 3
	say "offers repeated: $(sum 5), messages dropped: $(dropped)"
}
least() { { "$O/tests/bin/xfrm_many" hospital sum; "$O/tests/bin/xfrm_many" biobank sum; } | awk '{ print $4 }' | sort -n | head -n 1; }

topo_two_nodes
links pool-size 4M
for what in ${XFRM_BENCH:-throughput one_tunnel many_tunnels}; do
	feed start 400000
	case $what in
	throughput|one_tunnel)
		start "$feeder" "$dev_a" "$dev_b" keep 32768
		feeding=$started
		$what
		stop "$feeding" ;;
	*)	$what ;;
	esac
done
