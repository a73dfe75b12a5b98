#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what lives of a machine told that they used of a pad.

    power_loss.py PAD USED LIVES NAME

USED has a line "LIFE used OFFSET LENGTH CRC" for each range, and others.
"""
import re
import sys
import zlib

pad = open(sys.argv[1], "rb").read()
used, lives, bad = [], set(), 0
for line in open(sys.argv[2], errors="replace"):
    # the last line of a life may be cut off: then it was not told
    m = re.fullmatch(r"(\d+) used (\d+) (\d+) (\d+)\n", line)
    if not m:
        continue
    life, at, length, crc = map(int, m.groups())
    lives.add(life)
    used.append((at, at + length, life))
    if zlib.crc32(pad[at:at + length]) != crc:
        print("# life %d: not the pad's bytes at %d" % (life, at))
        bad += 1
used.sort()
for a, b in zip(used, used[1:]):
    if a[1] > b[0]:
        bad += 1
        if bad < 10:
            print("# USED TWICE: %d to %d in life %d, %d to %d in life %d" %
                  (*a, *b))
# one may have been cut off before it began
if 2 * len(lives) < int(sys.argv[3]):
    print("# only %d of %s lives used key" % (len(lives), sys.argv[3]))
    bad += 1
print("# %d ranges, %d bytes in %d lives, %d faults" %
      (len(used), sum(end - begin for begin, end, _ in used), len(lives), bad))
print("%sok - no byte is used twice through power loss: %s" %
      ("not " if bad else "", sys.argv[4]))
sys.exit(bool(bad))
