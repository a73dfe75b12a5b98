#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
hunt.py PID|FILE HEX...

Looks for bytes in a process's memory, or in a file; of a core dump in the memory
that it holds, not in the registers, which no daemon can keep out of it. Prints
a line "found N unlocked M": how often they are there, and how often in memory
that may be swapped out. Needs the right to trace the process.
"""

import re
import struct
import sys


def regions(pid):
    """(start, end, may be read, is locked) of each mapping."""
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as f:
        head = None
        for line in f:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line)
            if m:
                head = int(m[1], 16), int(m[2], 16), m[3][0] == "r"
            elif line.startswith("VmFlags:") and head:
                yield head + ("lo" in line.split(),)


def memory(data):
    """What a core dump (ELF, 64 bits) holds of memory; of another file, all."""
    if data[:5] != b"\x7fELF\x02" or struct.unpack_from("<H", data, 16)[0] != 4:
        yield data
        return
    at, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", data,
                                                           at + i * size)
        if kind == 1:
            yield data[offset:offset + length]


def hits(data, needles):
    return sum(data.count(n) for n in needles)


def main():
    what, needles = sys.argv[1], [bytes.fromhex(h) for h in sys.argv[2:]]
    found = unlocked = 0
    if what.isdigit():
        with open(f"/proc/{what}/mem", "rb", buffering=0) as mem:
            for start, end, readable, locked in regions(what):
                if not readable:
                    continue
                try:
                    mem.seek(start)
                    n = hits(mem.read(end - start), needles)
                except (OSError, ValueError, OverflowError):
                    continue    # of the kernel's own
                found += n
                unlocked += 0 if locked else n
    else:
        with open(what, "rb") as f:
            found = sum(hits(m, needles) for m in memory(f.read()))
            unlocked = found
    print(f"found {found} unlocked {unlocked}")


main()
