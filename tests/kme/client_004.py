#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""client_004.py [HOST:]PORT CERT KEY CA: a client of ETSI GS QKD 004 V2.1.1, written
from the standard and the public encoding alone, to test servers against. Reads
commands, a line each, and prints an answer to each:

    open SOURCE DESTINATION [KSID] [FIELD=VALUE]...   status ksid chunk min_bps timeout mime
    key KSID INDEX [METADATA-SIZE]                    status index key metadata-size metadata
    close KSID                                        status
    raw HEX                                           what comes back, or "end"
"""
import socket, ssl, struct, sys, uuid

port, cert, key, ca = sys.argv[1:5]
host, _, port = port.rpartition(":")
host = host or "localhost"
ctx = ssl.create_default_context(cafile=ca)
ctx.load_cert_chain(cert, key)
sock = ctx.wrap_socket(socket.create_connection((host, int(port)), 40),
                       server_hostname=host)
FIELDS = ["chunk", "max_bps", "min_bps", "jitter", "priority", "timeout", "ttl"]


def take(n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def call(service, payload):
    sock.sendall(bytes([1, 0, 1, service]) + struct.pack("!I", len(payload)) + payload)
    head = take(8)
    assert head[:3] == bytes([1, 0, 1]) and head[3] == service + 1, head
    return take(struct.unpack("!I", head[4:])[0])


def do_open(source, destination, *words):
    qos = dict.fromkeys(FIELDS, 0)
    qos.update(chunk=32, timeout=2000, mime="application/json")
    ksid = uuid.UUID(int=0)
    for w in words:
        if "=" in w:
            name, value = w.split("=")
            qos[name] = value if name == "mime" else int(value)
        else:
            ksid = uuid.UUID(w)
    a = call(2, source.encode() + b"\0" + destination.encode() + b"\0" +
             struct.pack("!7I", *[qos[f] for f in FIELDS]) +
             qos["mime"].encode().ljust(256, b"\0") + ksid.bytes)
    assert len(a) == 4 + 28 + 256 + 16
    v = struct.unpack("!8I", a[:32])
    return v[0], uuid.UUID(bytes=a[-16:]), v[1], v[3], v[6], a[32:-16].rstrip(b"\0").decode()


def do_key(ksid, index, room="1024"):
    a = call(4, uuid.UUID(ksid).bytes + struct.pack("!2I", int(index), int(room)))
    status, at, n = struct.unpack("!3I", a[:12])
    size = struct.unpack("!I", a[12 + n:16 + n])[0]
    return status, at, a[12:12 + n].hex() or "-", size, a[16 + n:].decode() or "-"


def do_close(ksid):
    return struct.unpack("!I", call(8, uuid.UUID(ksid).bytes))


def do_raw(text):
    sock.sendall(bytes.fromhex(text))
    sock.settimeout(3)
    return (sock.recv(65536).hex() or "end",)


for line in sys.stdin:
    verb, *words = line.split()
    try:
        print(*globals()["do_" + verb](*words), flush=True)
    except (EOFError, ConnectionError, ssl.SSLError, TimeoutError):
        print("end", flush=True)
