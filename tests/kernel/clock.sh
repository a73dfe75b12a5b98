#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 150
#
# Somebody sets the clock by years, there and back: what is fresh and what is
# due never follows from the time of day. Tunnels carry traffic and rekey as
# before, no key is used twice (invariant 1), and messages are believed.
#
#   hospital --- tunnel t over link q --- biobank
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"

[ "${QKD_GUEST:-}" ] || skip_all "sets the clock: only in a guest"
xfrm_need ping date
xfrm_setup
log_mark

declare -a used=()

# rekeyed: each end gets a new outbound SA, by hand
rekeyed() {
	local n before

	for n in hospital biobank; do
		before=$(field $n t out.rekeys)
		on $n qkdctl tunnel rekey t || return 1
		wait_for 20 "[ \$(field $n t out.rekeys) -gt $before ]" || return 1
	done
}

# works WHEN: packets pass, SAs are replaced, messages with key get through
works() {
	check "$1: packets pass" on hospital ping -c 3 -i 0.3 -W 5 10.77.0.2
	check "$1: the tunnel rekeys at both ends" rekeyed
	check "$1: and packets pass again" on biobank ping -c 3 -i 0.3 -W 5 10.77.0.1
	used+=("$(on hospital qkdctl key get q size 32 2> /dev/null | head -n 1)")
	check "$1: key is given" [ -n "${used[-1]}" ]
}

# back JUMP: undo it
back() {
	case $1 in
	+*)	date -s "-${1#+}" ;;
	-*)	date -s "+${1#-}" ;;
	esac
}

both qkdctl tunnel add t link q || die "no tunnel"
wait_live t || die "the tunnel does not come up"
works 'the clock is right'
for jump in '+10 years' '-25 years' '+40 years'; do
	at_exit back "$jump"
	date -s "$jump" > /dev/null || die "cannot set the clock"
	works "the clock jumped by $jump"
done
is 'four keys were given, all different' \
	"$(printf '%s\n' "${used[@]}" | sort -u | grep -c .)" 4
log_check
