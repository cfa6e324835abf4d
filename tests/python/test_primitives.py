"""Other people's test vectors (tests/vectors/primitives), by the second verifier and by a third computation."""

from __future__ import annotations

import hmac
import json
import unittest
from collections import Counter
from typing import Any

from verify import unpadded
from portcullis import hmac_verifies
from portcullis_documents import ed25519_verifies
from primitives import FOLDER, REFUSED_FLAGS, TAG_BYTES, ed25519_refusal, secret_of

SIGNATURES = ("ed25519-wycheproof", "ed25519-cctv")


def vectors(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["vectors"]
    return loaded


class Ed25519(unittest.TestCase):
    def test_the_second_verifier_and_the_computation_give_each_verdict(self) -> None:
        verified = Counter[str]()
        for name in SIGNATURES:
            for vector in vectors(name):
                key, message, signature = (unpadded(vector[part]) for part in ("key", "message", "signature"))
                with self.subTest(f"{name} {vector['id']}"):
                    self.assertEqual(ed25519_verifies(key, signature, message), vector["accepted"])
                    self.assertEqual(ed25519_refusal(key, message, signature), vector["refused"])
                    self.assertEqual(vector["refused"] is None, vector["accepted"])
                verified[name] += 1
        self.assertEqual(verified, {"ed25519-wycheproof": 151, "ed25519-cctv": 914})

    def test_nothing_is_accepted_against_its_source(self) -> None:
        for vector in vectors("ed25519-wycheproof"):
            self.assertEqual(vector["accepted"], vector["theirs"] == "valid", vector["id"])
        for vector in vectors("ed25519-cctv"):
            self.assertEqual(vector["accepted"], REFUSED_FLAGS.isdisjoint(vector["flags"]), vector["id"])

    def test_each_part_of_the_rule_has_vectors(self) -> None:
        refused = Counter(vector["refused"] for name in SIGNATURES for vector in vectors(name))
        self.assertEqual(
            refused,
            {
                None: 131,
                "key_not_canonical": 226,
                "key_small_order": 300,
                "length": 12,
                "s_too_large": 17,
                "r_no_point": 10,
                "r_not_canonical": 181,
                "r_small_order": 113,
                "equation": 12,
                "equation_with_cofactor_alone": 63,
            },
        )


class Hmac(unittest.TestCase):
    def test_the_second_verifier_gives_each_verdict(self) -> None:
        verified = Counter[int]()
        for vector in vectors("hmac-sha256-wycheproof"):
            key, secret, message, tag = (unpadded(vector[part]) for part in ("key", "secret", "message", "tag"))
            with self.subTest(vector["id"]):
                self.assertEqual(secret_of(key), secret)
                for spelling in (key, secret):
                    self.assertEqual(hmac_verifies(spelling, message, tag[:TAG_BYTES]), vector["cut_accepted"])
                    whole = hmac.digest(spelling, message, "sha256")[: len(tag)] == tag
                    self.assertEqual(whole, vector["accepted"])
                self.assertEqual(vector["accepted"], vector["theirs"] == "valid")
                # What is cut off may have been all that was wrong, and nothing else makes the two differ.
                if len(tag) == TAG_BYTES:
                    self.assertEqual(vector["accepted"], vector["cut_accepted"])
            verified[8 * len(tag)] += 1
        self.assertEqual(verified, {128: 87, 256: 87})


if __name__ == "__main__":
    unittest.main()
