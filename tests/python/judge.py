"""Judges cases of the vectors' shape, one JSON object a line on stdin, one verdict a line on stdout.

    {"verdict": "accepted" | "refused", "code": null | "...", "adopt": [null | "...", ...], "key": {...} | null}

`adopt` has the code, or null, of each bundle in order. A keyring that the verifier can't start with gives the
verdict "refused" with the code of that keyring, and an empty `adopt`.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from portcullis import Refused, Verifier


def unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def judge(case: dict[str, Any]) -> dict[str, Any]:
    adopt = list[str | None]()
    try:
        secrets = {entry["kid"]: unpadded(entry["secret"]) for entry in case["secrets"]}
        verifier = Verifier(unpadded(case["root"]), unpadded(case["keyring"]), secrets)
        for offer in case["adopt"]:
            try:
                verifier.adopt(unpadded(offer["bundle"]), offer["at_ms"])
                adopt.append(None)
            except Refused as refusal:
                adopt.append(refusal.code)
        key = verifier.verify(case["token"], case["now_ms"], case["kind"], case["environment"])
    except Refused as refusal:
        return {"verdict": "refused", "code": refusal.code, "adopt": adopt, "key": None}
    return {"verdict": "accepted", "code": None, "adopt": adopt, "key": key}


def main() -> None:
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(judge(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
