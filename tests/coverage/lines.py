#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
lines.py --objects DIR [--lists DIR] [--least PERCENT] RUN...

Which lines of kmod/ were reached in any of the runs. RUN is a copy of the
kernel's debugfs folder gcov/DIR/kmod; DIR is where the modules were built,
with the compiler's notes (.gcno). Prints a table by file, worst first, and a
line "BENCH kmod_line_coverage_pct"; --lists leaves FILE.txt with the lines
that nothing reached. Exits 1 below PERCENT.

What the compiler made no code of is not counted, nor is what is generated
from the netlink specs.
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile


def tallies(objects, run):
    """{file: {line: times}} of one run."""
    found = {}
    with tempfile.TemporaryDirectory() as tmp:
        data = []
        for folder, _, names in os.walk(run):
            for name in names:
                if not name.endswith(".gcda"):
                    continue
                part = os.path.relpath(folder, run)
                to = os.path.join(tmp, part)
                os.makedirs(to, exist_ok=True)
                shutil.copyfile(os.path.join(folder, name),
                                os.path.join(to, name))
                note = name[:-5] + ".gcno"
                shutil.copyfile(os.path.join(objects, "kmod", part, note),
                                os.path.join(to, note))
                data.append(os.path.join(part, name))
        for one in data:
            out = subprocess.run(["gcov", "--json-format", "--stdout", one],
                                 cwd=tmp, capture_output=True, check=True)
            text = out.stdout
            if text[:2] == b"\x1f\x8b":
                text = gzip.decompress(text)
            for line in text.splitlines():
                for f in json.loads(line)["files"]:
                    name = f["file"]
                    at = name.find("/kmod/")
                    if at < 0 and not name.startswith("kmod/"):
                        continue
                    name = name[at + 1:] if at >= 0 else name
                    lines = found.setdefault(name, {})
                    for n in f["lines"]:
                        had = lines.get(n["line_number"], 0)
                        lines[n["line_number"]] = had + n["count"]
    return found


def merge(into, more):
    for name, lines in more.items():
        mine = into.setdefault(name, {})
        for n, times in lines.items():
            mine[n] = mine.get(n, 0) + times


def wanted(name):
    """Ours, written by hand, not a shim for older kernels or a trace macro."""
    return (not name.endswith("-gen.c") and not name.endswith("trace.h") and
            "compat-include" not in name)


def runs_of(numbers):
    """[1, 2, 3, 7] as 1-3, 7."""
    text, first, last = [], None, None
    for n in sorted(numbers) + [None]:
        if last is not None and n == last + 1:
            last = n
            continue
        if first is not None:
            text.append(f"{first}-{last}" if last > first else f"{first}")
        first = last = n
    return ", ".join(text)


def write_list(folder, name, missed):
    os.makedirs(folder, exist_ok=True)
    with open(name, encoding="utf-8") as f:
        source = f.read().splitlines()
    path = os.path.join(folder, name.replace("/", "_") + ".txt")
    with open(path, "w", encoding="utf-8") as f:
        for n in missed:
            f.write(f"{n:5} {source[n - 1] if n <= len(source) else ''}\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--objects", required=True)
    p.add_argument("--lists")
    p.add_argument("--least", type=float, default=0)
    p.add_argument("runs", nargs="+")
    opt = p.parse_args()
    total = {}
    for run in opt.runs:
        merge(total, tallies(opt.objects, run))
    rows, all_lines, all_hit = [], 0, 0
    if opt.lists:
        shutil.rmtree(opt.lists, ignore_errors=True)
    for name, lines in total.items():
        if not wanted(name) or not lines:
            continue
        missed = sorted(n for n, times in lines.items() if not times)
        hit = len(lines) - len(missed)
        all_lines += len(lines)
        all_hit += hit
        rows.append((100 * hit / len(lines), name, hit, len(lines), missed))
        if opt.lists and missed:
            write_list(opt.lists, name, missed)
    if not all_lines:
        sys.exit("lines.py: no line of kmod/ in the counters")
    for percent, name, hit, lines, missed in sorted(rows):
        print(f"{percent:5.1f} % {hit:5}/{lines:<5} {name:28} {runs_of(missed)}")
    percent = 100 * all_hit / all_lines
    print(f"BENCH kmod_line_coverage_pct {percent:.1f} %")
    if percent < opt.least:
        sys.exit(f"lines.py: below {opt.least:g} %")


main()
