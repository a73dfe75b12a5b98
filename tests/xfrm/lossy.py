#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
lossy.py ADDRESS PORT RULE HITS: peer messages that come to ADDRESS, PORT go on
to the kernel there, but for some.

RULE is a file that others replace: "PROTO TYPE N" means that the first N
messages of that protocol and type (Documentation/formats.rst) are lost; a rule
that changed counts anew. HITS is told how many were lost under the present one.
"""
import os
import socket
import sys

KERNEL = 51014


def main():
    address, port, rule_file, hits_file = sys.argv[1:]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, int(port)))
    rule, hits = None, 0
    while True:
        data = sock.recv(2048)
        with open(rule_file, encoding="ascii") as f:
            text = f.read()
        if text != rule:
            rule, hits = text, 0
        proto, kind, times = (int(word) for word in text.split()[:3])
        if (data[1], data[32]) == (proto, kind) and hits < times:
            hits += 1
            with open(hits_file + ".new", "w", encoding="ascii") as f:
                f.write(f"{text.strip()} {hits}\n")
            os.rename(hits_file + ".new", hits_file)
            continue
        sock.sendto(data, (address, KERNEL))


main()
