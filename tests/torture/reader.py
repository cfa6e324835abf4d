"""Reads what an issuer has published, for the campaign: the independent verifier, kept running.

One JSON object a line on stdin, one answer a line on stdout, under the same `id`. A `read` gives stamp and keyring,
and the files that the reader may lack; the answer names those that it lacks, or says what the list is and what it
says of each token, after all of its signatures and digests were checked by a verifier that held nothing before.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

from portcullis import Refused, Token, Verifier  # noqa: E402
from portcullis_documents import Bundle, Head, Stamp, ed25519_verifies  # noqa: E402
from portcullis_sets import Body, Malformed  # noqa: E402

# Where a head names the one before: behind magic, issuer, kid, epoch, number and this update.
PREVIOUS = slice(42, 74)
# What has been read is remembered by the verifier, and forgotten after so many lists.
FORGET_AFTER = 200
MOST_FILES = 400


def unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


class Site:
    """An issuer as a verifier is told of it, the files that were seen of it, and its tokens."""

    def __init__(self, root: bytes, secrets: dict[int, bytes]) -> None:
        self.root, self.secrets = root, secrets
        self.files = dict[str, bytes]()
        self.tokens = dict[str, tuple[str, Token]]()
        self.reads = 0

    def lacks(self, stamp: Stamp) -> list[str]:
        head = stamp.head_digest.hex()
        if head not in self.files:
            return [f"heads/{head}"]
        bodies = {line.body_digest.hex() for line in Head.decode(self.files[head]).shards.values()}
        return [f"bodies/{digest}" for digest in sorted(bodies) if digest not in self.files]

    def read(self, ask: dict[str, Any]) -> dict[str, Any]:
        for file in ask["files"]:
            data = unpadded(file)
            self.files[hashlib.sha256(data).hexdigest()] = data
        document = unpadded(ask["stamp"])
        try:
            stamp = Stamp.decode(document)
            lacking = self.lacks(stamp)
        except Malformed as error:
            return {"refused": f"unreadable: {error}"}
        if lacking:
            return {"lacks": lacking}
        head = self.files[stamp.head_digest.hex()]
        named = {line.body_digest.hex() for line in Head.decode(head).shards.values()}
        bundle = Bundle(unpadded(ask["keyring"]), document, head, tuple(self.files[digest] for digest in sorted(named)))
        try:
            verifier = Verifier(self.root, bundle.keyring, self.secrets)
            verifier.adopt_list(bundle, ask["at_ms"])
        except Refused as refusal:
            return {"refused": refusal.code, **self.marks(stamp)}
        answer = {
            **self.marks(stamp),
            "previous": head[PREVIOUS].hex(),
            "keyring_version": verifier.keyring.version,
            "says": {name: self.says(verifier, name, ask["at_ms"], False) for name in ask["verify"]},
            "whole": {name: self.says(verifier, name, ask["at_ms"], True) for name in ask["whole"]},
        }
        self.reads += 1
        if self.reads % FORGET_AFTER == 0:
            for remembered in (Head.decode, Body.decode, Bundle.decode, ed25519_verifies):
                remembered.cache_clear()
        # Those that were used last stay: others may be on their way to be read.
        for digest in (stamp.head_digest.hex(), *named):
            self.files[digest] = self.files.pop(digest)
        while len(self.files) > MOST_FILES:
            del self.files[next(iter(self.files))]
        return answer

    def marks(self, stamp: Stamp) -> dict[str, Any]:
        return {
            "epoch": stamp.epoch,
            "number": stamp.number,
            "this_update": stamp.this_update,
            "next_update": stamp.next_update,
            "head": stamp.head_digest.hex(),
        }

    def says(self, verifier: Verifier, name: str, now_ms: int, whole: bool) -> str:
        text, token = self.tokens[name]
        try:
            if whole:
                verifier.verify(text, now_ms, None, None)
            else:
                assert verifier.held is not None
                verifier.held.check(token, now_ms)
                if token.expires_at != 0 and now_ms >= token.expires_at * 1000:
                    return "expired"
        except Refused as refusal:
            return refusal.code
        return "accepted"


def main() -> None:
    sites = dict[str, Site]()
    for line in sys.stdin:
        ask = json.loads(line)
        answer: dict[str, Any] = {}
        if ask["op"] == "site":
            secrets = {entry["kid"]: unpadded(entry["secret"]) for entry in ask["secrets"]}
            sites[ask["site"]] = Site(unpadded(ask["root"]), secrets)
        elif ask["op"] == "token":
            token = Token.decode(ask["token"])
            sites[ask["site"]].tokens[ask["name"]] = (ask["token"], token)
            answer = {"serial": token.serial}
        elif ask["op"] == "forget":
            for name in ask["names"]:
                sites[ask["site"]].tokens.pop(name, None)
        else:
            answer = sites[ask["site"]].read(ask)
        print(json.dumps({"id": ask["id"], **answer}), flush=True)


if __name__ == "__main__":
    main()
