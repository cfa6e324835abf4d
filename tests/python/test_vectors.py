"""python3 -m unittest discover -s tests/python"""

from __future__ import annotations

import itertools
import json
import random
import unittest
from collections import Counter
from functools import partialmethod
from pathlib import Path
from typing import Any

from verify import decide_policy, unpadded, verify
from portcullis import Refused, Verifier
from portcullis_documents import ed25519_verifies, is_public_key, is_strict_point
from portcullis_sets import Body, Malformed, Reader, read_dense, read_set, write_dense, write_set

FOLDER = Path(__file__).parent.parent / "vectors"
VECTORS = sorted(FOLDER.glob("*.json"))
ASSIGNMENTS = sorted((FOLDER / "assignment").glob("*.json"))
POLICIES = sorted((Path(__file__).parent.parent / "vectors" / "policy").glob("*.json"))

MESSAGE = b"portcullis"
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]
NOT_CANONICAL = [
    "0100000000000000000000000000000000000000000000000000000000000080",  # 1 with the sign of a zero
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",  # -1 with the sign of a zero
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # 0 as p
    "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # 3, a point of large order, as p + 3
]


class Vectors(unittest.TestCase):
    """Has a test for each file as well, see below."""

    def gets_its_verdict(self, path: Path) -> None:
        case: dict[str, Any] = json.loads(path.read_text("utf-8"))
        expect = case.pop("expect")
        verdict = verify(case)
        self.assertEqual(verdict["adopt"], [offer["refused"] for offer in case["adopt"]])
        self.assertEqual(verdict["files"], [offer["refused"] for offer in case.get("files", [])])
        self.assertEqual(verdict["verdict"], expect["verdict"])
        self.assertEqual(verdict["code"], expect.get("code"))
        self.assertEqual(verdict["key"], expect.get("key"))

    def test_the_vectors_are_there(self) -> None:
        self.assertGreater(len(VECTORS), 125)
        self.assertGreater(len(ASSIGNMENTS), 100)

    def test_a_bundle_with_any_byte_changed_is_refused(self) -> None:
        case = json.loads((VECTORS[0].parent / "list-dense-kept.json").read_text("utf-8"))
        root, keyring, bundle = (unpadded(text) for text in (case["root"], case["keyring"], case["adopt"][0]["bundle"]))
        for at in random.Random(1).sample(range(len(bundle)), 100) + list(range(len(bundle) - 60, len(bundle))):
            flipped = bundle[:at] + bytes([bundle[at] ^ 1 << at % 8]) + bundle[at + 1 :]
            verifier = Verifier(root, keyring, {})
            with self.subTest(at), self.assertRaises(Refused):
                verifier.adopt(flipped, case["adopt"][0]["at_ms"])
            self.assertIsNone(verifier.held)


for vector in VECTORS + ASSIGNMENTS:
    test = f"test_vector_{vector.parent.name}_{vector.stem}"
    setattr(Vectors, test, partialmethod(Vectors.gets_its_verdict, vector))


class Policies(unittest.TestCase):
    """Has a test for each file as well."""

    def gets_its_verdict(self, path: Path) -> None:
        case: dict[str, Any] = json.loads(path.read_text("utf-8"))
        expect = case.pop("expect")
        files = [offer["refused"] for offer in case["files"]]
        self.assertEqual(decide_policy(case), {"files": files, "expect": expect})

    def test_the_vectors_are_there(self) -> None:
        self.assertGreater(len(POLICIES), 400)


for vector in POLICIES:
    setattr(Policies, f"test_vector_{vector.stem}", partialmethod(Policies.gets_its_verdict, vector))


def form(count: int, capacity: int) -> str:
    return "gaps" if 4 * count <= capacity else "inverted" if 4 * (capacity - count) <= capacity else "dense"


