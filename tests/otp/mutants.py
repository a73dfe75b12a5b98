#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Breaks the one-time-pad tunnel on purpose, one promise at a time, and sees
whether the test of that promise fails.

    mutants.py [-k] [NAME|TEST...]

What unit tests can find: the modules' pure files, and the pads of qkdd's driver
file. With -k, what kernel tests can, in the debug kernel (make debug-kernel): a
minute each. The tree is copied, and built there. Prints a line for each mutant and ends with "N passed, N failed,
N skipped": a mutant that a test finds is a pass.
"""
import os
import shutil
import subprocess
import sys
import tempfile

# name, file, what stands there, what is put in its place, the test
MUTANTS = [
    ("the tag is not checked", "kmod/otp/mac.c",
     "ok = !crypto_memneq(right, tag, OTP_TAG_SIZE);", "ok = true;",
     "otp_forge"),
    ("half of the tag is checked", "kmod/otp/mac.c",
     "crypto_memneq(right, tag, OTP_TAG_SIZE)",
     "crypto_memneq(right, tag, OTP_TAG_SIZE / 2)", "otp_mac"),
    ("the tag has no mask", "kmod/otp/mac.c",
     "x += otp_get64(mask) + ((u128)otp_get64(mask + 8) << 64);",
     "(void)mask;", "otp_mac"),
    ("the header is not under the tag", "kmod/otp/mac.c",
     "mul_add(&a, otp_get64(aad), r--);", "mul_add(&a, 0, r--);",
     "otp_mac"),
    ("the length is not under the tag", "kmod/otp/mac.c",
     "mul_add(&a, len, r);", "mul_add(&a, 0, r);", "otp_mac"),
    ("the last bytes are not encrypted", "kmod/otp/mac.c",
     "*dst++ = *src++ ^ *pad++;", "*dst++ = *src++;", "otp_mac"),
    ("pad behind a generation's end is named", "kmod/otp/packet.c",
     "if (info->offset + OTP_MASK_SIZE + (len - OTP_HDR_SIZE) >\n"
     "	    OTP_OFFSET_MAX)\n		return -EBADMSG;\n", "",
     "otp_packet"),
    ("a packet longer than what came is believed", "kmod/otp/packet.c",
     "total <= len)\n			return total;\n	} else",
     "total)\n			return total;\n	} else", "otp_packet"),
    ("key of a range can be taken twice", "kmod/core/ring.c",
     "if (offset < rx->tail || rx_next(rx, offset, end, true) < end)\n"
     "		return -EALREADY;", "", "core_ring"),
    ("key-reserve is ignored", "kmod/otp/fair.c",
     "u64 sum = u->reserve;", "u64 sum = 0;", "otp_fair"),
    ("a guaranteed rate is not left", "kmod/otp/fair.c",
     "sum += burst(o);", "sum += 0;", "otp_fair"),
    ("who waits loses its turn", "kmod/otp/fair.c",
     "u->vtime = max(u->vtime, f->now - min(f->now, lag));",
     "u->vtime = max(u->vtime, f->now);\n	(void)lag;", "otp_fair"),
    ("virtual time overflows", "kmod/otp/fair.c",
     "	if (f->now < VTIME_MAX)\n", "	if (f->now)\n", "otp_fair"),
    ("a queue that stops does not look again", "kmod/otp/wait.c",
     "err = again(arg);", "(void)again;\n	(void)arg;\n	err = -EBUSY;",
     "otp_wait"),
    ("it looks again before it can be woken", "kmod/otp/wait.c",
     "	WRITE_ONCE(w->starved, true);\n", "	err = again(arg);\n"
     "	WRITE_ONCE(w->starved, true);\n	if (err == -EBUSY)\n"
     "		return err;\n", "otp_wait"),
    ("a wake forgets who comes after it", "kmod/otp/wait.c",
     "	WRITE_ONCE(w->starved, false);\n	/* netdev_tx: the flag is set"
     " again by who is refused again */\n	if (netif_running(w->dev))\n"
     "		netif_tx_wake_all_queues(w->dev);\n",
     "	if (netif_running(w->dev))\n"
     "		netif_tx_wake_all_queues(w->dev);\n"
     "	WRITE_ONCE(w->starved, false);\n", "otp_wait"),
    ("a pad's place is not made durable", "tools/qkdd/driver_file_store.c",
     "RWF_DSYNC) !=", "0) !=", "qkdd_file"),
    ("a place counts whose writing failed", "tools/qkdd/driver_file_pad.c",
     "	if (!ret)\n		p->used = end + ahead;",
     "	p->used = end + ahead;", "qkdd_file"),
    ("what was erased is used again", "tools/qkdd/driver_file_pad.c",
     "if (erased(buf, len))", "if (!len && erased(buf, len))", "qkdd_file"),
    ("two links have one pad", "tools/qkdd/driver_file_pad.c",
     "if (flock(p->fd, LOCK_EX | LOCK_NB)) {",
     "if (flock(p->fd, LOCK_UN)) {", "qkdd_file"),
    ("a store's tags are not checked", "tools/pad/format.c",
     "	       -EBADMSG : 0;", "	       0 : 0;", "pad_format"),
    ("a store's key repeats after 64 GiB", "tools/pad/format.c",
     "put64(counter + 8, at / 16);", "put64(counter + 8, (uint32_t)(at / 16));",
     "pad_format"),
    ("a pad ends at 4 GiB", "tools/qkdd/driver_file_pad.c",
     "if (pread(p->fd, buf, len, p->begin + at) != (ssize_t)len)",
     "if (pread(p->fd, buf, len, p->begin + (uint32_t)at) != (ssize_t)len)",
     "pad_large"),
    ("so does the place in it", "tools/pad/format.c",
     "put64(buf + 16, p->used);", "put64(buf + 16, (uint32_t)p->used);",
     "pad_large"),
]

KERNEL = [
    ("a guaranteed rate is nobody's", "kmod/otp/fair.c",
     "*owed = u->rate && u->credit >= len * USEC;", "*owed = false;",
     "otp_call"),
    ("packets that lack key are dropped", "kmod/otp/send.c",
     "		return NETDEV_TX_BUSY;", "		goto drop;", "otp_call"),
    ("IPsec policies are not asked", "kmod/otp/socket.c",
     "		.flowi4_proto = IPPROTO_UDP,\n", "", "otp_policy"),
    ("a refused setting binds the device", "kmod/otp/device.c",
     "			otp_attach_end(t);\n			t->cfg = before;\n",
     "", "otp_stack"),
    ("a name has one account", "kmod/otp/attach.c",
     "if (c != ERR_PTR(-EEXIST))", "if (c)", "otp_stack"),
    ("a group is a peer", "kmod/otp/device.c",
     "ipv6_addr_is_multicast(nla_data(a))", "!nla_data(a)", "otp_stack"),
    ("whoever has the device has the link", "kmod/otp/device.c",
     "if (!t->net || ns_capable(t->net->user_ns, CAP_NET_ADMIN))",
     "if (extack)", "otp_stack"),
    ("a device's memory is nobody's", "kmod/otp/pad.c",
     "kvmalloc(OTP_BATCH_ROOM, GFP_KERNEL_ACCOUNT)",
     "kvmalloc(OTP_BATCH_ROOM, GFP_KERNEL)", "otp_stack"),
    ("counters stand still", "kmod/otp/receive.c",
     "		dev_sw_netstats_rx_add(t->dev, len);", "		;", "otp_stack"),
    ("sockets follow the device", "kmod/otp/socket.c",
     "s = sock_new(t->net, t->cfg.port, extack);",
     "s = sock_new(dev_net(t->dev), t->cfg.port, extack);", "otp_netns"),
    ("both ends in one namespace are one", "kmod/otp/attach.c",
     "if (g->id == id && g->port == port &&", "if (g->id == id &&",
     "otp_netns"),
    ("nobody roams", "kmod/otp/receive.c",
     "	otp_endpoint_learn(t, skb, g->epoch, info->offset);\n", "",
     "otp_netns"),
    ("padding is left out", "kmod/otp/send.c",
     "return otp_padded_len(len, READ_ONCE(t->cfg.pad_to),",
     "return otp_padded_len(len, READ_ONCE(t->cfg.pad_to) / 2,",
     "otp_ping"),
    ("unused pad stays", "kmod/otp/pad.c",
     "	schedule_delayed_work(&t->stale, OTP_BATCH_AGE);\n	join(",
     "	join(", "otp_ping"),
    ("pad for the MTU is thought to do", "kmod/otp/send.c",
     "*ensured = need && need <= min(most, OTP_BATCH_ROOM);",
     "*ensured = need && need + longest <= OTP_BATCH_ROOM;", "otp_starve"),
    ("a large packet waits for what never comes", "kmod/otp/send.c",
     "*ensured = need && need <= min(most, OTP_BATCH_ROOM);",
     "*ensured = need && need <= OTP_BATCH_ROOM;", "otp_starve"),
]

tree = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))


def run(cmd, cwd, seconds):
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(cmd, cwd=cwd, timeout=seconds, text=True,
                          env=dict(env, O="build"), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finds(copy, test):
    """Whether the test fails, or None if the mutant does not compile."""
    made = run(["make", "-f", "tools/Makefile", "build/tests/unit/" + test],
               copy, 300)
    if made.returncode:
        print(made.stdout[-2000:])
        return None
    return run(["build/tests/unit/" + test], copy, 120).returncode != 0


def finds_in_kernel(copy, test):
    made = run(["kmod/build.sh", "uml"], copy, 600)
    if made.returncode:
        print(made.stdout[-2000:])
        return None
    ran = run(["tests/vm/uml", "-t", "600", "-e", "QKD_SLOW=3",
               "tests/run", "kernel/" + test], copy, 700)
    for line in ran.stdout.splitlines():
        if line.lstrip().startswith(("not ok", "WARNING: ", "BUG: ")):
            print("#", line.strip())
    return ran.returncode != 0


def main():
    kernel = sys.argv[1:2] == ["-k"]
    wanted = sys.argv[1 + kernel:]
    mutants = [m for m in (KERNEL if kernel else MUTANTS)
               if not wanted or m[0] in wanted or m[-1] in wanted]
    find = finds_in_kernel if kernel else finds
    passed = failed = 0
    with tempfile.TemporaryDirectory() as tmp:
        copy = os.path.join(tmp, "tree")
        shutil.copytree(tree, copy, symlinks=True, ignore=lambda d, names: [
            n for n in names if n in (".git", "__pycache__") or
            n == "build" and not kernel])
        if kernel:
            made = run(["make", "-f", "tools/Makefile", "-j2", "tools",
                        "tests"], copy, 1200)
            if made.returncode:
                sys.exit(made.stdout[-2000:])
        for test in sorted({m[-1] for m in mutants}):
            if find(copy, test) is not False:
                print("not ok - %s fails on code that is not broken" % test)
                failed += 1
        for name, file, was, becomes, test in mutants:
            path = os.path.join(copy, file)
            with open(path) as f:
                right = f.read()
            if right.count(was) != 1:
                print("not ok - %s: %s has changed" % (name, file))
                failed += 1
                continue
            with open(path, "w") as f:
                f.write(right.replace(was, becomes))
            found = find(copy, test)
            with open(path, "w") as f:
                f.write(right)
            passed += bool(found)
            failed += not found
            print("%sok - %s: %s" % ("" if found else "not ", name,
                  "does not compile" if found is None else
                  "%s fails" % test if found else "%s PASSES" % test),
                  flush=True)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    sys.exit(bool(failed))


main()
