#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Decrypts one-time-pad packets as Documentation/formats.rst describes them.

    otp_decrypt.py VECTORS.json

Written from the page alone. For each vector says whether the outcome is the
one that the file tells; exits with 1 if one is not.
"""
import json
import sys

P = 2**116 - 3


def number(b):
    return int.from_bytes(b, "little")


def decrypt(packet, stream):
    """stream: the sender's tx, from offset 0. Returns plaintext or None."""
    if len(packet) < 32 or packet[0] != 1 or packet[1] != 0:
        return None
    offset = int.from_bytes(packet[10:16], "big")
    text = packet[32:]
    pad = stream[offset:offset + 16 + len(text)]
    if len(pad) < 16 + len(text):
        return None
    words = [packet[0:8], packet[8:16]]
    words += [text[i:i + 8] for i in range(0, len(text), 8)]
    r, h = number(stream[32:48]) % 2**116, 0
    for m in [number(w) for w in words] + [len(text)]:
        h = (h + m) * r % P
    if (h + number(pad[:16])) % 2**128 != number(packet[16:32]):
        return None
    return bytes(a ^ b for a, b in zip(text, pad[16:]))


def main():
    failed = 0
    for v in json.load(open(sys.argv[1]))["packets"]:
        got = decrypt(bytes.fromhex(v["packet"]), bytes.fromhex(v["stream"]))
        want = None if v["plain"] is None else bytes.fromhex(v["plain"])
        good = got == want
        failed += not good
        print("ok" if good else "NOT OK", v["name"])
    sys.exit(1 if failed else 0)


main()
