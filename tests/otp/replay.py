#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends captured one-time-pad packets again: replay.py FILE.pcap ADDRESS

Prints how many, and how many bytes were inside.
"""
import socket
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import pad_frames  # noqa: E402

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
n = size = 0
for _, p in list(pad_frames.packets(sys.argv[1], 51015)):
    s.sendto(p, (sys.argv[2], 51015))
    n += 1
    size += len(p) - 32
print(n, size)
