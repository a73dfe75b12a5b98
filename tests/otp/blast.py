#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends datagrams for ever, as fast as they go: blast.py ADDRESS [SIZE [BUFFER]]

Blocks where the device's queue is full, as any program does.
"""
import socket
import sys

SO_SNDBUFFORCE = 32

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
# packets that wait while nobody runs this; the qdisc has room for them
s.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE,
             int(sys.argv[3]) if len(sys.argv) > 3 else 131072)
data = bytes(int(sys.argv[2]) if len(sys.argv) > 2 else 1400)
while True:
    try:
        s.sendto(data, (sys.argv[1], 9))
    except ConnectionRefusedError:
        pass
