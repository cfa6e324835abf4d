"""Makes tests/vectors/primitives out of other people's test vectors; the README there says how and why.

    python tests/python/primitives.py WYCHEPROOF CCTV

The two are folders of Git repositories, of which the files are read as their HEAD has them. A verdict is found
twice: from what the source says of a vector, and by computation. The points are those of the package `ecdsa`, which
no verifier of Portcullis uses. Where the two verdicts differ nothing is written.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ecdsa.eddsa import curve_ed25519, generator_ed25519
from ecdsa.ellipticcurve import PointEdwards
from ecdsa.errors import MalformedPointError

FOLDER = Path(__file__).parent.parent / "vectors" / "primitives"
FIELD, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
SIGN = 2**255
TAG_BYTES, SECRET_BYTES, BLOCK_BYTES = 16, 32, 64
# Flags of CCTV that our rule refuses. With `low_order_residue` only the equation times 8 holds; `reencoded_k` is a
# signature for a k that no one computes.
REFUSED_FLAGS = {
    "low_order_A",
    "low_order_R",
    "non_canonical_A",
    "non_canonical_R",
    "low_order_residue",
    "reencoded_k",
}


def point_of(encoded: bytes) -> tuple[PointEdwards | None, str | None]:
    """The point, or why these 32 bytes are none that the rule takes."""
    number = int.from_bytes(encoded, "little")
    y, sign = number % SIGN % FIELD, number // SIGN
    try:
        point = PointEdwards.from_bytes(curve_ed25519, (y + sign * SIGN).to_bytes(32, "little"))
    except MalformedPointError:
        return None, "no_point"
    x = int(point.x())
    if number % SIGN >= FIELD or (x == 0 and sign == 1):
        return None, "not_canonical"
    return (None, "small_order") if is_small_order(x, y) else (point, None)


def is_small_order(x: int, y: int) -> bool:
    """Whether three doublings lead to the identity, by RFC 8032's complete formulas.

    The package `ecdsa` takes every point with x = 0 or y = 0 for the identity.
    """
    d = -121665 * pow(121666, -1, FIELD)
    for _ in range(3):
        product = d * x * x * y * y
        x, y = 2 * x * y * pow(1 + product, -1, FIELD) % FIELD, (y * y + x * x) * pow(1 - product, -1, FIELD) % FIELD
    return (x, y) == (0, 1)


def same(one: PointEdwards, other: PointEdwards) -> bool:
    return (int(one.x()), int(one.y())) == (int(other.x()), int(other.y()))


def ed25519_refusal(key: bytes, message: bytes, signature: bytes) -> str | None:
    """The first of the rule's parts that refuses the signature, in the order of the README."""
    a, why = point_of(key)
    if a is None:
        return f"key_{why}"
    if len(signature) != 64:
        return "length"
    s = int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        return "s_too_large"
    r, why = point_of(signature[:32])
    if r is None:
        return f"r_{why}"
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    if s == 0 or k == 0:
        raise ValueError("the package `ecdsa` has no identity that it could compare")
    # Not reduced modulo the order for A, which may have a part of small order.
    left, right = generator_ed25519 * s, r + PointEdwards.from_bytes(curve_ed25519, key) * k
    if same(left, right):
        return None
    return "equation_with_cofactor_alone" if same(left * 8, right * 8) else "equation"


def secret_of(key: bytes) -> bytes:
    """32 bytes for which HMAC-SHA256 is the same function: HMAC hashes a key above its block and pads any with zeros."""
    short = hashlib.sha256(key).digest() if len(key) > BLOCK_BYTES else key
    if len(short) > SECRET_BYTES:
        raise ValueError("no 32 bytes stand for a key of 33 to 64")
    return short.ljust(SECRET_BYTES, b"\0")


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def ed25519_vector(identity: int, parts: tuple[bytes, bytes, bytes], said: dict[str, Any], takes: bool) -> dict[str, Any]:
    key, message, signature = parts
    refusal = ed25519_refusal(key, message, signature)
    if takes != (refusal is None):
        raise ValueError(f"vector {identity}: the source says {takes}, computed is {refusal}")
    return {
        "id": identity,
        **said,
        "key": text(key),
        "message": text(message),
        "signature": text(signature),
        "accepted": refusal is None,
        "refused": refusal,
    }


