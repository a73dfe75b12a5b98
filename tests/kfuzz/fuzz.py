#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
fuzz.py [--seconds N] [--seed N] [--corpus DIR] [--out DIR] [--run FILE]

Throws malformed and well-formed input at the kernel modules, in a network
namespace of its own: requests of the netlink families, made from their YAML
specs by a generator that knows the policies and by one that does not, calls
of the links' devices, datagrams to the peer protocol's port, devices of type
qkdotp made, changed and sent through, and what ip xfrm does between. Coverage of
the calls themselves is measured by KCOV where the modules were built with
it (KCOV_INSTRUMENT=y kmod/build.sh uml); programs that reach something new
are kept in the corpus, and new ones are made of them.

A program is a text file of steps, one a line; it is on disk before it is run,
as OUT/last, so that the one which killed the kernel can be run again:

    nl FAMILY HEX           a generic netlink message, from its genl header on
    dev LINK open|close     a descriptor of the link's device
    dev LINK ioctl NR HEX   its structure; @ for the address of a buffer in it
    dev LINK write HEX
    dev LINK read LENGTH
    dev LINK poll EVENTS
    udp PORT HEX            to 127.0.0.1
    rtnl TYPE FLAGS HEX     a message of rtnetlink, from its ifinfomsg on
    pkt DEVICE HEX          an IP packet out through a device
    ip WORDS                as typed

