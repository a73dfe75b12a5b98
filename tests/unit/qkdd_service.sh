#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon as a service, without a kernel of ours: it tells when it is ready,
# reads its settings again when told to, and is nobody but for CAP_NET_ADMIN.
# shellcheck disable=SC2154,SC2016
. "$(dirname "$0")/../lib.sh"
need_root
need_cmd socat setpriv
[ $((0x$(sed -n 's/^CapEff:[[:blank:]]*//p' /proc/self/status) >> 12 & 1)) = 1 ] ||
	skip_all "needs CAP_NET_ADMIN"
user=$(id -un 65534 2>/dev/null) || skip_all "needs a user of ID 65534"

d=$test_dir
chmod 755 "$d"
mkdir "$d/psk" "$d/state"
{
	echo '# a comment'
	echo "psk-dir $d/psk"
	echo "state-dir $d/state"
	echo "user $user"
	echo "port $((20000 + RANDOM % 10000))"
} > "$d/conf"
chown -R 65534 "$d/psk" "$d/state" "$d/conf"

start socat -u "UNIX-RECV:$d/notify" "OPEN:$d/notices,creat,append"
wait_for 10 test -S "$d/notify" || die "socat does not listen"
chmod 666 "$d/notify"
qkdd=$O/bin/qkdd
NOTIFY_SOCKET=$d/notify setpriv --groups 0,4 "$qkdd" -c "$d/conf" 2> "$d/log" &
pid=$!
at_exit stop $pid

notices() { grep -o "$1" "$d/notices" | wc -l; }
status() { sed -n "s/^$1:[[:blank:]]*//p" "/proc/$pid/status" | tr '\t' ' '; }

wait_for 20 '[ "$(notices READY=1)" = 1 ]'
is 'it tells once that it is ready' "$(notices READY=1)" 1
is 'it is nobody' "$(status Uid)" '65534 65534 65534 65534'
is 'in none of its starter'"'"'s groups' "$(status Groups | grep -w -c -E "0|4")" 0
is 'with CAP_NET_ADMIN and no other' "$(status CapEff) $(status CapPrm)" \
	'0000000000001000 0000000000001000'
is 'which it keeps to itself' "$(status CapInh) $(status CapAmb)" \
	'0000000000000000 0000000000000000'
is 'it can gain none' "$(status NoNewPrivs)" 1
is 'its memory is not for its user to read' \
	"$(stat -c %u "/proc/$pid/mem")" 0
is 'it dumps no core' \
	"$(awk '/core file/ { print $5, $6 }' "/proc/$pid/limits")" '0 0'

echo 'log notice' >> "$d/conf"
kill -HUP $pid
check 'asked to, it reads its settings again' \
	wait_for 10 '[ "$(notices READY=1)" = 2 ]'
is 'and says so meanwhile' "$(notices RELOADING=1)" 1
before=$(wc -l < "$d/log")
kill -HUP $pid
wait_for 10 '[ "$(notices READY=1)" = 3 ]'
is 'it logs from then on as they say' "$(wc -l < "$d/log")" "$before"

echo 'lgo debug' >> "$d/conf"
kill -HUP $pid
check 'settings that are wrong are not taken' \
	wait_for 10 grep -q 'lgo.*settings stay as they were' "$d/log"
check 'and it goes on' kill -0 $pid
check_fails 'who begins with them is told which' lgo "$qkdd" -c "$d/conf"

kill $pid
wait $pid
is 'asked to end, it ends well' $? 0
is 'and says that it does' "$(notices STOPPING=1)" 1
