#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
hunt.py PID|FILE HEX...

Looks for bytes in a process's memory, or in a file such as a core dump. Prints
a line "found N unlocked M": how often they are there, and how often in memory
that may be swapped out. Needs the right to trace the process.
"""

import re
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
            found = unlocked = hits(f.read(), needles)
    print(f"found {found} unlocked {unlocked}")


main()
