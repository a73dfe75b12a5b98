#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Invariant 4: every tracepoint fires, and says names, IDs and numbers only:
# none of the key that was used meanwhile is in what they record.
# timeout: 180
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../xfrm/lib.sh"
xfrm_need ping python3
tracing=/sys/kernel/tracing
[ -e $tracing/trace ] || mount -t tracefs tracefs $tracing 2>/dev/null
[ -d $tracing/events/qkd ] || skip_all "needs a kernel with trace events"
xfrm_setup 16384

trace_off() { echo 0 | tee $tracing/events/qkd{,_xfrm}/enable; }
at_exit trace_off
echo > $tracing/trace
# not only whole pages can be read
echo 0 > $tracing/buffer_percent
echo 1 | tee $tracing/events/qkd{,_xfrm}/enable > /dev/null

feed add 16384 || die "cannot feed"
# key with an ID, one of each direction, bytes in hex
for n in hospital biobank; do
	on $n qkdctl key get q size 64 wait 5s > "$test_dir/got" || die "no key"
	read -r id key < "$test_dir/got"
	echo "$key" >> "$test_dir/keys"
	[ $n = hospital ] && peer=biobank || peer=hospital
	on $peer qkdctl key get "$id" > /dev/null || die "no such key"
done
both qkdctl tunnel add t link q mode transport || die "cannot make the tunnel"
wait_live t || die "no SAs"
on hospital qkdctl tunnel rekey t || die "cannot rekey"
wait_for 10 '[ "$(field hospital t out.rekeys)" -ge 2 ]'
# until there is none
while on hospital qkdctl key get q size 4096 wait 0 > /dev/null 2>&1; do :; done
while on hospital qkdctl key get q size 16 wait 0 > /dev/null 2>&1; do :; done
on hospital qkdctl tunnel rekey t
wait_for 10 grep -q 'qkd_xfrm_starved:' $tracing/trace

trace_off > /dev/null
grep -v '^#' $tracing/trace > "$test_dir/text"
for e in "$tracing"/events/qkd{,_xfrm}/qkd*; do
	e=$(basename "$e")
	check "$e fires" grep -q ": $e: " "$test_dir/text"
done

# what a record says: words of which none has room for key
words='tunnel=t|dir=(in|out)|spi=0x[0-9a-f]{1,8}|->|idle|wait-key|offered|live|overlap'
words="$words|(link|seq|offset|len|flags|peer_reserved|consumer|epoch|proto|err|tries)=-?[0-9]+"
sed -E 's/^.*: qkd[a-z_]*: //' "$test_dir/text" | tr ' ' '\n' | sort -u |
	grep -v -x -E "$words" > "$test_dir/odd"
is 'they say names, IDs and numbers' "$(cat "$test_dir/odd")" ''

for c in "$tracing"/per_cpu/cpu*; do
	timeout 2 cat "$c/trace_pipe_raw" >> "$test_dir/raw"
done
at_least 'the records themselves were read' \
	"$(stat -c %s "$test_dir/raw")" 1000
is 'keys to look for are known' "$(wc -l < "$test_dir/keys")" 2
# no 6 bytes in a row, forwards or as a little-endian number
cat > "$test_dir/look.py" <<'PY'
import sys
raw = open(sys.argv[1], "rb").read()
found = 0
for line in open(sys.argv[2]):
    key = bytes.fromhex(line)
    for i in range(len(key) - 5):
        piece = key[i:i + 6]
        found += piece in raw or piece[::-1] in raw
print(found)
PY
is 'no byte of key is in them' \
	"$(python3 "$test_dir/look.py" "$test_dir/raw" "$test_dir/keys")" 0