def wycheproof_ed25519(source: Any) -> list[dict[str, Any]]:
    vectors = list[dict[str, Any]]()
    for group in source["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            parts = (key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            said = {"theirs": case["result"], "flags": case["flags"]}
            vectors.append(ed25519_vector(case["tcId"], parts, said, case["result"] == "valid"))
    return vectors


def cctv_ed25519(source: Any) -> list[dict[str, Any]]:
    vectors = list[dict[str, Any]]()
    for case in source:
        flags = case["flags"] or []
        parts = (bytes.fromhex(case["key"]), case["msg"].encode(), bytes.fromhex(case["sig"]))
        vectors.append(ed25519_vector(case["number"], parts, {"flags": flags}, REFUSED_FLAGS.isdisjoint(flags)))
    return vectors


def wycheproof_hmac(source: Any) -> list[dict[str, Any]]:
    vectors = list[dict[str, Any]]()
    for group in source["testGroups"]:
        for case in group["tests"]:
            key, message, tag = (bytes.fromhex(case[name]) for name in ("key", "msg", "tag"))
            secret, digest = secret_of(key), hmac.digest(key, message, "sha256")
            accepted = digest[: len(tag)] == tag
            if accepted != (case["result"] == "valid") or hmac.digest(secret, message, "sha256") != digest:
                raise ValueError(f"vector {case['tcId']}: not what the source says")
            vectors.append(
                {
                    "id": case["tcId"],
                    "theirs": case["result"],
                    "flags": case["flags"],
                    "key": text(key),
                    "secret": text(secret),
                    "message": text(message),
                    "tag": text(tag),
                    "accepted": accepted,
                    "cut_accepted": digest[:TAG_BYTES] == tag[:TAG_BYTES],
                }
            )
    return vectors


WYCHEPROOF = {"name": "Wycheproof", "url": "https://github.com/C2SP/wycheproof", "licence": "Apache-2.0"}
CCTV = {"name": "CCTV", "url": "https://github.com/C2SP/CCTV", "licence": "BSD-3-Clause"}
FILES = [
    ("ed25519-wycheproof", WYCHEPROOF, "testvectors_v1/ed25519_test.json", wycheproof_ed25519),
    ("ed25519-cctv", CCTV, "ed25519/ed25519vectors.json", cctv_ed25519),
    ("hmac-sha256-wycheproof", WYCHEPROOF, "testvectors_v1/hmac_sha256_test.json", wycheproof_hmac),
]


def git(folder: str, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True).stdout


def write(name: str, source: dict[str, str], vectors: list[dict[str, Any]]) -> None:
    """One vector a line, so that a change to one is a change to a line."""
    lines = ",\n".join("    " + json.dumps(vector) for vector in vectors)
    head = json.dumps(source, indent=2).replace("\n", "\n  ")
    (FOLDER / f"{name}.json").write_text(f'{{\n  "source": {head},\n  "vectors": [\n{lines}\n  ]\n}}\n', "utf-8")


def main(wycheproof: str, cctv: str) -> None:
    made = list[tuple[str, dict[str, str], list[dict[str, Any]]]]()
    for name, source, path, convert in FILES:
        folder = wycheproof if source is WYCHEPROOF else cctv
        document = git(folder, "show", f"HEAD:{path}")
        commit = git(folder, "rev-parse", "HEAD").decode().strip()
        facts = {**source, "file": path, "commit": commit, "sha256": hashlib.sha256(document).hexdigest()}
        made.append((name, facts, convert(json.loads(document))))
    for each in made:
        write(*each)


if __name__ == "__main__":
    main(*sys.argv[1:])
