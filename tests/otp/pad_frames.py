# SPDX-License-Identifier: GPL-2.0-or-later
"""One-time-pad packets out of captures of Ethernet frames; for the tests."""
import struct


def frames(name):
    with open(name, "rb") as f:
        magic = struct.unpack("<I", f.read(24)[:4])[0]
        order = "<" if magic in (0xa1b2c3d4, 0xa1b23c4d) else ">"
        while True:
            head = f.read(16)
            if len(head) < 16:
                return
            size = struct.unpack(order + "4I", head)[2]
            frame = f.read(size)
            # the last one may be cut off
            if len(frame) < size:
                return
            yield frame


def udp_of(frame):
    """Sender, UDP destination port and payload; None if it is no UDP."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        ip = frame[14:]
        size = (ip[0] & 15) * 4
        if ip[9] != 17 or (ip[6] & 0x3f) | ip[7]:
            return None
        return ip[12:16], ip[size:]
    if kind == b"\x86\xdd":
        ip = frame[14:]
        return (ip[8:24], ip[40:]) if ip[6] == 17 else None
    return None


def packets(name, port):
    for frame in frames(name):
        found = udp_of(frame)
        if not found:
            continue
        sender, udp = found
        dport, length = struct.unpack("!2xHH", udp[:6])
        payload = udp[8:length]
        if dport == port and len(payload) >= 32 and payload[0] == 1:
            yield sender, payload
