#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""other_kme.py PORT CERT KEY CA DIR [FAULT]: a key management entity of ETSI GS
QKD 014, written from the standard alone, to test clients against. Two that are
given the same DIR hand the same keys out. FAULT: lie (another key under the
ID), late (keys come a second late at the other), reverse (containers turned
round), empty (503)."""
import base64, http.server, json, os, re, ssl, sys, time, uuid

port, cert, key, ca, folder = sys.argv[1:6]
fault = sys.argv[6] if len(sys.argv) > 6 else ""


class Kme(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, what):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        with open(os.path.join(folder, "log"), "a") as f:
            f.write(f"{port} {self.command} {self.path} {status}\n")

    def caller(self):
        for part in self.connection.getpeercert()["subject"]:
            for name, value in part:
                if name == "commonName":
                    return value

    def do_GET(self):
        if not re.fullmatch(r"/api/v1/keys/[^/]+/status", self.path):
            return self.answer(404, {"message": "no such thing"})
        self.answer(200, {"source_KME_ID": "x", "target_KME_ID": "y",
                          "master_SAE_ID": self.caller(),
                          "slave_SAE_ID": self.path.split("/")[4],
                          "key_size": 256, "stored_key_count": 1000,
                          "max_key_count": 1000, "max_key_per_request": 50,
                          "max_key_size": 1024, "min_key_size": 64,
                          "max_SAE_ID_count": 0})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        other = self.path.split("/")[4]
        if fault == "empty":
            return self.answer(503, {"message": "no key"})
        if self.path.endswith("/enc_keys"):
            self.enc(asked, other)
        else:
            self.dec(asked, other)

    def enc(self, asked, slave):
        if asked["number"] > 50 or asked["size"] % 8:
            return self.answer(400, {"message": "size shall be a multiple of 8"})
        keys = []
        for _ in range(asked["number"]):
            name, bits = str(uuid.uuid4()), os.urandom(asked["size"] // 8)
            path = os.path.join(folder, name)
            with open(path + ".new", "wb") as f:
                f.write(f"{self.caller()} {slave}\n".encode() + bits)
            os.rename(path + ".new", path)
            keys.append({"key_ID": name, "key": base64.b64encode(bits).decode()})
        self.answer(200, {"keys": keys})

    def dec(self, asked, master):
        paths = [os.path.join(folder, k["key_ID"]) for k in asked["key_IDs"]]
        for p in paths:
            if not os.path.exists(p) or (fault == "late" and
                                         time.time() - os.stat(p).st_mtime < 0.6):
                return self.answer(400, {"message": "one or more keys specified are not found on KME"})
        keys = []
        for p in paths:
            pair, bits = open(p, "rb").read().split(b"\n", 1)
            if pair.decode() != f"{master} {self.caller()}":
                return self.answer(401, {})
            os.unlink(p)
            if fault == "lie":
                bits = bytes([bits[0] ^ 1]) + bits[1:]
            keys.append({"key_ID": os.path.basename(p), "key": base64.b64encode(bits).decode()})
        self.answer(200, {"keys": keys[::-1] if fault == "reverse" else keys})


ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.minimum_version = ssl.TLSVersion.TLSv1_2
ctx.load_cert_chain(cert, key)
ctx.load_verify_locations(ca)
ctx.verify_mode = ssl.CERT_REQUIRED
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Kme)
server.socket = ctx.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
