#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Invariant 3, at boot: qkdctl restore puts the tunnels' policies in before
# anything else, without the modules if need be; the module takes them over;
# and what qkdctl save writes, qkdctl restore makes.
# timeout: 180
. "$(dirname "$0")/../lib.sh"
need_root
need_cmd qkdctl jq ip tcpdump ping
for m in qkd_otp qkd_xfrm qkd; do
	[ ! -d /sys/module/$m ] || rmmod $m ||
		skip_all "begins without the modules, and $m is in use"
done
kernel_has veth xfrm_user esp4 esp6 || :
topo_two_nodes
here() { on hospital "$@"; }

conf=$test_dir/qkd.conf
cat > "$conf" << 'END'
# both ends' tunnels
link q local-node hospital peer-node biobank local 10.77.0.1 peer 10.77.0.2 \
     local fd77::1 peer fd77::2 driver sim role alice \
     config "length=25 block=131072" pool-size 128K rx-grace 1500ms
tunnel t4 link q mode transport rekey time 60s
tunnel t6 link q mode transport src fd77::1 dst fd77::2 aead aes128gcm
tunnel net link q mode tunnel src 10.1.0.0/16 dst 10.2.3.0/24 proto tcp dport 443 if-id 5 priority 7
END
policies() { here ip -j xfrm policy | jq -c "[.[] | select(.dir == \"$1\")] | length"; }
count_policies() { here ip xfrm policy | grep -c "dir $1"; }
clear_out() { tcpdump -n -r "$1" 2>/dev/null | grep -c -i 'icmp.*echo request'; }

check 'before, packets pass' here ping -c 1 -W 2 10.77.0.2
capture_start biobank wan "$test_dir/pcap"
check_fails 'without modules, restore fails and says why' 'qkd module is not loaded' \
	here qkdctl restore "$conf"
is 'but the policies are there' "$(count_policies out) $(count_policies in) $(count_policies fwd)" '3 3 1'
check_fails 'nothing passes by IPv4' '.' here ping -c 2 -i 0.2 -W 1 10.77.0.2
check_fails 'nor IPv6' '.' here ping -c 2 -i 0.2 -W 1 fd77::2
capture_stop
is 'no packet left in clear' "$(clear_out "$test_dir/pcap")" 0

need_module qkd qkd_xfrm
check 'with the modules, it restores all' here qkdctl restore "$conf"
is 'the tunnels are there' "$(here qkdctl -j tunnel | jq -r '[.[].name] | sort | join(" ")')" 'net t4 t6'
is 'under the same policies, and what they except' \
	"$(here ip xfrm policy | grep -c 'reqid [1-9]')" 7
check 'none of which is the guard any more' \
	eval '! here ip xfrm policy | grep -q "reqid 1375731711"'
check 'a second time changes nothing' here qkdctl restore "$conf"
is 'still one policy a direction' "$(here ip xfrm policy | grep -c 'reqid [1-9]')" 7

here qkdctl save > "$test_dir/saved"
say "$(cat "$test_dir/saved")"
check 'save tells of each' eval '[ "$(grep -c -E "^(link|tunnel) " "$test_dir/saved")" = 4 ]'
for t in t4 t6 net; do
	here qkdctl tunnel del $t
done
here qkdctl link del q
is 'deleted, no policy is left' "$(here ip xfrm policy | grep -c 'reqid [1-9]')" 0
check 'what was saved is restored' here qkdctl restore "$test_dir/saved"
here qkdctl save > "$test_dir/again"
check 'and saved again is the same' diff "$test_dir/saved" "$test_dir/again"

printf 'tunnel a link q mode sideways\ntunnel b link q src 10.9.0.0/24 dst 10.8.0.0/24 mode tunnel\nfoo\n' > "$conf"
check_fails 'a line that is not understood is told' "$conf:1: this line is left out" \
	here qkdctl restore "$conf"
check 'and the others made' here qkdctl tunnel show b
