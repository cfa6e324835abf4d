"""Verifies cases of the vectors' shape, one JSON object a line on stdin, one verdict a line on stdout.

    {"verdict": "accepted" | "refused", "code": null | "...", "adopt": [null | "...", ...], "files": [...],
     "key": {...} | null}

`adopt` has the code, or null, of each bundle in order. A keyring that the verifier can't start with gives the
verdict "refused" with the code of that keyring, and an empty `adopt`. A case of a policy gives

    {"files": [null | "...", ...], "expect": {"verdict": "accepted", "rate_class": null | "..."}}

with the code, or null, of each file in order, or an `expect` as vectors have it for what is refused.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

import portcullis_assignment
import portcullis_policy
from portcullis import Refused, Verifier
from portcullis_policy import Named, Policies, Request

VISIBILITIES = {"public": portcullis_policy.PUBLIC, "private": portcullis_policy.PRIVATE}


def unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def verify(case: dict[str, Any]) -> dict[str, Any]:
    adopt, files = list[str | None](), list[str | None]()
    try:
        secrets = {entry["kid"]: unpadded(entry["secret"]) for entry in case["secrets"]}
        verifier = Verifier(unpadded(case["root"]), unpadded(case["keyring"]), secrets)
        for offer in case["adopt"]:
            try:
                verifier.adopt(unpadded(offer["bundle"]), offer["at_ms"])
                adopt.append(None)
            except Refused as refusal:
                adopt.append(refusal.code)
        for file in case.get("files", []):
            name = portcullis_assignment.Named(unpadded(file["digest"]), file["length"])
            try:
                verifier.files.offer(name, unpadded(file["bytes"]))
                files.append(None)
            except portcullis_assignment.Refused as refusal:
                files.append(refusal.code)
        key = verifier.verify(case["token"], case["now_ms"], case["kind"], case["environment"])
    except Refused as refusal:
        return {"verdict": "refused", "code": refusal.code, "adopt": adopt, "files": files, "key": None}
    return {"verdict": "accepted", "code": None, "adopt": adopt, "files": files, "key": key}


def decide_policy(case: dict[str, Any]) -> dict[str, Any]:
    policies, files = Policies(), list[str | None]()
    for offer in case["files"]:
        try:
            policies.offer(named(offer), bytes.fromhex(offer["bytes"]))
            files.append(None)
        except portcullis_policy.Refused as refusal:
            files.append(refusal.code)
    head, facts = case["directory"], case["request"]
    directory = None if head is None else named(head)
    request = Request(**{**facts, "scopes": tuple(facts["scopes"])})
    expect: dict[str, Any]
    try:
        rate_class = policies.decide(directory, VISIBILITIES[case["visibility"]], case["policy"], request)
        expect = {"verdict": "accepted", "rate_class": rate_class}
    except portcullis_policy.Refused as refusal:
        expect = {"verdict": "refused", "code": refusal.code}
        if refusal.file is not None:
            expect["file"] = refusal.file.hex()
    return {"files": files, "expect": expect}


def named(file: dict[str, Any]) -> Named:
    return Named(bytes.fromhex(file["digest"]), file["length"])


def verify_any(case: dict[str, Any]) -> dict[str, Any]:
    return decide_policy(case) if "policy" in case else verify(case)


def main() -> None:
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(verify_any(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
