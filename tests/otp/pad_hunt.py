#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hunts for pad used twice, and for clear text, in captures.

    pad_hunt.py [--port PORT] [--needle TEXT] [--seen FILE] FILE.pcap...

Reads one-time-pad packets (Documentation/formats.rst) from captures of
Ethernet frames. For each sender and generation no two packets may name
overlapping ranges of the stream, unless they are the same packet, byte for
byte (the network duplicates, and a bridge is seen twice). Prints what was
seen; exits with 1 if a range was used twice or the needle was found, 2 if
there was no packet.

With --seen, ranges of captures hunted through before are read from there and
count too, and those of these are added: so that captures of days can be looked
at one by one, and deleted.
"""
import argparse
import hashlib
import os
import sys


sys.path.insert(0, __file__.rsplit("/", 1)[0])
import pad_frames  # noqa: E402


class Stream:
    """What one sender used of one generation's pad: ranges [start, stop)."""

    def __init__(self):
        self.packets = 0
        self.before = []
        self.now = []

    def add(self, start, stop, packet):
        self.packets += 1
        self.now.append((start, stop, packet))

    def faults(self):
        """Overlaps of different packets; self.before is all that was used."""
        for start, stop in self.before:
            self.now.append((start, stop, None))
        self.now.sort(key=lambda used: used[:2])
        end, last, merged = 0, None, []
        for start, stop, packet in self.now:
            if start < end and (packet is None or packet != last):
                yield start, stop
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(stop, merged[-1][1])
            else:
                merged.append([start, stop])
            if stop > end:
                end, last = stop, packet
        self.before, self.now = merged, []


def read_seen(name, streams):
    if not name or not os.path.exists(name):
        return
    with open(name) as seen:
        for line in seen:
            sender, gen, start, stop = line.split()
            key = bytes.fromhex(sender), bytes.fromhex(gen)
            streams.setdefault(key, Stream()).before.append(
                (int(start), int(stop)))


def write_seen(name, streams):
    with open(name, "w") as seen:
        for (sender, gen), stream in streams.items():
            for start, stop in stream.before:
                print(sender.hex(), gen.hex(), start, stop, file=seen)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--port", type=int, default=51015)
    a.add_argument("--needle", default="")
    a.add_argument("--seen", default="")
    a.add_argument("files", nargs="+")
    a = a.parse_args()
    streams, count, size, bad = {}, 0, 0, 0
    read_seen(a.seen, streams)
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
            streams.setdefault((sender, p[4:10]), Stream()).add(
                start, start + 16 + len(p) - 32,
                hashlib.blake2b(p, digest_size=16).digest())
    for (sender, gen), stream in streams.items():
        for start, stop in stream.faults():
            print("USED TWICE:", sender.hex(), gen.hex(), start, stop)
            bad += 1
        if stream.packets:
            print("sender %s generation %s: %d packets, bytes %d to %d" %
                  (sender.hex(), gen.hex(), stream.packets,
                   stream.before[0][0], stream.before[-1][1]))
    if a.seen:
        write_seen(a.seen, streams)
    print("%d packets, %d bytes, %d faults" % (count, size, bad))
    sys.exit(1 if bad else 0 if count else 2)


main()
