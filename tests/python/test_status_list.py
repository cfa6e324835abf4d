"""The issuer's Token Status Lists, read from the draft alone: base64, zlib and one signature."""

import base64
import json
import os
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request
import zlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from test_api import program

FOLDER = "/.well-known/portcullis/status-lists"


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read(), answer.headers["content-type"]


def status(uri, idx, jwks, now):
    """The status of an index, after every check that the draft asks for."""
    token, media_type = fetch(uri)
    assert media_type == "application/statuslist+jwt", media_type
    signed, _, signature = token.decode().rpartition(".")
    header, payload = (json.loads(decode(part)) for part in signed.split("."))
    assert header["typ"] == "statuslist+jwt" and header["alg"] == "EdDSA", header
    [key] = [key for key in jwks["keys"] if key["kid"] == header["kid"]]
    Ed25519PublicKey.from_public_bytes(decode(key["x"])).verify(decode(signature), signed.encode())
    assert payload["sub"] == uri and payload["iat"] <= now + 10 < payload["exp"], payload
    assert payload["ttl"] > 0, payload
    bits = payload["status_list"]["bits"]
    statuses = zlib.decompress(decode(payload["status_list"]["lst"]))
    assert bits in (1, 2, 4, 8) and len(statuses) == bits << 17, (bits, len(statuses))
    return statuses[idx * bits // 8] >> (idx * bits % 8) & ((1 << bits) - 1)


class StatusLists(unittest.TestCase):
    def test_say_what_was_done_to_each_key(self):
        portcullis = program()
        with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
            free.close()
            base = f"http://{address}{FOLDER}"
            env = {**os.environ, "PORTCULLIS_STATUS_LISTS": base, "PORTCULLIS_STATUS_TTL": "1s"}
            home = ["--home", os.path.join(folder, "home"), "--json"]

            def run(*arguments):
                done = subprocess.check_output([portcullis, *home, *arguments], env=env)
                return json.loads(done)

            run("init")
            run("keyring", "rotate", "--purpose", "status-list", "--now")
            keys = [run("keys", "create", "--title", str(at))["key"] for at in range(3)]
            run("keys", "revoke", keys[1]["id"])
            run("keys", "suspend", keys[2]["id"])
            serve = [portcullis, *home, "serve", "--listen", address, "--stamp-every", "100ms"]
            with subprocess.Popen(
                serve, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ) as server:
                try:
                    server.stdout.readline()
                    jwks = json.loads(fetch(f"{base}/jwks.json")[0])

                    def told():
                        references = [key["status"]["status_list"] for key in keys]
                        now = time.time()
                        return [status(r["uri"], r["idx"], jwks, now) for r in references]

                    self.assertEqual(told(), [0, 1, 2])
                    run("keys", "resume", keys[2]["id"])
                    run("keys", "revoke", keys[0]["id"])
                    deadline = time.monotonic() + 30
                    while told() != [1, 1, 0]:
                        self.assertLess(time.monotonic(), deadline, told())
                        time.sleep(0.05)
                    uris = json.loads(fetch(f"{base}/aggregation.json")[0])["status_lists"]
                    self.assertIn(keys[0]["status"]["status_list"]["uri"], uris)
                finally:
                    server.terminate()


if __name__ == "__main__":
    unittest.main()
