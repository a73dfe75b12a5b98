#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tls_guess.py CLIENT LINK PORT COUNT: connects COUNT times, each time with a ClientHello
# whose PSK identity is the next key ID that there could be, and with a binder that proves
# nothing. The first is what the client, qkd-tls, sends.
import re
import socket
import subprocess
import sys
import uuid

client, link, port, count = sys.argv[1:]


def hello():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        to = "127.0.0.1:%d" % sock.getsockname()[1]
        asks = subprocess.Popen([client, "connect", link, to], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with sock.accept()[0] as s:
            got = s.recv(65536)
        asks.wait()
        return got


text = hello()
first = re.search(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)[0]
for i in range(1, int(count) + 1):
    guess = str(uuid.UUID(int=int(first.replace(b"-", b""), 16) + 48 * i)).encode()
    with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as s:
        s.sendall(text.replace(first, guess))
        s.recv(4096)
