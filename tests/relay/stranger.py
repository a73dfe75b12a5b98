#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""stranger.py FROM TO PORT SENDER RECEIVER: says what no neighbour says, from the
address FROM, to a qkd-relayd; prints how often it was hung up on, of 36 times."""
import os
import socket
import struct
import sys

source, to, port, sender, receiver = sys.argv[1:6]


def frame(kind, route=b"", rest=b"", ident=bytes(16), version=1, length=None):
    total = 32 + len(route) + len(rest) + 16
    head = struct.pack(">IBBHQ", length or total, kind, version, len(route), 0)
    return head + ident + route + rest + os.urandom(16)


def name(text):
    return bytes([len(text)]) + text.encode()


# of a key of 64 bytes, as formats.rst has it; of a generation that there is not
key = bytearray(os.urandom(16))
key[6] = 0x80 | key[6] & 15
key[8:10] = 0x80, 64
hello = name(sender) + name(receiver)
messages = [
    os.urandom(100),
    b"GET / HTTP/1.1\r\n\r\n" + bytes(40),
    frame(1, hello, ident=bytes(key)),
    frame(1, hello, ident=bytes(16)),
    frame(1, hello[:-1]),
    frame(1, hello, version=2),
    frame(1, hello, length=0x7fffffff),
    frame(2),
    frame(3, bytes(40), bytes(100)),
    frame(4, bytes(40)),
    frame(99),
    frame(1, name(receiver) + name(sender)),
]
hung_up = 0
for m in messages * 3:
    s = socket.socket()
    s.bind((source, 0))
    s.settimeout(4)
    s.connect((to, int(port)))
    try:
        s.sendall(m)
        hung_up += s.recv(1) == b""
    except ConnectionError:
        hung_up += 1
    except OSError:
        pass
    s.close()
# and some that say nothing
idle = [socket.create_connection((to, int(port)), source_address=(source, 0))
        for _ in range(40)]
print(hung_up)
