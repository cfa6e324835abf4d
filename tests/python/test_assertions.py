"""python3 -m unittest discover -s tests/python"""

from __future__ import annotations

import json
import unittest
from dataclasses import asdict
from functools import partialmethod
from pathlib import Path
from typing import Any

from verify import unpadded
from portcullis import Refused, Verifier
from portcullis_assertion import verify

VECTORS = sorted((Path(__file__).parent.parent / "vectors" / "assertion").glob("*.json"))


def verdict_of(case: dict[str, Any]) -> dict[str, Any]:
    keyring = Verifier(unpadded(case["root"]), unpadded(case["keyring"]), {}).keyring
    try:
        said = verify(case["assertion"], keyring, case["audience"], case["now_ms"])
    except Refused as refusal:
        return {"verdict": "refused", "code": refusal.code}
    return {"verdict": "accepted", "said": asdict(said)}


class Assertions(unittest.TestCase):
    """Has a test for each file as well."""

    def gets_its_verdict(self, path: Path) -> None:
        case: dict[str, Any] = json.loads(path.read_text("utf-8"))
        self.assertEqual(verdict_of(case), case["expect"])

    def test_the_vectors_are_there(self) -> None:
        self.assertGreater(len(VECTORS), 90)


for vector in VECTORS:
    setattr(Assertions, f"test_vector_{vector.stem}", partialmethod(Assertions.gets_its_verdict, vector))


if __name__ == "__main__":
    unittest.main()
