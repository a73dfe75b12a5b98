# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What tests in shell share; to be sourced first:
#
#	. "$(dirname "$0")/../lib.sh"
#	need_root
#	need_module qkd
#	topo_two_nodes
#	check 'hospital reaches biobank' on hospital ping -c 1 10.77.0.2
#
# Results are KTAP on standard output, the exit status is kselftest's: 0 all
# passed, 1 a failure, 4 skipped. Whatever a test sets up it undoes at exit by
# at_exit, last first, also when it is killed by its timeout.

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
O=${O:-build}
case $O in /*) ;; *) O=$tree/$O ;; esac
export O
export PATH=$O/bin:$PATH

ktap_n=0 ktap_failed=0 ktap_skipped=0 ktap_planned=''
test_dir=$(mktemp -d)
declare -a test_undo=()

# ---- results

# the first line of a test's output
header() { [ -n "${ktap_begun:-}" ] || echo 'KTAP version 1'; ktap_begun=1; }

# say TEXT...: a comment in the output
say() { printf '%s\n' "$@" | sed 's/^/# /'; }

# plan N: how many results there will be; without it they are just counted
plan() { ktap_planned=$1; header; echo "1..$1"; }

ok() { header; echo "ok $((++ktap_n)) $*"; }

# skip NAME WHY...
skip() {
	ktap_skipped=$((ktap_skipped + 1))
	header
	echo "ok $((++ktap_n)) $1 # SKIP ${*:2}"
}

# fail NAME [WHY...]
fail() {
	ktap_failed=$((ktap_failed + 1))
	header
	[ $# -lt 2 ] || say "${@:2}"
	echo "not ok $((++ktap_n)) $1"
}

# check NAME CMD...: one claim, that CMD succeeds; what it says is shown when
# it does not
check() {
	local name=$1 status=0

	shift
	"$@" > "$test_dir/said" 2>&1 || status=$?
	if [ $status = 0 ]; then
		ok "$name"
	else
		fail "$name" "status $status: $*" "$(tail -c 4000 "$test_dir/said")"
	fi
	return 0
}

# check_fails NAME PATTERN CMD...: that CMD fails and says so in words that
# the extended regular expression PATTERN matches
check_fails() {
	local name=$1 pattern=$2 status=0

	shift 2
	"$@" > "$test_dir/said" 2>&1 || status=$?
	if [ $status = 0 ]; then
		fail "$name" "succeeded, should not: $*" "$(tail -c 4000 "$test_dir/said")"
	elif ! grep -q -E -e "$pattern" "$test_dir/said"; then
		fail "$name" "failed, but does not say '$pattern': $*" \
			"$(tail -c 4000 "$test_dir/said")"
	else
		ok "$name"
	fi
}

# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		fail "$1" "got '$2', wanted '$3'"
	fi
}

# at_least NAME GOT LEAST; at_most likewise. Integers.
at_least() {
	if [ "$2" -ge "$3" ] 2>/dev/null; then ok "$1 ($2)"; else fail "$1" "got '$2', wanted at least $3"; fi
}
at_most() {
	if [ "$2" -le "$3" ] 2>/dev/null; then ok "$1 ($2)"; else fail "$1" "got '$2', wanted at most $3"; fi
}

# skip_all WHY: the test cannot be run here
skip_all() {
	header
	echo "1..0 # SKIP $*"
	exit 4
}

# die WHY: the setting up went wrong; no claim can be tested
die() {
	fail "set up" "$*"
	exit 1
}

# ---- needs

need_root() { [ "$(id -u)" = 0 ] || skip_all "needs root"; }

need_cmd() {
	local c

	for c in "$@"; do
		command -v "$c" > /dev/null || skip_all "needs the program $c"
	done
}

# need_module NAME...: loaded, from this tree's build, else as installed; and
# unloaded at exit if it was not there before
need_module() {
	local m ko dep

	for m in "$@"; do
		[ ! -d "/sys/module/$m" ] || continue
		ko=$O/kmod-$(uname -r)/$m.ko
		if [ -e "$ko" ]; then
			for dep in $(modinfo -F depends "$ko" | tr , ' '); do
				case $dep in
				qkd*)	need_module "$dep" ;;
				*)	modprobe -q "$dep" || : ;;
				esac
			done
			insmod "$ko" ${module_args:-} || die "insmod $ko failed"
		else
			modprobe -q "$m" || skip_all "needs the module $m: make modules"
		fi
		at_exit unload "$m"
	done
}

# kernel_has MODULE...: the kernel's own, loaded or built in
kernel_has() {
	local m

	for m in "$@"; do
		modprobe -q "$m" 2>/dev/null || [ -d "/sys/module/$m" ] ||
			built_in "$m" || return 1
	done
}

# user-mode Linux installs no modules.builtin; it lies where the kernel was built
built_in() {
	local kind list

	kind=$(uname -r)
	case $kind in
	*-qkd-debug|*-qkd-quick)
		list=$("$tree/tests/vm/debug-kernel.sh" --dir "${kind##*-}")/modules.builtin ;;
	*)	list=/lib/modules/$kind/modules.builtin ;;
	esac
	grep -q "/$1\.ko" "$list" 2>/dev/null
}
need_kernel() { kernel_has "$@" || skip_all "needs the kernel's $*"; }

# unload MODULE: a namespace's end may hold it for a moment
unload() { wait_for 10 "rmmod $1 || [ ! -d /sys/module/$1 ]" || rmmod "$1"; }

# ---- settings

# on NODE CMD...
on() { ip netns exec "$@"; }

# topo_two_nodes: two namespaces and two cables
#
#	hospital                          biobank
#	 wan   10.77.0.1  ------------  10.77.0.2   wan
#	       fd77::1                  fd77::2
#	 fibre 10.78.0.1  ------------  10.78.0.2   fibre
topo_two_nodes() {
	local n i=0

	kernel_has veth || :
	for n in hospital biobank; do
		ip netns add $n || die "cannot make namespace $n"
		at_exit del_node $n
		ip -n $n link set lo up
	done
	ip link add wan netns hospital type veth peer name wan netns biobank &&
	ip link add fibre netns hospital type veth peer name fibre netns biobank ||
		die "cannot make the cables"
	for n in hospital biobank; do
		i=$((i + 1))
		on $n sysctl -q -w net.ipv6.conf.all.accept_dad=0 \
			net.ipv6.conf.default.accept_dad=0 || :
		ip -n $n addr add 10.77.0.$i/24 dev wan
		ip -n $n addr add fd77::$i/64 dev wan nodad
		ip -n $n addr add 10.78.0.$i/24 dev fibre
		ip -n $n link set wan up
		ip -n $n link set fibre up
	done
	wait_for 10 on hospital ping -c 1 -W 1 10.77.0.2 ||
		die "hospital does not reach biobank"
}

# del_node NAME: kill what runs in the namespace, delete it
del_node() {
	ip netns pids "$1" 2>/dev/null | xargs -r kill -9 2>/dev/null
	ip netns del "$1" 2>/dev/null
}

# ---- doing and waiting

# at_exit CMD...
at_exit() { test_undo+=("${*@Q}"); }

# wait_for SECONDS CMD...: until CMD, or a shell line if it is one word, holds;
# QKD_SLOW=N is N times as patient
wait_for() {
	local end=$((SECONDS + $1 * ${QKD_SLOW:-1}))

	shift
	until if [ $# = 1 ]; then eval "$1"; else "$@"; fi > /dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# start CMD...: in the background until the test ends; its pid is $started.
# "on NODE" is spelt out, since $! would be that of the shell it runs in, and
# killing that does not end the program.
start() {
	[ "$1" != on ] || set -- ip netns exec "${@:2}"
	test_started=$((test_started + 1))
	"$@" > "$test_dir/started.$test_started" 2>&1 &
	started=$!
	at_exit stop $started
}
test_started=0

# stop PID: ask, then kill
stop() {
	kill "$1" 2>/dev/null || return 0
	wait_for 3 "! kill -0 $1" || kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null || :
}

# capture_start NODE DEVICE FILE [FILTER...]: returns when tcpdump listens
capture_start() {
	local node=$1 dev=$2 file=$3

	shift 3
	: > "$file.log"
	ip netns exec "$node" tcpdump -Z root --immediate-mode -U -n -s 0 -B 16384 -i "$dev" -w "$file" \
		"$@" 2> "$file.log" &
	capture=$!
	at_exit stop $capture
	wait_for 15 grep -q 'listening on' "$file.log" ||
		die "tcpdump does not start: $(cat "$file.log")"
}

# capture_stop: what was on the wire by now is in the file
capture_stop() {
	sleep 0.5
	kill "$capture"
	wait "$capture" 2>/dev/null || :
}

# xfrm_errors NODE [NAME...]: packets that IPsec dropped there, all causes, or
# those named
xfrm_errors() {
	local node=$1

	shift
	on "$node" cat /proc/net/xfrm_stat |
		awk -v names=" $* " 'names == "  " || index(names, " " $1 " ") { n += $2 }
			END { print n + 0 }'
}

# log_mark; log_check NAME: the kernel reported nothing since the mark
log_mark() { test_mark=$(dmesg | wc -l); }
log_check() {
	dmesg | tail -n +$((test_mark + 1)) > "$test_dir/dmesg"
	check "${1:-the kernel reports nothing}" \
		"$tree/tests/vm/check-log" "$test_dir/dmesg"
}

# ---- the end

test_end() {
	local status=$? i

	trap - EXIT INT TERM
	for ((i = ${#test_undo[@]} - 1; i >= 0; i--)); do
		eval "${test_undo[i]}" > /dev/null 2>&1
	done
	rm -rf "$test_dir"
	[ $status != 4 ] || exit 4
	if [ $ktap_n = 0 ]; then
		[ $status != 0 ] || say "no claim was tested"
		exit 1
	fi
	if [ -z "$ktap_planned" ]; then
		echo "1..$ktap_n"
	elif [ $ktap_n != "$ktap_planned" ]; then
		say "$ktap_planned results planned, $ktap_n given"
		exit 1
	fi
	[ $ktap_failed = 0 ] && [ $status = 0 ] || exit 1
	[ $ktap_skipped != $ktap_n ] || exit 4
	exit 0
}
trap test_end EXIT
trap 'exit 1' INT TERM
