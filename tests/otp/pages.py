#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends a file over TCP without copying it: pages.py HOW FILE ADDRESS.

HOW is sendfile, splice or zerocopy (MSG_ZEROCOPY of the file's own pages); with
receive, writes what comes to FILE.
"""
import mmap
import os
import socket
import sys

PORT = 7000
SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000


def receive(name):
    s = socket.create_server(("", PORT))
    c, _ = s.accept()
    with open(name, "wb") as f:
        while data := c.recv(1 << 16):
            f.write(data)


def send_file(name, s):
    with open(name, "rb") as f:
        s.sendfile(f)


def send_splice(name, s):
    r, w = os.pipe()
    with open(name, "rb") as f:
        while n := os.splice(f.fileno(), w, 1 << 16):
            while n:
                n -= os.splice(r, s.fileno(), n)


def send_zerocopy(name, s):
    s.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    with open(name, "rb") as f:
        m = mmap.mmap(f.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ)
    view = memoryview(m)
    while view:
        # notifications that nobody reads take room: a little at once
        view = view[s.send(view[:1 << 16], MSG_ZEROCOPY):]


if sys.argv[1] == "receive":
    receive(sys.argv[2])
else:
    with socket.create_connection((sys.argv[3], PORT), 20) as sock:
        sock.setblocking(True)
        {"sendfile": send_file, "splice": send_splice,
         "zerocopy": send_zerocopy}[sys.argv[1]](sys.argv[2], sock)
