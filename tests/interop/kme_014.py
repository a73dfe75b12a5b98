#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ETSI GS QKD 014 by somebody else's client (PyPI: etsi-qkd-014-client).

    kme_014.py PKI-FOLDER PORT-A PORT-B

SAE a1 at KME a gets keys to share with b1, which fetches them from KME b. Prints what
came of it, a line each; an exception of the client is a failure. Exit status 4 where
there is no such client.
"""
import sys

try:
    from etsi_qkd_014_client.client import QKD014Client
    from etsi_qkd_014_client.data import DataError, DataKeyContainer, DataStatus
except ImportError:
    sys.exit(4)


def client(pki, sae, port):
    return QKD014Client(f"localhost:{port}", f"{pki}/{sae}.crt",
                        f"{pki}/{sae}.key", f"{pki}/ca.crt")


def pairs(answer):
    return [(k.key_id, k.key) for k in answer.keys]


pki, port_a, port_b = sys.argv[1:]
a = client(pki, "a1", port_a)
b = client(pki, "b1", port_b)

code, status = a.get_status("b1")
print("status", code, isinstance(status, DataStatus), status.source_kme_id,
      status.slave_sae_id, status.key_size, status.stored_key_count > 0)

code, given = a.get_key("b1")
print("one", code, isinstance(given, DataKeyContainer), len(given.keys))
code, got = b.get_key_with_key_IDs("a1", [k.key_id for k in given.keys])
print("same", code, pairs(got) == pairs(given))
code, got = b.get_key_with_key_IDs("a1", [k.key_id for k in given.keys])
print("once", code, isinstance(got, DataError), got.message)

code, given = a.get_key("b1", number=3, size=512)
print("three", code, len(given.keys), len(given.keys[0].key))
code, got = b.get_key_with_key_IDs("a1", [k.key_id for k in given.keys])
print("same", code, pairs(got) == pairs(given))
code, got = a.get_key("b1", size=7)
print("refused", code, isinstance(got, DataError), got.message)
