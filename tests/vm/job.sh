# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Sourced by run and uml: a job is a folder that host and guest share. The
# host puts the command there, the guest its exit status and its log; what
# happens in between is the runner's and init's business.
#
#	command		what to run, a bash script
#	env		variables, as export lines
#	modules		the folder of the guest kernel's modules, if any
#	begun		there from when the command is run
#	status		exit status of the command; written last
#	console.log	all that the kernel said on its console
#	dmesg		the kernel's log at the end
#	kmemleak	what kmemleak found (debug kernel)
#	out/		whatever the command leaves, $QKD_OUT in the guest

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

job_make() {
	local keep=${O:-$tree/build}/vm

	mkdir -p "$keep"
	find "$keep" -mindepth 1 -maxdepth 1 -mmin +720 -exec rm -rf {} +
	job=$(mktemp -d "$(realpath "$keep")/$1.XXXXXX")
	mkdir "$job/out"
	: > "$job/env"
	: > "$job/console.log"
}

# job_command WORDS...: one word is a shell line, more are a command
job_command() {
	{
		echo "cd ${tree@Q} || exit 1"
		if [ $# -eq 1 ]; then
			echo "$1"
		else
			echo "${@@Q}"
		fi
	} > "$job/command"
}

# job_report CHECKLOG: the status to exit with; says what is wrong otherwise
job_report() {
	local status

	if [ ! -s "$job/status" ]; then
		echo "${0##*/}: the guest died or was out of time; its last words:" >&2
		tail -n 25 "$job/console.log" >&2
		echo "${0##*/}: log kept: $job/console.log" >&2
		return 125
	fi
	read -r status < "$job/status"
	if $1 && ! "$tree/tests/vm/check-log" "$job/console.log" \
			"$job/dmesg" "$job/kmemleak" >&2; then
		echo "${0##*/}: log kept: $job" >&2
		[ "$status" != 0 ] || status=1
	fi
	return "$status"
}