Every answer's attributes must be padded with zeroes. What the kernel says of
itself is for its log to tell: tests/vm/uml -D.
"""

import argparse
import ctypes
import fcntl
import mmap
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPECS = os.path.join(TOP, "Documentation/netlink/specs")

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NESTED, NET_BYTEORDER = 0x8000, 0x4000
LINKS = ["a", "b", "c"]
WORDS = LINKS + ["t", "u", "alice", "bob", "x" * 31, "x" * 64, "", "sim", "a/b"]
IPS = ["7f000001", "0a4d0001", "00000000", "ffffffff", "e0000001"]
MSG_PORT, OTP_PORT = 51014, 51015

libc = ctypes.CDLL(None, use_errno=True)


# ---- netlink, by hand: the point is to send what no library would

class Netlink:
    def __init__(self, protocol=16):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self.sock.bind((0, 0))
        self.sock.settimeout(1)
        self.seq = 0

    def send(self, family, body, flags):
        self.seq += 1
        head = struct.pack("=IHHII", 16 + len(body), family,
                           flags | NLM_F_REQUEST, self.seq, 0)
        self.sock.send(head + body)

    def answers(self):
        """Messages until the last one of an exchange."""
        while True:
            try:
                data = self.sock.recv(1 << 17)
            except (TimeoutError, socket.timeout, OSError):
                return
            while len(data) >= 16:
                size, kind, flags, _, _ = struct.unpack_from("=IHHII", data)
                yield kind, data[16:size]
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    return
                data = data[(size + 3) & ~3:]

    def family(self, name):
        body = struct.pack("=BBH", 3, 1, 0) + attr(2, name.encode() + b"\0")
        self.send(16, body, NLM_F_ACK)
        found = None
        for kind, msg in self.answers():
            if kind == NLMSG_ERROR:
                continue
            for t, value in attrs(msg[4:]):
                if t == 1:
                    found = struct.unpack("=H", value[:2])[0]
        return found


def attr(kind, value, size=None):
    size = 4 + len(value) if size is None else size
    data = struct.pack("=HH", size & 0xffff, kind & 0xffff) + value
    return data + b"\0" * (-len(data) % 4)


def attrs(data):
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        if size < 4 or size > len(data):
            return
        yield kind & 0x3fff, data[4:size]
        data = data[(size + 3) & ~3:]


def padded_with_zeroes(data):
    while len(data) >= 4:
        size, _ = struct.unpack_from("=HH", data)
        if size < 4 or size > len(data):
            return True
        end = (size + 3) & ~3
        if any(data[size:end]):
            return False
        data = data[end:]
    return True


# ---- generators

class Spec:
    def __init__(self, name):
        with open(os.path.join(SPECS, name + ".yaml"), encoding="utf-8") as f:
            spec = yaml.safe_load(f)
        self.name = name
        self.consts = {d["name"]: d["value"] for d in spec["definitions"]
                       if d["type"] == "const"}
        self.sets = {}
        for s in spec["attribute-sets"]:
            number = 0
            table = {}
            for a in s["attributes"]:
                number = a.get("value", number + 1)
                table[a["name"]] = (number, a)
            self.sets[s["name"]] = table
        self.ops = []
        number = 0
        for op in spec["operations"]["list"]:
            number = op.get("value", number + 1)
            for how in ("do", "dump"):
                if how in op:
                    want = op[how].get("request", {}).get("attributes", [])
                    self.ops.append((number, how, op["attribute-set"], want))

    # what has a meaning where it is asked for
    MEANT = {"name": ["a", "b", "c", "t", "u"], "link": ["a", "b"],
             "local-node": ["alice", "bob"], "peer-node": ["bob", "alice"],
             "driver": ["sim"], "config": ["length=1"], "reason": ["none"]}

    def exact(self, a):
        """Bytes that the attribute's policy demands, or 0."""
        size = a.get("checks", {}).get("exact-len", 0)
        return self.consts.get(size, size)

    def value(self, rnd, a):
        """Bytes that the attribute's policy may take, or nearly."""
        kind = a["type"]
        if a["name"] in self.MEANT and rnd.random() < .9:
            return rnd.choice(self.MEANT[a["name"]]).encode() + b"\0"
        if "enum" in a and rnd.random() < .9:
            return struct.pack("=I", rnd.randrange(3))[:int(kind[1:]) // 8]
        if kind == "nest":
            return self.some(rnd, a["nested-attributes"])
        if kind == "string":
            return rnd.choice(WORDS).encode() + rnd.choice([b"\0", b"\0", b""])
        if kind == "binary":
            # one of few, so that what was named can be named again
            if self.exact(a) and rnd.random() < .9:
                return bytes([rnd.randrange(1, 4)]) * self.exact(a)
            size = rnd.choice([0, 1, 4, 15, 16, 17, 64])
            return bytes.fromhex(rnd.choice(IPS)) if size == 4 else rnd.randbytes(size)
        size = {"u8": 1, "s8": 1, "u16": 2, "s16": 2, "u32": 4, "s32": 4,
                "u64": 8, "s64": 8}.get(kind, 0)
        if size == 4 and rnd.random() < .3:
            return bytes.fromhex(rnd.choice(IPS))
        number = rnd.choice([0, 1, 2, 3, 5, 64, 1000, 4096, 60000, 1 << 31,
                             (1 << 64) - 1, rnd.getrandbits(64)])
        return (number & ((1 << 8 * size) - 1)).to_bytes(
            size, rnd.choice(["little", "little", a.get("byte-order", "little").split("-")[0]]))

    def some(self, rnd, name, wanted=None):
        """Attributes of a set: those wanted, most of the time."""
        table = self.sets[name]
        names = [n for n in (table if wanted is None else wanted) if n in table]
        if rnd.random() < .05:
            names = list(table)
        data = b""
        many = rnd.choice([0, 0, .1, .5])
        for n in names:
            if rnd.random() > (.95 if n in self.MEANT else many):
                continue
            number, a = table[n]
            if a["type"] == "nest" and rnd.random() < .9:
                number |= NESTED
            data += attr(number, self.value(rnd, a),
                         rnd.randrange(70) if rnd.random() < .01 else None)
        return data

    def request(self, rnd):
        number, how, name, wanted = rnd.choice(self.ops)
        flags = NLM_F_DUMP if how == "dump" else 0
        return flags, struct.pack("=BBH", number, 1, 0) + self.some(rnd, name, wanted)


def blind(rnd):
    """A request by somebody who never saw the policies."""
    data = struct.pack("=BBH", rnd.randrange(16), rnd.randrange(3), 0)
    for _ in range(rnd.randrange(6)):
        kind = rnd.randrange(48) | rnd.choice([0, 0, NESTED, NET_BYTEORDER])
        value = rnd.randbytes(rnd.choice([0, 1, 2, 4, 8, 16, 33, 300]))
        if rnd.random() < .3:
            value = attr(rnd.randrange(40), value)
        data += attr(kind, value, rnd.randrange(100) if rnd.random() < .1 else None)
    return rnd.choice([0, 0, NLM_F_DUMP]), data


DEVICES = ["otp0", "otp1"]
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
# of <linux/qkd_otp.h>: numbers and what they may be given
OTP_ATTRS = [
    (1, lambda r: r.choice([b"a", b"b", b"c", b""]) + b"\0"),
    (2, lambda r: struct.pack("=H", r.choice([0, 1, 2, 65535]))),
    (3, lambda r: struct.pack(">H", r.choice([0, 51015, 51016, 51014]))),
    (4, lambda r: bytes.fromhex(r.choice(IPS))),
    (5, lambda r: r.choice([bytes(15) + b"\1", bytes(16), b"\xff" * 16, b"\1"])),
    (6, lambda r: struct.pack(">H", r.choice([0, 51015, 51016]))),
    (7, lambda r: bytes(4)), (8, lambda r: bytes(16)), (9, lambda r: bytes(2)),
    (10, lambda r: struct.pack("=H", r.choice([0, 16, 256, 65535]))),
    (11, lambda r: struct.pack("=I", r.choice([0, 4096, (1 << 32) - 1]))),
    (12, lambda r: struct.pack("=I", r.choice([0, 1, 100, 1000000, 1000001]))),
    (13, lambda r: struct.pack("=Q", r.choice([0, 1000, 1 << 32, 1 << 63]))),
    (14, lambda r: r.choice([b"t", b"u", b"", b"x" * 40]) + b"\0"),
    (15, lambda r: bytes(4)),
]


def rtnl(rnd):
    """A device of type qkdotp, made, changed, told or deleted."""
    kind = rnd.choice([RTM_NEWLINK] * 4 + [RTM_DELLINK, RTM_GETLINK])
    flags = rnd.choice([0x600, 0x600, 0]) if kind == RTM_NEWLINK else 0
    data = b""
    # mostly what makes a device, and some of the rest
    for number, make in OTP_ATTRS:
        if rnd.random() < (.9 if number == 1 and flags else .08):
            value = make(rnd) if rnd.random() < .95 else rnd.randbytes(rnd.randrange(20))
            data += attr(number, value)
    up = rnd.choice([0, 1, 1])
    body = struct.pack("=BxHiII", 0, 0, 0, up, 1) + \
        attr(3, rnd.choice(DEVICES).encode() + b"\0")
    if kind == RTM_NEWLINK:
        body += attr(18 | NESTED, attr(1, b"qkdotp\0") + attr(2 | NESTED, data))
    return f"rtnl {kind} {flags:x} {body.hex()}"


def packet(rnd):
    """A datagram, or what might be one, that a device is to carry."""
    payload = rnd.randbytes(rnd.choice([0, 1, 64, 1200, 1400]))
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 1, 0, 64, 17, 0,
                       bytes([10, 99, 0, 1]), bytes([10, 99, 0, 2]))
    data = head + struct.pack(">HHHH", 9, 9, 8 + len(payload), 0) + payload
    if rnd.random() < .2:
        data = rnd.randbytes(rnd.randrange(1, 100))
    return f"pkt {rnd.choice(DEVICES)} {data.hex()}"


