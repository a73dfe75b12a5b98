#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads pad stores as Documentation/formats.rst describes them.

    pad_open.py STORE KEYFILE        the pad, to standard output
    pad_open.py --place STORE KEYFILE   how many bytes of it were used
    pad_open.py --vector             the vector of the page

Written from the page alone; AES is that of openssl(1).
"""
import hashlib
import hmac
import subprocess
import sys


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def derive(key, salt):
    """RFC 5869: two blocks."""
    prk = mac(salt, key)
    one = mac(prk, b"QKDPADS1\x01")
    return one, mac(prk, one + b"QKDPADS1\x02")


def ctr(key, at, data):
    """at: a multiple of 16"""
    return subprocess.run(
        ["openssl", "enc", "-aes-256-ctr", "-K", key.hex(), "-iv",
         (at // 16).to_bytes(16, "big").hex()],
        input=data, stdout=subprocess.PIPE, check=True).stdout


def vector():
    key, salt = bytes(range(32)), bytes(range(0x30, 0x50))
    cipher, tag = derive(key, salt)
    header = (b"QKDPADS1" + (1048576).to_bytes(8, "big") +
              bytes(range(0x20, 0x30)) + salt)
    place = b"QKDPADP1" + (7).to_bytes(8, "big") + (65536).to_bytes(8, "big")
    print(mac(tag, header).hex(), mac(tag, place).hex(),
          ctr(cipher, 65536, bytes(32)).hex(), sep="\n")


def main():
    args = sys.argv[1:]
    if args == ["--vector"]:
        return vector()
    where = args[0] == "--place"
    with open(args[where], "rb") as f:
        store = f.read()
    with open(args[where + 1], "rb") as f:
        key = f.read()
    cipher, tag = derive(key, store[32:64])
    if store[:8] != b"QKDPADS1" or mac(tag, store[:64]) != store[64:96]:
        sys.exit("no store, or another key")
    if where:
        best = None
        for at in 4096, 8192:
            p = store[at:at + 56]
            if p[:8] == b"QKDPADP1" and mac(tag, p[:24]) == p[24:]:
                best = max(best or (0, 0), (int.from_bytes(p[8:16], "big"),
                                            int.from_bytes(p[16:24], "big")))
        return print(best[1])
    size = int.from_bytes(store[8:16], "big")
    sys.stdout.buffer.write(ctr(cipher, 0, store[16384:16384 + size]))


main()
