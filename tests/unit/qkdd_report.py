#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Recomputes the key lengths of blocks from their reports, as a reviewer would.

Reads lines "# NODE: {json}" of qkdd_chain -v. Written from the papers, not
from tools/post: Lim et al., PRA 89 022307; Rusca et al., APL 112 171104;
Tomamichel et al., Nat. Commun. 3 634; with the differences that
Documentation/postprocessing.rst lists.
"""
import json
import math
import sys

LIM, RUSCA = 21, 19


def entropy(x):
    if not 0 < x < 1:
        return 0.0
    return -x * math.log2(x) - (1 - x) * math.log2(1 - x)


def near(a, b, tolerance=1e-6):
    return abs(a - b) <= tolerance * max(1, abs(a), abs(b))


class Decoys:
    """Bounds on counts of vacuum and single photons, of either basis."""

    def __init__(self, r, terms):
        self.mu, self.p = r["mu"], r["p"]
        self.eps = r["eps_sec"] / terms
        self.tau0 = sum(p * math.exp(-m) for m, p in zip(self.mu, self.p))
        self.tau1 = sum(p * math.exp(-m) * m for m, p in zip(self.mu, self.p))

    def bound(self, counts, k, sign):
        wander = math.sqrt(sum(counts) / 2 * math.log(1 / self.eps))
        x = math.exp(self.mu[k]) / self.p[k] * (counts[k] + sign * wander)
        return max(x, 0) if sign > 0 else x


def lim_yields(d, n):
    m1, m2, m3 = d.mu
    s0 = max(0, d.tau0 * (m2 * d.bound(n, 2, -1) - m3 * d.bound(n, 1, 1)) /
             (m2 - m3))
    s1 = d.tau1 * m1 / (m1 * (m2 - m3) - m2 ** 2 + m3 ** 2) * (
        d.bound(n, 1, -1) - d.bound(n, 2, 1) -
        (m2 ** 2 - m3 ** 2) / m1 ** 2 * (d.bound(n, 0, 1) - s0 / d.tau0))
    return s0, max(0, s1)


def lim_errors(d, m):
    return d.tau1 * (d.bound(m, 1, 1) - d.bound(m, 2, -1)) / \
        (d.mu[1] - d.mu[2])


def rusca_yields(d, n, m):
    m1, m2 = d.mu
    s0 = max(0, d.tau0 / (m1 - m2) *
             (m1 * d.bound(n, 1, -1) - m2 * d.bound(n, 0, 1)))
    # the vacuum gives an error every other time
    most0 = 2 * (d.tau0 * d.bound(m, 1, 1) +
                 math.sqrt(sum(n) / 2 * math.log(1 / d.eps)))
    s1 = d.tau1 * m1 / (m2 * (m1 - m2)) * (
        d.bound(n, 1, -1) - m2 ** 2 / m1 ** 2 * d.bound(n, 0, 1) -
        (m1 ** 2 - m2 ** 2) / m1 ** 2 * most0 / d.tau0)
    return s0, max(0, s1)


def rusca_errors(d, m):
    return d.tau1 / (d.mu[0] - d.mu[1]) * (d.bound(m, 0, 1) -
                                           d.bound(m, 1, -1))


def sampled(eps, rate, seen, unseen, terms):
    v = (seen + unseen) * (1 - rate) * rate / (seen * unseen * math.log(2))
    w = (seen + unseen) / (seen * unseen * (1 - rate) * rate) * \
        terms ** 2 / eps ** 2
    return math.sqrt(v * math.log2(w))


def phase_of_decoys(r, terms, s1, s1_chk, v1_chk):
    rate = max(1, v1_chk) / s1_chk
    return rate + sampled(r["eps_sec"], rate, s1_chk, s1, terms)


def terms_of(r):
    """s0, s1, phi and delta_sec by the report's method."""
    n, m = r["n_key"], r["m_key"]
    nx, mx = r["n_chk"], r["m_chk"]
    eps = r["eps_sec"]
    if r["method"] == "lim2014":
        d = Decoys(r, LIM)
        s0, s1 = lim_yields(d, n)
        phi = phase_of_decoys(r, LIM, s1, lim_yields(d, nx)[1],
                              lim_errors(d, mx))
        return s0, s1, phi, 6 * math.log2(LIM / eps)
    if r["method"] == "rusca2018":
        d = Decoys(r, RUSCA)
        s0, s1 = rusca_yields(d, n, m)
        phi = phase_of_decoys(r, RUSCA, s1, rusca_yields(d, nx, mx)[1],
                              rusca_errors(d, mx))
        return s0, s1, phi, 6 * math.log2(RUSCA / eps)
    a, k = n[0], nx[0]
    mu = math.sqrt((a + k) / (a * k) * (k + 1) / k * math.log(4 / eps))
    return 0, a, mx[0] / k + mu, 2 * math.log2(1 / eps)


