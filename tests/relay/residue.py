#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""residue.py PID FILE: how many samples of the key in FILE are in the memory of
a process. A sample is 16 bytes; there is one in each 512 bytes of key."""
import re
import sys

pid, path = sys.argv[1:3]
key = open(path, "rb").read()
samples = [key[i:i + 16] for i in range(64, len(key) - 16, 512)]
samples = [s for s in samples if len(set(s)) > 4]
assert len(samples) >= 100, "too little key"
memory = []
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
    for line in maps:
        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
        if not m:
            continue
        at, end = (int(x, 16) for x in m.groups())
        if end - at > 1 << 28:  # a sanitizer's own
            continue
        try:
            mem.seek(at)
            memory.append(mem.read(end - at))
        except OSError:
            pass
memory = b"\0".join(memory)
assert len(memory) > 100000, "memory cannot be read"
print(sum(s in memory for s in samples))
