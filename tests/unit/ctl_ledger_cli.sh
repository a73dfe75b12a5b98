#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkd-ledger keeps a ledger over several runs and says by its exit status
# whether anything was used twice.
. "$(dirname "$0")/../lib.sh"
need_cmd qkd-ledger
l=$test_dir/ledger

# status_is NAME STATUS CMD...
status_is() {
	local name=$1 wanted=$2 status=0

	shift 2
	"$@" >"$test_dir/said" 2>&1 || status=$?
	[ $status = "$wanted" ] || say "$(cat "$test_dir/said")"
	is "$name" $status "$wanted"
}

cat >"$test_dir/trace" <<'END'
#                                _-----=> irqs-off
         qkdctl-77   [000] .....     1.0: qkd_reserve: link=0 consumer=1 epoch=1 offset=64 len=32
         qkdctl-77   [000] .....     1.1: qkd_reserve: link=0 consumer=1 epoch=1 offset=96 len=32
END
echo '01234567-89ab-8cef-8020-000000000040 aabbcc' >"$test_dir/keys"

# pcap FILE PAYLOAD-IN-HEX...: packets from 10.77.0.1 to port 51014
pcap() {
	local file=$1 p len

	shift
	{
		printf 'd4c3b2a1020004000000000000000000ffff000065000000'
		for p; do
			len=$((${#p} / 2 + 28))
			printf '0000000000000000%02x000000%02x000000' $len $len
			printf '4500%04x000000004011000%s' $len '00a4d00010a4d0002'
			printf 'c746c746%04x0000%s' $((len - 20)) "$p"
		done
	} | sed 's/../\\x&/g' | xargs -0 printf '%b' >"$file"
}
msg() { printf '0102000100000000deadbeef1234%020x%016x%02x%032x' 0 "$1" "$2" 0; }
pcap "$test_dir/one.pcap" "$(msg 64 1)" "$(msg 96 2)" "$(msg 64 1)"
pcap "$test_dir/two.pcap" "$(msg 96 3)"

status_is 'no ledger is trouble' 2 qkd-ledger "$l" check
status_is 'a trace is taken' 0 qkd-ledger "$l" trace "$test_dir/trace" node a@1
status_is 'but not twice' 2 qkd-ledger "$l" trace "$test_dir/trace" node a@1
status_is 'keys are taken' 0 qkd-ledger "$l" keys "$test_dir/keys" end got
check 'their bytes are not' sh -c "! grep -q aabbcc '$l'"
status_is 'a capture is taken' 0 qkd-ledger "$l" pcap "$test_dir/one.pcap" lower 10.77.0.1
is 'each of its messages' "$(grep -c '^wire deadbeef1234 0 ' "$l")" 3
status_is 'nothing was used twice, a packet seen twice included' 0 qkd-ledger "$l" check
status_is 'another capture' 0 qkd-ledger "$l" pcap "$test_dir/two.pcap" lower 10.77.0.1
status_is 'has another message under the same key' 1 qkd-ledger "$l" check
is 'which is told' "$(qkd-ledger "$l" check | grep -c '^REUSE of 32 bytes of key at offset 96')" 1

rm "$l"
status_is 'lines are taken from standard input' 0 sh -c "echo 'store g 0 0 5' | qkd-ledger '$l' add"
status_is 'and from a later run' 0 sh -c "echo 'store g 0 4 1' | qkd-ledger '$l' add"
status_is 'and compared over runs' 1 qkd-ledger "$l" check
before=$(sha256sum <"$l")
status_is 'a bad line is refused' 2 sh -c "printf 'store g 0 9 1\nstore g 0\n' | qkd-ledger '$l' add"
is 'with all of its file' "$(sha256sum <"$l")" "$before"
echo 'reserve g 0 x 1' >>"$l"
status_is 'a broken ledger is no clean one' 2 qkd-ledger "$l" check