class Sets(unittest.TestCase):
    def refused_or_canonical(self, data: bytes, capacity: int) -> None:
        """No bytes decode to a set that is written in another way."""
        reader = Reader(data)
        try:
            slots = read_set(reader, capacity)
        except Malformed:
            return
        self.assertEqual(write_set(slots, capacity), data[: reader.at])

    def test_random_sets_come_back(self) -> None:
        chance, forms = random.Random(20260101), Counter[str]()
        for _ in range(200):
            capacity = chance.randint(1, 400)
            slots = frozenset(chance.sample(range(capacity), chance.randint(0, capacity)))
            forms[form(len(slots), capacity)] += 1
            encoded = write_set(slots, capacity)
            reader = Reader(encoded)
            self.assertEqual(read_set(reader, capacity), slots)
            reader.end()
            for length in range(len(encoded)):
                with self.assertRaises(Malformed):
                    read_set(Reader(encoded[:length]), capacity)
            for bit in range(8 * len(encoded)):
                flipped = bytearray(encoded)
                flipped[bit // 8] ^= 1 << bit % 8
                self.refused_or_canonical(bytes(flipped), capacity)
        self.assertTrue(all(forms[name] >= 30 for name in ("gaps", "inverted", "dense")), forms)

    def test_all_sets_of_small_capacities_come_back(self) -> None:
        for capacity in range(1, 10):
            for members in itertools.product((False, True), repeat=capacity):
                slots = frozenset(itertools.compress(range(capacity), members))
                encoded = write_set(slots, capacity)
                reader = Reader(encoded)
                self.assertEqual(read_set(reader, capacity), slots)
                reader.end()

    def test_all_short_codes_are_refused_or_canonical(self) -> None:
        for capacity, count in ((12, 0), (12, 1), (12, 2), (12, 3), (12, 10), (300, 1), (300, 299)):
            for tail in range(2**13):
                self.refused_or_canonical(count.to_bytes(4, "big") + tail.to_bytes(2, "little"), capacity)

    def test_a_wide_capacity(self) -> None:
        chance, capacity = random.Random(7), 2**20
        for count in (1, 3, 1000, capacity - 1000, capacity - 1, capacity):
            slots = frozenset(chance.sample(range(capacity), count))
            self.assertEqual(read_set(Reader(write_set(slots, capacity)), capacity), slots)

    def test_a_dense_set_has_no_second_spelling_for_a_reader_that_wraps(self) -> None:
        capacity, count = 400, 150
        canonical = write_dense(range(230, 380), capacity)
        self.assertEqual(read_dense(Reader(canonical), capacity, count), list(range(230, 380)))
        # The first range ends below 2^64 - 1. Past it `above` grows to 2^64 with the eighth byte that is shifted in.
        self.assertEqual(canonical[:8], bytes.fromhex("fffffffffffffffe"))
        second = bytes.fromhex("ffffffffffffffff") + canonical[8:]
        with self.assertRaises(Malformed):
            read_dense(Reader(second), capacity, count)


class Bodies(unittest.TestCase):
    def test_random_bodies_come_back_and_broken_ones_do_not(self) -> None:
        chance = random.Random(3)
        for _ in range(60):
            capacity = chance.randint(1, 120)
            slots = chance.sample(range(capacity), capacity)
            first, second = sorted(chance.randint(0, capacity) for _ in range(2))
            timed = {slot: chance.randrange(2**32) for slot in slots[first:] if chance.random() < 0.2}
            assigned = frozenset(chance.sample(range(capacity), chance.choice((0, 0, 1, capacity // 2))))
            body = Body(capacity, frozenset(slots[:first]), frozenset(slots[first:second]), timed, assigned)
            encoded = body.encode()
            self.assertEqual(Body.decode(encoded), body)
            for broken in [encoded[:length] for length in range(len(encoded))] + [encoded + b"\0"]:
                with self.assertRaises(Malformed):
                    Body.decode(broken)
            for bit in range(8 * len(encoded)):
                flipped = bytearray(encoded)
                flipped[bit // 8] ^= 1 << bit % 8
                try:
                    self.assertEqual(Body.decode(bytes(flipped)).encode(), bytes(flipped))
                except Malformed:
                    continue

    def test_a_slot_is_not_revoked_and_more(self) -> None:
        for suspended, timed in (({5}, {}), (set(), {5: 0})):
            with self.assertRaises(Malformed):
                Body.decode(Body(100, frozenset({5}), frozenset(suspended), timed).encode())
        Body.decode(Body(100, frozenset(), frozenset({5}), {5: 0}).encode())


class Strictness(unittest.TestCase):
    def test_small_orders_and_second_spellings(self) -> None:
        for encoded in SMALL_ORDER + NOT_CANONICAL:
            self.assertFalse(is_strict_point(bytes.fromhex(encoded)), encoded)
            self.assertFalse(is_public_key(bytes.fromhex(encoded)), encoded)
        self.assertTrue(is_strict_point((3).to_bytes(32, "little")))

    def test_the_equation_is_the_cofactorless_one(self) -> None:
        key = "7767a3242dc9b58bbc68488c1265cc6cc5f26c6f3c88a5d55e901b0734dca572"
        mixed_r = (
            "6999d5cb5126005c325892f1c6eab824b310708befff12fbaf45dda050cb12f0"
            "ddb9605d1164c8a6e0ce502a936160341365f03ffac3257725a4a036de159d0d"
        )
        self.assertFalse(ed25519_verifies(bytes.fromhex(key), bytes.fromhex(mixed_r), MESSAGE))
        mixed_key = "6a84d583f06569edb3f5ed77df65544b27d6948b4f0b2cb76f33dd8413b20719"
        for verifies, signature in (
            (
                False,
                "7db0dc9222f3c183457ddde4c708de8e5ea6bf3d5c4404cca14b32729a05c32a"
                "c219dd4aa7c5d9acde1b34d80816b538d010bb961efbf093907e12ec341fe009",
            ),
            (
                True,  # k is a multiple of 8, so that the equation holds without the cofactor
                "e845a55444fa5ef7b57be6206924fab114f3f999ca7630923a87908b765b077a"
                "0df2f902f97c699dfbb59c6a74dd675a413d2cc458725ba331532a67369ffa08",
            ),
        ):
            self.assertEqual(ed25519_verifies(bytes.fromhex(mixed_key), bytes.fromhex(signature), MESSAGE), verifies)


if __name__ == "__main__":
    unittest.main()
