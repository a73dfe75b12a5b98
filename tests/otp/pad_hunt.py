#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hunts for pad used twice, and for clear text, in captures.

    pad_hunt.py [--port PORT] [--needle TEXT] FILE.pcap...

Reads one-time-pad packets (Documentation/formats.rst) from captures of
Ethernet frames. For each sender and generation no two packets may name
overlapping ranges of the stream, unless they are the same packet, byte for
byte (the network duplicates, and a bridge is seen twice). Prints what was
seen; exits with 1 if a range was used twice or the needle was found, 2 if
there was no packet.
"""
import argparse
import hashlib
import sys


sys.path.insert(0, __file__.rsplit("/", 1)[0])
import pad_frames  # noqa: E402


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--port", type=int, default=51015)
    a.add_argument("--needle", default="")
    a.add_argument("files", nargs="+")
    a = a.parse_args()
    streams, count, size, bad = {}, 0, 0, 0
    for name in a.files:
        if a.needle and a.needle.encode() in open(name, "rb").read():
            print("FOUND in clear:", name)
            bad += 1
        for sender, p in pad_frames.packets(name, a.port):
            if p[1] != 0:
                continue
            count += 1
            size += len(p)
            # a sender's address may change, its generation and tunnel tell
            # the link; direction follows from the address' parity in tests,
            # so ranges are kept by sender
            start = int.from_bytes(p[10:16], "big")
            streams.setdefault((sender, p[4:10]), []).append(
                (start, start + 16 + len(p) - 32,
                 hashlib.blake2b(p, digest_size=16).digest()))
    for (sender, gen), ranges in streams.items():
        ranges.sort()
        end, last = 0, None
        for start, stop, p in ranges:
            if start < end and p != last:
                print("USED TWICE:", sender.hex(), gen.hex(), start, stop)
                bad += 1
            if stop > end:
                end, last = stop, p
        print("sender %s generation %s: %d packets, bytes %d to %d" %
              (sender.hex(), gen.hex(), len(ranges), ranges[0][0], end))
    print("%d packets, %d bytes, %d faults" % (count, size, bad))
    sys.exit(1 if bad else 0 if count else 2)


main()