TMPL = "tmpl src 127.0.0.1 dst 127.0.0.1 proto esp"
IP_WORDS = [
    "xfrm state flush", "xfrm state flush proto esp", "xfrm policy flush",
    "xfrm state deleteall", "xfrm state list", "xfrm policy list",
    f"xfrm policy add src 10.9.0.0/16 dst 10.8.0.0/16 dir out {TMPL} mode tunnel",
    f"xfrm policy add src 10.9.0.0/16 dst 10.8.0.0/16 dir out {TMPL} reqid 9 mode transport",
    "xfrm policy delete src 10.9.0.0/16 dst 10.8.0.0/16 dir out",
    "xfrm state allocspi src 127.0.0.1 dst 127.0.0.1 proto esp min 0x100 max 0x200",
    "route replace 10.8.0.0/16 dev lo", "addr replace 10.9.0.1/16 dev lo",
    "addr replace 10.99.0.1/24 dev otp0", "link set otp0 mtu 1280",
    "link set otp0 down", "-s link show otp0", "-d link show otp1",
]

# structures of <linux/qkd_dev.h>: number and bytes of each call's
IOCTLS = [(0, 120), (1, 16), (2, 40), (3, 32), (4, 32), (5, 32), (6, 32)]


def step(rnd, specs, generations):
    kind = rnd.random()
    if kind < .05:
        return rtnl(rnd)
    if kind < .08:
        return packet(rnd)
    if kind < .1:
        return "ip " + rnd.choice(IP_WORDS)
    if kind < .45:
        spec = rnd.choice(specs)
        flags, body = spec.request(rnd)
        return f"nl {spec.name} {flags:x}:{body.hex()}"
    if kind < .55:
        flags, body = blind(rnd)
        return f"nl {rnd.choice(specs).name} {flags:x}:{body.hex()}"
    link = rnd.choice(LINKS)
    if kind < .62:
        return f"dev {link} {rnd.choice(['open', 'open', 'close'])}"
    if kind < .75:
        nr, size = rnd.choice(IOCTLS)
        body = bytearray(rnd.choice([rnd.randbytes(size), bytes(size)]))
        if nr in (1, 2) and generations and rnd.random() < .7:
            body[:16] = rnd.choice(generations)
        text = body.hex()
        if nr in (3, 4) and rnd.random() < .8:
            text = ("00" * 16 + "@" + struct.pack(
                "=II", rnd.choice([1, 16, 32, 64, 4096, 1 << 31]),
                rnd.choice([0, 1, 1, 7])).hex())
        return f"dev {link} ioctl {nr} {text}"
    if kind < .83:
        size = rnd.choice([0, 2, 64, 128, 130, 4096, 1 << 20])
        head = (rnd.choice(generations) if generations and rnd.random() < .9
                else rnd.randbytes(16))
        head += struct.pack("=QQII", rnd.choice([0, 1, 2, 3, 1 << 40]),
                            rnd.choice([0, 64, 128, 192, 1 << 62]), size,
                            rnd.choice([0, 0, 0, 1]))
        return f"dev {link} write {(head + rnd.randbytes(min(size, 4096))).hex()}"
    if kind < .87:
        if rnd.random() < .3:
            return f"dev {link} poll {rnd.choice([1, 4, 5, 0x145, 0x7fff])}"
        return f"dev {link} read {rnd.choice([0, 1, 32, 5000])}"
    head = rnd.randbytes(rnd.choice([0, 8, 32, 48, 64, 200, 1500]))
    if generations and rnd.random() < .7:
        head = bytes([rnd.randrange(4), rnd.randrange(6), 0, 0]) + \
            rnd.choice(generations) + head
    return f"udp {rnd.choice([MSG_PORT, MSG_PORT, OTP_PORT])} {head.hex()}"


