#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
canary.py FILE IPV4 IPV6: sends pieces of the text in FILE to a host, over and over,
in all the ways there are: TCP, UDP, datagrams that must be fragmented, SCTP, ICMP
and a protocol that nobody knows, over IPv4 and IPv6. Never waits for anything, and
minds no error. What it is called with -l instead, the other end, listens to TCP.

SCTP's INIT is made by hand, with the text in a parameter: no kernel need have SCTP.
"""
import itertools
import select
import socket
import struct
import sys
import time

PORT = 5099


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def echo(text, six):
    head = struct.pack("!BBHHH", 128 if six else 8, 0, 0, 1, 1)
    # over IPv6 the kernel knows the addresses, and sums up itself
    total = 0 if six else checksum(head + text)
    return head[:2] + struct.pack("!H", total) + head[4:] + text


def sctp_init(text):
    parameter = struct.pack("!HH", 0xc000, 4 + len(text)) + text
    body = struct.pack("!IIHHI", 1, 65536, 1, 1, 1) + parameter
    return (struct.pack("!HHII", PORT, PORT, 0, 0) +
            struct.pack("!BBH", 1, 0, 4 + len(body)) + body)


def raw(family, proto):
    s = socket.socket(family, socket.SOCK_RAW, proto)
    s.setblocking(False)
    return s


def ways(family, to):
    """(socket, what it sends of a text)"""
    six = family == socket.AF_INET6
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.setblocking(False)
    return [
        (udp, lambda t: t),
        (udp, lambda t: t * 40),
        (raw(family, 58 if six else 1), lambda t: echo(t, six)),
        (raw(family, 132), sctp_init),
        (raw(family, 253), lambda t: t),
    ]


class Stream:
    """A connection, begun anew when it ends."""

    def __init__(self, family, to):
        self.family, self.to, self.sock, self.since = family, to, None, 0

    def send(self, text):
        if not self.sock or time.monotonic() > self.since + 3:
            if self.sock:
                self.sock.close()
            self.sock = socket.socket(self.family, socket.SOCK_STREAM)
            self.sock.setblocking(False)
            self.since = time.monotonic()
            self.sock.connect_ex((self.to, PORT))
        self.sock.send(text)


def listen():
    socks = []
    for family in socket.AF_INET, socket.AF_INET6:
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(("", PORT))
        s.listen(16)
        socks.append(s)
    held = []
    while True:
        for s in select.select(socks + held, [], [])[0]:
            if s in socks:
                held.append(s.accept()[0])
                continue
            try:
                if s.recv(65536):
                    continue
            except OSError:
                pass
            held.remove(s)
            s.close()


def main():
    if sys.argv[1] == "-l":
        listen()
    with open(sys.argv[1], "rb") as f:
        text = f.read()
    hosts = [(socket.AF_INET, sys.argv[2]), (socket.AF_INET6, sys.argv[3])]
    out = [(s, make, to) for family, to in hosts for s, make in ways(family, to)]
    streams = [Stream(family, to) for family, to in hosts]
    for i in itertools.count():
        piece = text[i * 64 % (len(text) - 64):][:64]
        for s, make, to in out:
            try:
                s.sendto(make(piece), (to, PORT if s.type & 15 == 2 else 0))
            except OSError:
                pass
        for stream in streams:
            try:
                stream.send(piece)
            except OSError:
                pass
        time.sleep(0.05)


main()
