# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of daemons' memory share; after tests/lib.sh.

hunt() { "$tree/tests/memory/hunt.py" "$@"; }

# guarded NAME PID LOG HEX...: the process holds these bytes, none of which would
# go to swap or, but for registers, into a core dump; kills it
guarded() {
	local name=$1 pid=$2 log=$3 found unlocked core

	shift 3
	read -r _ found _ unlocked < <(hunt "$pid" "$@")
	at_least "$name holds the key that is looked for" "${found:-0}" 1
	if grep -q 'memory is not locked' "$log"; then
		skip "$name: none of it may be swapped out" \
			'no right to lock memory here'
	else
		is "$name: none of it may be swapped out" "$unlocked" 0
	fi
	if ! command -v gcore > /dev/null; then
		skip "$name: nor is it in a core that root takes" 'needs gdb'
	elif ! gcore -o "$test_dir/taken" "$pid" > "$test_dir/gcore" 2>&1; then
		skip "$name: nor is it in a core that root takes" "gcore fails here"
	else
		is "$name: nor is it in a core that root takes" \
			"$(hunt "$test_dir/taken.$pid" "$@")" 'found 0 unlocked 0'
		rm -f "$test_dir/taken.$pid"
	fi

	# whatever the limit, a collector of crashes is asked all the same
	core=$(readlink "/proc/$pid/cwd")
	prlimit --pid "$pid" --core=unlimited:unlimited 2> "$test_dir/prlimit" ||
		say "$(cat "$test_dir/prlimit")"
	find "$core" -maxdepth 1 -name 'core*' -newer "$test_dir/gcore" -delete
	kill -ABRT "$pid"
	wait_for 10 "! kill -0 $pid"
	case $(cat /proc/sys/kernel/core_pattern) in
	core|core.*) ;;
	*)	skip "$name: it leaves no core" 'cores go elsewhere here'
		return ;;
	esac
	is "$name: when it is aborted it leaves no core" \
		"$(find "$core" -maxdepth 1 -name 'core*')" ''
}

# closed NAME PID LOG: none of the process's memory is dumped, or swapped out
closed() {
	is "$1: none of its memory is dumped" "$(cat "/proc/$2/coredump_filter")" 00000000
	if grep -q 'memory is not locked' "$3"; then
		skip "$1: nor swapped out" 'no right to lock memory here'
	else
		at_least "$1: nor swapped out, kB of it" \
			"$(awk '/^VmLck:/ { print $2 }' "/proc/$2/status")" 1000
	fi
}

# dumps_here: whether cores are left at all where we are, so that none of a
# daemon's means something; run in a folder that is ours
dumps_here() {
	(
		ulimit -c unlimited 2> /dev/null
		cd "$test_dir" || exit
		bash -c 'kill -ABRT $$'
	) > /dev/null 2>&1 || :
	find "$test_dir" -maxdepth 1 -name 'core*' -delete -print | grep -q core
}