def mutate(rnd, steps, specs, generations):
    steps = list(steps)
    for _ in range(rnd.randrange(1, 4)):
        at = rnd.randrange(len(steps) + 1)
        what = rnd.random()
        if what < .5 or not steps:
            steps.insert(at, step(rnd, specs, generations))
        elif what < .7:
            del steps[rnd.randrange(len(steps))]
        else:
            at = rnd.randrange(len(steps))
            head, _, tail = steps[at].rpartition(" ")
            if len(tail) > 8 and "@" not in tail and ":" not in tail[3:]:
                i = 2 * rnd.randrange(3, len(tail) // 2)
                tail = tail[:i] + f"{rnd.randrange(256):02x}" + tail[i + 2:]
            steps[at] = f"{head} {tail}"
    return steps[:24]


# ---- running

class Kcov:
    """Program counters of this thread's calls, where modules are built so."""
    SIZE = 1 << 16

    def __init__(self):
        self.fd = None
        try:
            self.fd = os.open("/sys/kernel/debug/kcov", os.O_RDWR)
            fcntl.ioctl(self.fd, 0x80086301, self.SIZE)
        except OSError:
            self.fd = None
            return
        # the mmap module wants a file of that size
        libc.mmap.restype = ctypes.c_void_p
        at = libc.mmap(None, ctypes.c_size_t(8 * self.SIZE),
                       mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED,
                       self.fd, ctypes.c_long(0))
        self.map = (ctypes.c_uint64 * self.SIZE).from_address(at)
        fcntl.ioctl(self.fd, 0x6364, 0)

    def reset(self):
        if self.fd is not None:
            self.map[0] = 0

    def seen(self):
        if self.fd is None:
            return set()
        return set(self.map[1:self.map[0] + 1])


class Machine:
    def __init__(self, specs):
        self.nl = Netlink()
        self.families = {s.name: self.nl.family(s.name) for s in specs}
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setblocking(False)
        self.rtnl = Netlink(0)
        self.packet = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        self.packet.setblocking(False)
        self.fds = {}
        self.buf = ctypes.create_string_buffer(1 << 16)
        self.leaks = 0
        self.steps = 0
        self.errors = {}

    def netlink(self, family, text):
        flags, body = text.split(":")
        if self.families.get(family) is None:
            return
        try:
            self.nl.send(self.families[family], bytes.fromhex(body),
                         int(flags, 16) | NLM_F_ACK)
        except OSError:
            return
        for kind, msg in self.nl.answers():
            if kind == NLMSG_ERROR:
                err = struct.unpack_from("=i", msg)[0]
                self.errors[err] = self.errors.get(err, 0) + 1
            elif kind != NLMSG_DONE and not padded_with_zeroes(msg[4:]):
                self.leaks += 1
                print(f"# padding of an answer is not zero: {msg.hex()}")

    def route(self, kind, flags, text):
        self.rtnl.send(kind, bytes.fromhex(text), flags | NLM_F_ACK)
        for kind, msg in self.rtnl.answers():
            if kind == NLMSG_ERROR:
                err = struct.unpack_from("=i", msg)[0]
                self.errors[err] = self.errors.get(err, 0) + 1
            elif kind == RTM_NEWLINK and not padded_with_zeroes(msg[16:]):
                self.leaks += 1
                print(f"# padding of an answer is not zero: {msg.hex()}")

    def node(self, link):
        """The link's node: named by the library's tool, as a user would."""
        out = subprocess.run(["qkdctl", "-j", "link", "show", link],
                             capture_output=True, text=True, check=False).stdout
        at = out.find('"index":')
        return "/dev/qkd" + out[at + 8:].strip().split(",")[0].strip() if at >= 0 else None

    def device(self, link, what, args):
        fd = self.fds.get(link)
        if what == "open":
            path = self.node(link)
            if fd is None and path:
                try:
                    self.fds[link] = os.open(path, os.O_RDWR | os.O_NONBLOCK)
                except OSError:
                    pass
        elif fd is None:
            pass
        elif what == "close":
            os.close(self.fds.pop(link))
        elif what == "write":
            try:
                os.write(fd, bytes.fromhex(args[0]))
            except OSError:
                pass
        elif what == "read":
            try:
                os.read(fd, int(args[0]))
            except OSError:
                pass
        elif what == "poll":
            poller = select.poll()
            poller.register(fd, int(args[0]))
            poller.poll(0)
        else:
            address = struct.pack("=Q", ctypes.addressof(self.buf)).hex()
            data = bytes.fromhex(args[1].replace("@", address))
            nr, size = IOCTLS[int(args[0])]
            direction = {0: 2, 3: 3, 4: 3}.get(nr, 1)
            data = (data + bytes(size))[:max(size, len(data))]
            room = ctypes.create_string_buffer(data, len(data) + 256)
            libc.ioctl(fd, ctypes.c_ulong(direction << 30 | size << 16 | 0xb8 << 8 | nr), room)

    def run(self, steps):
        for s in steps:
            self.steps += 1
            words = s.split()
            try:
                if words[0] == "nl":
                    self.netlink(words[1], words[2])
                elif words[0] == "dev":
                    self.device(words[1], words[2], words[3:])
                elif words[0] == "rtnl":
                    self.route(int(words[1]), int(words[2], 16), words[3])
                elif words[0] == "pkt":
                    self.packet.sendto(bytes.fromhex(words[2]), (words[1], 0x0800))
                elif words[0] == "ip":
                    subprocess.run(words, check=False, capture_output=True, timeout=5)
                else:
                    self.udp.sendto(bytes.fromhex("".join(words[2:])),
                                    ("127.0.0.1", int(words[1])))
            except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
                pass


def setup():
    """A namespace with two links that are each other's peers."""
    if libc.unshare(0x40000000):
        sys.exit("fuzz.py: unshare: needs root")
    run = lambda *cmd: subprocess.run(cmd, check=False, capture_output=True)
    run("ip", "link", "set", "lo", "up")
    for name, me, you in (("a", "alice", "bob"), ("b", "bob", "alice")):
        run("qkdctl", "link", "add", name, "local-node", me, "peer-node", you,
            "local", "127.0.0.1", "peer", "127.0.0.1")
        run("qkdctl", "link", "enable", name)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--corpus")
    p.add_argument("--out", default=os.environ.get("QKD_OUT", "."))
    p.add_argument("--run")
    opt = p.parse_args()
    rnd = random.Random(opt.seed)
    specs = [Spec("qkd"), Spec("qkd-xfrm")]
    generations = [bytes([i]) * 16 for i in (1, 2, 3)]
    setup()
    m = Machine(specs)
    if m.families["qkd"] is None:
        print("1..0 # SKIP needs the module qkd")
        sys.exit(4)
    if opt.run:
        with open(opt.run, encoding="ascii") as f:
            m.run(f.read().splitlines())
        return
    corpus = []
    if opt.corpus and os.path.isdir(opt.corpus):
        for name in sorted(os.listdir(opt.corpus)):
            with open(os.path.join(opt.corpus, name), encoding="ascii") as f:
                corpus.append(f.read().splitlines())
    kcov, known, programs, queue = Kcov(), set(), 0, list(corpus)
    end = time.monotonic() + opt.seconds
    while time.monotonic() < end:
        if queue:
            steps = queue.pop()
        else:
            old = rnd.choice(corpus) if corpus and rnd.random() < .8 else []
            steps = mutate(rnd, old, specs, generations)
        with open(os.path.join(opt.out, "last"), "w", encoding="ascii") as f:
            f.write("\n".join(steps) + "\n")
        kcov.reset()
        m.run(steps)
        programs += 1
        new = kcov.seen() - known
        if new or (kcov.fd is None and len(corpus) < 200):
            known |= new
            corpus.append(steps)
            if opt.corpus:
                os.makedirs(opt.corpus, exist_ok=True)
                with open(os.path.join(opt.corpus, f"{programs:06d}"), "w",
                          encoding="ascii") as f:
                    f.write("\n".join(steps) + "\n")
    done = m.errors.get(0, 0)
    print(f"# {programs} programs, {m.steps} steps, {len(corpus)} kept, "
          f"{len(known)} places of the modules reached")
    print(f"# netlink answered 0 {done} times and with "
          f"{len(m.errors) - (done > 0)} different errors")
    print("1..3")
    for n, (ok, what) in enumerate((
            (programs > 10, "programs ran"),
            (done and len(m.errors) > 5, "some requests were right, and others wrong in many ways"),
            (not m.leaks, "no answer's padding told anything")), 1):
        print(f"{'ok' if ok else 'not ok'} {n} {what}")
    sys.exit(0 if programs > 10 and not m.leaks and done and len(m.errors) > 5 else 1)


main()
