#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Many tunnels of one link are due at once: each gets its SAs in turn, and no
# message is dropped for there being too many (turn.c).
# timeout: 240
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need ping
many=$O/tests/bin/xfrm_many n=${XFRM_MANY:-400}
[ -x "$many" ] || skip_all "needs $many: make -f tools/Makefile tests"
topo_two_nodes
links pool-size 1M

# sums COLUMN: of both ends' tunnels (see xfrm_many.c)
sums() { { "$many" hospital sum; "$many" biobank sum; } | awk -v c="$1" '{ n += $c } END { print n }'; }
least() { { "$many" hospital sum; "$many" biobank sum; } | awk '{ print $4 }' | sort -n | head -n 1; }
dropped() { both qkdctl -j -s link show q | jq .[0].errors.rx_dropped | awk '{ n += $1 } END { print n }'; }
everyone() { [ "$(sums 2) $(sums 3)" = "$((2 * n)) $((2 * n))" ]; }

"$many" hospital make 1 "$n" 3600000 && "$many" biobank make 2 "$n" 3600000 ||
	die 'cannot make the tunnels'
# 2 x 36 and 4 x 32 bytes of either stream for each tunnel's first SAs; three
# generations of them
feed start 300000 || die 'cannot feed'
check "key comes: $n tunnels get their SAs" wait_for 60 everyone
say "offers repeated: $(sums 5)"
is 'no message was dropped' "$(dropped)" 0

feed start 300000
check 'a new generation: all are rekeyed' wait_for 60 '[ "$(least)" -ge 2 ]'
is 'no message was dropped, again' "$(dropped)" 0
everyone || say "$(sums 2) $(sums 3) of $((2 * n))"
check 'and none lost its SAs' everyone
