#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# qkdctl pad makes two stores that hold the same pad under different keys; an
# implementation that knows nothing but formats.rst reads it, and a pad that is
# used up by the driver is gone.
# timeout: 60
. "$(dirname "$0")/../lib.sh"
need_cmd python3 openssl
cd "$test_dir" || die "no folder"
open_pad() { "$tree/tests/interop/pad_open.py" "$@"; }

is 'the vector of the page, recomputed' "$(open_pad --vector)" \
	"$(sed -n '/^Vector: key/,/^``tests/s/^| //p' "$tree/Documentation/formats.rst")"
check 'two stores are made' qkdctl pad new 300000 store a key ./a.key store b key ./b.key
is 'of the size asked for' "$(qkdctl -j pad show a key ./a.key | python3 -c '
import json,sys; s = json.load(sys.stdin)[0]; print(s["size"], s["used"])')" '300000 0'
is 'for their owner only' "$(stat -c %a a b a.key b.key | sort -u)" 600
open_pad a a.key > a.pad
open_pad b b.key > b.pad
is 'the whole pad is there' "$(stat -c %s a.pad)" 300000
check 'the same in both' cmp a.pad b.pad
check 'but not for who sees the stores' eval '! cmp -s a b && ! cmp -s a.key b.key'
check 'nor is it in them in clear' eval '! grep -q -a -F "$(head -c 3000 a.pad | tr -d "\0\n" | head -c 8)" a b'
check 'it is random: it cannot be compressed' [ "$(gzip -9 < a.pad | wc -c)" -gt 299000 ]
check_fails 'a store is not overwritten' 'a exists' qkdctl pad new 4K store a key ./a.key store c key ./b.key
check 'nor is the other left behind' [ ! -e c ]
check_fails 'the key of the other opens nothing' 'of another key' qkdctl pad show a key ./b.key
check_fails 'one copy is none' 'two copies' qkdctl pad new 4K store c key ./a.key
check_fails 'what is to be mixed in must suffice' 'ended too soon' \
	qkdctl pad new 8K store c key ./a.key store d key ./b.key from a.key
head -c 8192 a.pad > from
check 'bytes of a generator are mixed in' qkdctl pad new 8K store c key ./a.key store d key ./b.key from from
open_pad c a.key > c.pad
check 'and are not the pad themselves' eval '! cmp -s c.pad from && [ "$(stat -c %s c.pad)" = 8192 ]'
mkdir creds
mv a.key creds/pad-a
check 'a key may be a credential' env CREDENTIALS_DIRECTORY="$PWD/creds" qkdctl pad show a key pad-a

# used up by the driver, as qkdd does
cp -r creds/pad-a key
mv a pad
"$O/tests/bin/pad_user" . > used 2> errors
is 'all of it is used' "$(awk '/^used/ { n += $3 } END { print n }' used)" 300000
is 'and is the pad' "$(python3 - <<'P'
import zlib
pad = open("b.pad", "rb").read()
print(all(zlib.crc32(pad[at:at + n]) == crc for at, n, crc in
          (map(int, l.split()[1:]) for l in open("used") if l.startswith("used"))))
P
)" True
is 'the store says so' "$(open_pad --place pad key)" 300000
check 'and is erased' eval '! tail -c +16385 pad | tr -d "\0" | grep -q .'
"$O/tests/bin/pad_user" . > again 2> errors
is 'once' "$(cat again)" 'over: the pad is used up'
