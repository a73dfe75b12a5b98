#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends forged one-time-pad packets, made from captured ones.

    forge.py FILE.pcap ADDRESS COUNT [PORT]

Flips bits, truncates, extends, moves offsets, swaps parts of packets, sends
junk. Never a packet as it was. With a fixed seed.
"""
import random
import socket
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import pad_frames  # noqa: E402


def forge(rng, packets):
    p = bytearray(rng.choice(packets))
    how = rng.randrange(8)
    if how == 0:
        bit = rng.randrange(8 * len(p))
        p[bit // 8] ^= 1 << bit % 8
    elif how == 1:
        del p[rng.randrange(len(p)):]
    elif how == 2:
        p += rng.randbytes(rng.randrange(1, 64))
    elif how == 3:
        offset = int.from_bytes(p[10:16], "big")
        offset += rng.choice([-16, -1, 1, 8, 16, 32, 100000, 1 << 47])
        p[10:16] = (offset % (1 << 48)).to_bytes(6, "big")
    elif how == 4:
        p[16:32] = rng.randbytes(16)
    elif how == 5:
        q = rng.choice(packets)
        p[32:] = q[32:]
        if q[:32] == p[:32]:
            p[16] ^= 1
    elif how == 6:
        p = bytearray(rng.randbytes(rng.randrange(1400)))
    else:
        p[2:4] = rng.randbytes(2)
        p[1] = rng.randrange(256)
    return bytes(p)


def main():
    packets = [p for _, p in pad_frames.packets(sys.argv[1], 51015)]
    real = set(packets)
    rng = random.Random(1)
    family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.connect((sys.argv[2], int(sys.argv[4]) if len(sys.argv) > 4 else 51015))
    sent = 0
    while sent < int(sys.argv[3]):
        p = forge(rng, packets)
        if p in real:
            continue
        try:
            s.send(p)
        except (ConnectionRefusedError, OSError):
            continue
        sent += 1
    print("%d forged packets from %d real ones" % (sent, len(packets)))


main()