def check(r):
    """What is wrong with a report, as a list of words."""
    wrong = []

    def claim(what, holds):
        if not holds:
            wrong.append(what)

    n = r["n"]
    claim("counts do not add up to n", sum(r["n_key"]) == n)
    claim("errors do not add up", sum(r["m_key"]) == r["errors"])
    # below it reconciliation would be impossible, but for chance
    claim("leak below n h(q)", r["leak"] > .97 * n * entropy(r["errors"] / n))
    claim("leak_ec is not the leak", r["leak_ec"] == r["leak"])
    ver = max(r["tags"] * r["tag_bits"], math.log2(2 / r["eps_cor"]))
    claim("leak_ver", near(r["leak_ver"], ver))
    # any of four tags may let different strings pass
    claim("tags too short for eps_cor",
          4 * (math.ceil(n / 128) + 1) * 2.0 ** -r["tag_bits"] <=
          r["eps_cor"])
    s0, s1, phi, delta = terms_of(r)
    s1 = min(s1, n)
    s0 = min(s0, n - s1)
    claim("s0", near(s0, r["s0"], 1e-5))
    claim("s1", near(s1, r["s1"], 1e-5))
    claim("phi", near(phi, r["phi"], 1e-5))
    claim("delta_sec", near(delta, r["delta_sec"]))
    length = s0 + s1 * (1 - entropy(phi)) - r["leak"] - ver - delta
    claim("length %d, should be %.1f" % (r["length"], length),
          abs(r["length"] - math.floor(length)) <= 2)
    claim("more key than length", 8 * r["bytes"] <= r["length"])
    if "sent_slots" in r:
        check_sent(r, claim)
    return wrong


def check_sent(r, claim):
    sent = [a + b for a, b in zip(r["sent_key"], r["sent_chk"])]
    claim("sent does not add up", sum(sent) == r["sent_slots"])
    for s, p in zip(sent, r["p"]):
        claim("sent is not by the probabilities",
              abs(s - p * sum(sent)) < 6 * math.sqrt(p * sum(sent)))
    gain = [c / s for c, s in zip(r["n_key"], r["sent_key"])]
    claim("gains do not fall with intensity", gain == sorted(gain)[::-1])


def main():
    method, seen, bad, both = sys.argv[1], 0, 0, {}
    for line in sys.stdin:
        if not line.startswith("# ") or ": {" not in line:
            continue
        node, text = line[2:].split(": ", 1)
        r = json.loads(text)
        if r["outcome"] != "key":
            continue
        seen += 1
        wrong = check(r)
        if r["method"] != method:
            wrong.append("method")
        other = both.setdefault(r["block"], r)
        for key in ("length", "n_key", "m_key", "n_chk", "m_chk", "leak",
                    "bytes"):
            if other[key] != r[key]:
                wrong.append("ends differ in " + key)
        if wrong:
            bad += 1
            print("block %d of %s: %s" % (r["block"], node, "; ".join(wrong)))
    print("%d reports, %d wrong" % (seen, bad))
    sys.exit(0 if seen >= 4 and not bad else 1)


if __name__ == "__main__":
    main()
