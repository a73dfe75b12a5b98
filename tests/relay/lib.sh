# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# Four nodes of a relay on one machine, on the stand-in for links; to be sourced
# after tests/lib.sh:
#
#	hospital ---- q1 ---- biobank ---- q2 ---- clinic
#	    |                    |              |
#	    |                    q5             |
#	    '---- q3 ---- institute ---- q4 ----'
#
# The virtual link is between hospital, the origin, and clinic, the target. Most of
# the time is spent on waiting, so groups of tests run beside each other, each with
# nodes of its own:
#
#	relay_group NAME FUNCTION	its checks are shown by relay_groups_end

export QKD_STANDIN_SEED=$$
# bytes a second, so that tests know how long what takes
export QKD_STANDIN_RATE=${QKD_STANDIN_RATE-q1=600000 q2=600000 q3=600000 q4=600000}
relay_port=$((21000 + RANDOM % 8000))
declare -A relay_ip=([hospital]=127.0.0.1 [biobank]=127.0.0.2 [institute]=127.0.0.3 [clinic]=127.0.0.4)
declare -A relay_pid relay_groups

# relay_use DIR: nodes' files, and their pools
relay_use() {
	test_dir=$1
	out=$test_dir/out
	mkdir -p "$test_dir/pools"
	export QKD_STANDIN_DIR=$test_dir/pools
}
relay_use "$test_dir"

relay_group() {
	relay_port=$((relay_port + 1))
	(
		relay_use "$test_dir/$1"
		test_undo=()
		header > /dev/null
		trap relay_group_end EXIT
		"$2"
		[ $ktap_n -gt 0 ]
	) > "$test_dir/group.$1" 2>&1 &
	relay_groups[$1]=$!
	at_exit stop $!
}
relay_group_end() {
	local status=$? i

	for ((i = ${#test_undo[@]} - 1; i >= 0; i--)); do
		eval "${test_undo[i]}" > /dev/null 2>&1
	done
	exit $status
}
relay_groups_end() {
	local g line

	for g in "${!relay_groups[@]}"; do
		wait "${relay_groups[$g]}" || fail "group $g ended before it was over"
		while IFS= read -r line; do
			case $line in
			'ok '*)		line=${line#ok }; ok "${line#* }" ;;
			'not ok '*)	line=${line#not ok }; fail "${line#* }" ;;
			*)		header; echo "$line" ;;
			esac
		done < "$test_dir/group.$g"
	done
}

# one LINK LOCAL PEER: a link as the stand-in has it
one() { echo "$1,$2,$3,${relay_ip[$2]},${relay_ip[$3]}"; }
relay_links() {
	case $1 in
	hospital)	one q1 "$1" biobank; one q3 "$1" institute ;;
	biobank)	one q1-far "$1" hospital; one q2 "$1" clinic; one q5 "$1" institute ;;
	institute)	one q3-far "$1" hospital; one q4 "$1" clinic; one q5-far "$1" biobank ;;
	clinic)		one q2-far "$1" biobank; one q4-far "$1" institute ;;
	esac
}

# relay_start NODE [PROGRAM [SETTING...]]: and waits until it listens
relay_start() {
	local n=$1 program=${2:-relayd_standin}

	shift; [ $# = 0 ] || shift
	{
		echo "port $relay_port"
		echo "listen ${relay_ip[$n]}"
		echo "socket $test_dir/$n.socket"
		echo "log debug"
		printf '%s\n' "$@"
	} > "$test_dir/$n.conf"
	QKD_STANDIN_LINKS=$(relay_links "$n" | xargs) \
		"$O/tests/bin/$program" -c "$test_dir/$n.conf" > "$test_dir/$n.log" 2>&1 &
	relay_pid[$n]=$!
	at_exit stop $!
	wait_for 10 "[ -S $test_dir/$n.socket ]" ||
		die "$n does not start: $(cat "$test_dir/$n.log")"
}

# relay_wait NODE: until it has all its sessions
relay_wait() {
	local sessions

	sessions=$(relay_links "$1" | awk 'END { print 2 * NR }')
	# shellcheck disable=SC2016
	wait_for 10 '[ "$(grep -c "chunks can" "$test_dir/'"$1"'.log")" -ge '"$sessions"' ]' ||
		die "$1 meets nobody: $(cat "$test_dir/$1.log")"
}

# relay_kill NODE: as a crash does
relay_kill() {
	kill -9 "${relay_pid[$1]}"
	wait "${relay_pid[$1]}" 2>/dev/null
	rm -f "$test_dir/$1.socket"
}

relay_start_all() {
	local n

	for n in hospital biobank institute clinic; do relay_start $n; done
	for n in hospital biobank institute clinic; do relay_wait $n; done
}

# pair SECONDS WANT [WORDS...]: the virtual link, by biobank and institute unless
# told; what came of it is in $out
pair() {
	local seconds=$1 want=$2 words=${*:3}

	[[ " $words" == *" paths="* ]] || words="paths=biobank,institute $words"
	[[ " $words" == *" timeout="* ]] || words="timeout=3 $words"
	"$O/tests/bin/relay_pair" "$seconds" "$want" \
		"socket=$test_dir/hospital.socket $words" \
		"socket=$test_dir/clinic.socket $words" > "$out" 2>&1
}

# pair_later ARGUMENTS OF pair: meanwhile; pair_end: when it is over
pair_later() {
	pair "$@" &
	pair_pid=$!
	at_exit stop $!
}
pair_end() { wait "$pair_pid"; }
