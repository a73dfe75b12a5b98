#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
#
# A call of 3 Mb/s each way loses nothing to bulk transfers, also both ways, that
# want all the key there is: with a device of its own that has a guaranteed rate,
# and on the bulk's own device, put first by tc. Once numbered datagrams are the
# call, and once, where ffmpeg is installed, a video by RTP, each frame of which is
# to arrive as it was sent.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../otp/lib.sh"
otp_need tc
need_kernel sch_prio cls_u32
# 30 frames a second of 10 packets: 3 Mb/s. Key for half as much again, little
# enough that the slowest machine's bulk uses it up.
size=1250 rate=300 seconds=6 key=600000
topo_two_nodes
# what ffmpeg does not take at once is not lost
rmem=$(sysctl -n net.core.rmem_max)
sysctl -q -w net.core.rmem_max=8388608 && at_exit sysctl -q -w net.core.rmem_max="$rmem"
# nor what comes at once after a moment in which nothing ran
backlog=$(sysctl -n net.core.netdev_max_backlog)
sysctl -q -w net.core.netdev_max_backlog=10000 && at_exit sysctl -q -w net.core.netdev_max_backlog="$backlog"
otp_links pool-size 2097152 rx-grace 2s
otp_feed -b 32768 -r $key
# by its weight alone it would get a hundredth
otp_tunnel 0 rate 450000 weight 1
otp_tunnel 1
for n in hospital biobank; do
	for d in otp0 otp1; do
		on $n sysctl -q -w net.ipv6.conf.$d.disable_ipv6=1
	done
done
wait_for 5 on hospital ping -c 1 -W 1 10.99.0.2 || die "no key"

# drops DEVICE: where packets may have been lost by now
drops() {
	local n

	say "dropped by processors: $(cut -d ' ' -f 2 /proc/net/softnet_stat | xargs)"
	for n in hospital biobank; do
		say "$n: $(on $n ethtool -S "$1" | awk '$2 && /starved|wasted|no_route|large|no_key|auth|replay/' | xargs)" \
			"$n: $(on $n nstat -asz UdpRcvbufErrors UdpSndbufErrors | sed 1d | xargs)" \
			"$n: $(tc -n $n -s qdisc show dev "$1" | grep -o 'dropped [0-9]*' | head -n 1)"
	done
}
# call NAME NETWORK: both ways at once
call() {
	local peer=10.$2.0 a b sa sb n file

	start on hospital "$tree/tests/otp/numbered.py" receive $size
	a=$test_dir/started.$test_started sa=$started
	start on biobank "$tree/tests/otp/numbered.py" receive $size
	b=$test_dir/started.$test_started sb=$started
	for n in hospital biobank; do
		wait_for 20 "ip netns exec $n ss -lunH 'sport = 7001' | grep -q 7001" ||
			die "nobody listens"
	done
	on hospital "$tree/tests/otp/numbered.py" call $peer.2 $((rate * seconds)) $rate $size &
	n=$!
	on biobank "$tree/tests/otp/numbered.py" call $peer.1 $((rate * seconds)) $rate $size
	wait $n
	# its last packets may have to wait for key
	sleep 2
	kill $sa $sb
	wait_for 60 "! kill -0 $sa && ! kill -0 $sb"
	drops "otp$(($2 - 99))"
	for file in "$a" "$b"; do
		say "$1: $(cat "$file")"
		is "$1: all $((rate * seconds)) packets of the call" "$(python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
print(r["received"] - r["wrong"] - r["twice"])' "$file")" $((rate * seconds))
	done
}

film() {
	ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=size=640x360:rate=30 \
		-t $seconds -c:v libvpx -deadline realtime -cpu-used 8 -g 30 \
		-b:v 3M -minrate 3M -maxrate 3M -bufsize 500k "$test_dir/film.webm"
}
# frames FILE...: size and checksum of each, a line
frames() { awk -F, '!/^#/ { print $5, $6 }' "$@"; }
play() {
	on "$1" ffmpeg -nostdin -loglevel error -re -i "$test_dir/film.webm" -c copy \
		-f rtp "rtp://$2:7002?pkt_size=1200" > /dev/null 2> "$test_dir/$1.plays"
}
# video NAME NETWORK: both ways at once
video() {
	local peer=10.$2.0 n i=0 watching=() said=()

	for n in hospital biobank; do
		i=$((i + 1))
		printf '%s\n' v=0 'o=- 0 0 IN IP4 127.0.0.1' s=call "c=IN IP4 $peer.$i" \
			't=0 0' 'm=video 7002 RTP/AVP 96' 'a=rtpmap:96 VP8/90000' > "$test_dir/$n.sdp"
		start on $n ffmpeg -nostdin -loglevel error -y -protocol_whitelist file,udp,rtp \
			-buffer_size 4000000 -i "$test_dir/$n.sdp" -c copy -f framecrc "$test_dir/$n.crc"
		watching+=("$started")
		said+=("$test_dir/started.$test_started" "$test_dir/$n.plays")
		wait_for 20 "ip netns exec $n ss -lunH 'sport = 7002' | grep -q 7002" ||
			die "nobody watches"
	done
	play hospital $peer.2 &
	i=$!
	play biobank $peer.1
	wait $i
	sleep 2
	kill -INT "${watching[@]}"
	wait_for 20 "! kill -0 ${watching[0]} && ! kill -0 ${watching[1]}"
	drops "otp$(($2 - 99))"
	# who found nothing to watch, or to send, says why
	say "$(grep . "${said[@]}")"
	for n in hospital biobank; do
		is "$1: frames of a video that do not reach $n as they were" \
			"$(diff <(frames "$test_dir/film.crc") <(frames "$test_dir/$n.crc") | grep -c '^<')" 0
	done
}
if film 2> "$test_dir/no_film"; then
	ffmpeg -nostdin -loglevel error -y -i "$test_dir/film.webm" -c copy -f framecrc "$test_dir/film.crc"
	is 'a film was made' "$(frames "$test_dir/film.crc" | wc -l)" $((30 * seconds))
else
	video() { skip "$1: a video" "needs ffmpeg with VP8"; }
fi
bulk_bytes() { otp_stat hospital otp1 tx_payload_bytes; }

# the bulk, each way, takes all that it can have, and fills the queue
start on hospital "$tree/tests/otp/blast.py" 10.100.0.2 1400 1048576
start on biobank "$tree/tests/otp/blast.py" 10.100.0.1 1400 1048576
wait_for 20 "[ \$(otp_stat hospital otp1 tx_starved) -gt 5 ] &&
	[ \$(otp_stat biobank otp1 tx_starved) -gt 5 ]" || skip_all "this machine is too slow to use up the key"
sleep 1
was=$(bulk_bytes)
call 'guaranteed rate' 99
video 'guaranteed rate' 99
at_least 'the bulk went on' $(($(bulk_bytes) - was)) $((seconds * 50000))
at_least 'as far as there was key' "$(otp_stat hospital otp1 tx_starved)" 50

for n in hospital biobank; do
	tc -n $n qdisc add dev otp1 root handle 1: prio bands 2 \
		priomap 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 &&
	tc -n $n filter add dev otp1 parent 1: protocol ip u32 \
		match ip dport 7000 0xfff8 flowid 1:1 || die "no tc"
	on $n qkdctl otp set otp0 rate 0
done
was=$(bulk_bytes)
call 'tc prio' 100
video 'tc prio' 100
at_least 'the bulk went on' $(($(bulk_bytes) - was)) $((seconds * 50000))
