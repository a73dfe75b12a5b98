#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A stream of numbered datagrams, whose content follows from their number.

    numbered.py send ADDRESS COUNT A_SECOND SIZE
    numbered.py call ADDRESS COUNT A_SECOND SIZE
    numbered.py receive SIZE

Receives until it was asked to end, by SIGTERM, and nothing comes for a second.
Prints what came, as JSON: received, wrong, twice, late (after a later
one), last (number), gap_ms (the longest between two). Like a camera's RTP: each has
its time, and what the machine was too busy for by more than a frame is not made
up for in haste, but is late for good. A call does not wait for the network either: what
is behind some hundred packets that have not left yet is lost.
"""
import hashlib
import json
import signal
import socket
import sys
import time

PORT = 7001
FRAME = 1 / 30
SO_SNDBUFFORCE = 32
SO_RCVBUFFORCE = 33


def content(number, size):
    head = number.to_bytes(8, "big")
    return head + hashlib.shake_128(head).digest(size - 8)


def send(address, count, rate, size, waits):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    if not waits:
        s.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 19)
        s.setblocking(False)
    begin = time.monotonic()
    for i in range(count):
        wait = begin + i / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        elif wait < -FRAME:
            begin -= wait
        try:
            s.sendto(content(i, size), (address, PORT))
        except BlockingIOError:
            pass


def receive(size):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    # whatever net.core.rmem_max is: what waits for this program is not lost
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
    s.bind(("::", PORT))
    got, wrong, twice, late, last, gap = set(), 0, 0, 0, -1, 0.0
    ending, before = [], None
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    s.settimeout(1)
    while True:
        try:
            d = s.recv(65535)
        except TimeoutError:
            if ending:
                break
            continue
        now = time.monotonic()
        if before is not None:
            gap = max(gap, now - before)
        before = now
        number = int.from_bytes(d[:8], "big")
        if len(d) != size or d != content(number, size):
            wrong += 1
            continue
        twice += number in got
        late += number < last
        got.add(number)
        last = max(last, number)
    json.dump({"received": len(got), "wrong": wrong, "twice": twice,
               "late": late, "last": last, "gap_ms": round(gap * 1000)},
              sys.stdout)
    print()


if sys.argv[1] in ("send", "call"):
    send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]),
         sys.argv[1] == "send")
else:
    receive(int(sys.argv[2]))
