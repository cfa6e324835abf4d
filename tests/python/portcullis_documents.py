"""The signed documents of Portcullis, from docs/keyring.md and docs/revocation-list.md alone.

Keyring, stamp, head and bundle are read here, and Ed25519 is made strict. Reading a document says nothing about
its signature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portcullis_sets import Malformed, Reader, TooNew

LABEL = re.compile(r"[a-z][a-z0-9]{0,15}")
RESERVED = re.compile(r"[a-z]k|live|test")
ALGORITHMS = {1: "hmac-sha256-128", 2: "ed25519"}
KEYRING_MAGIC = b"PCK\x01"
HMAC, ED25519 = 1, 2
TOKEN, ADMIN, LIST = 1, 2, 3
RETIRED = 4
SUSPENDED, REVOKED = 1, 2
OWNER, KID, ENVIRONMENT, SERIALS = 1, 2, 3, 4
FIELD, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, FIELD) % FIELD


def well_formed(condition: bool, what: str) -> None:
    if not condition:
        raise Malformed(what)


# Ed25519. OpenSSL computes [S]B - [k]A without the cofactor and compares its encoding with R; it checks that
# S < L. What it leaves open (the encoding of A, small orders) is checked here, and the rest once more.


def is_strict_point(encoded: bytes) -> bool:
    """Whether the 32 bytes are canonical and the order of what they spell, if it is a point, is not 1, 2, 4 or 8."""
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    if y >= FIELD:
        return False
    # Order 1 and 2: y is 1 or -1 (the only ones with x = 0, so a wrong sign of zero goes as well). Order 4: y is 0.
    # Order 8: the double has y = 0, hence y^2 = -x^2, which the curve turns into d*y^4 + 2*y^2 = 1.
    return y not in (0, 1, FIELD - 1) and (CURVE_D * pow(y, 4, FIELD) + 2 * y * y - 1) % FIELD != 0


@cache
def is_public_key(encoded: bytes) -> bool:
    y2 = (int.from_bytes(encoded, "little") & (2**255 - 1)) ** 2 % FIELD
    x2 = (y2 - 1) * pow(CURVE_D * y2 + 1, -1, FIELD) % FIELD
    return is_strict_point(encoded) and pow(x2, (FIELD - 1) // 2, FIELD) == 1


@cache
def ed25519_verifies(public_key: bytes, signature: bytes, message: bytes) -> bool:
    if len(signature) != 64 or not is_public_key(public_key) or not is_strict_point(signature[:32]):
        return False
    if int.from_bytes(signature[32:], "little") >= ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def signed_by(key: bytes, context: bytes, document: bytes) -> bool:
    return ed25519_verifies(key, document[-64:], context + document[:-64])


# Keyring


@dataclass(frozen=True)
class Signer:
    kid: int
    algorithm: int
    purpose: int
    environments: int
    kinds: int
    state: int
    not_before: int
    not_after: int
    key: bytes

    @classmethod
    def read(cls, reader: Reader) -> Signer:
        kid, algorithm, purpose = reader.number(2), reader.number(1), reader.number(1)
        environments, kinds, state = reader.number(1), reader.number(1), reader.number(1)
        not_before, not_after, key = reader.number(8), reader.number(8), reader.take(32)
        signer = cls(kid, algorithm, purpose, environments, kinds, state, not_before, not_after, key)
        well_formed(signer.algorithm in ALGORITHMS, "algorithm")
        well_formed(1 <= signer.purpose <= 5 and 1 <= signer.state <= 4, "purpose or state")
        if signer.purpose in (TOKEN, ADMIN):
            well_formed(1 <= signer.environments <= 3 and 1 <= signer.kinds <= 3, "environments or kinds")
        else:
            # A list signer's byte says what assignments may change.
            most = 15 if signer.purpose == LIST else 0
            well_formed(signer.environments == 0 and signer.kinds <= most, "environments or kinds")
        well_formed(signer.algorithm == ED25519 or signer.purpose == TOKEN, "HMAC for more than tokens")
        well_formed(signer.algorithm == HMAC or is_public_key(signer.key), "public key")
        return signer

    def counts_at(self, now_ms: int) -> bool:
        return self.state != RETIRED and self.not_before <= now_ms < self.not_after


@dataclass(frozen=True)
class Keyring:
    document: bytes
    issuer: bytes
    version: int
    not_after: int
    epoch: int
    longest_validity: int
    successor: bytes | None
    labels: tuple[str, ...]
    signers: dict[int, Signer]

    @classmethod
    @cache
    def decode(cls, data: bytes) -> Keyring:
        reader = Reader(data)
        reader.magic(KEYRING_MAGIC)
        issuer, version, not_after = reader.take(16), reader.number(4), reader.number(8)
        epoch, longest_validity, successor = reader.number(4), reader.number(4), reader.take(32)
        well_formed(successor == bytes(32) or is_public_key(successor), "successor")
        labels = list[str]()
        for _ in range(reader.number(1)):
            label = reader.take(reader.number(1)).decode("latin-1")
            is_label = LABEL.fullmatch(label) is not None and RESERVED.fullmatch(label) is None
            well_formed(label == "" or is_label, "label")
            labels.append(label)
        well_formed(1 <= len(labels) <= 4 and len(set(labels)) == len(labels), "labels")
        signers, least = dict[int, Signer](), 0
        for _ in range(reader.number(2)):
            signer = Signer.read(reader)
            well_formed(signer.kid >= least, "kids do not ascend")
            signers[signer.kid], least = signer, signer.kid + 1
        reader.take(64)
        reader.end()
        named = None if successor == bytes(32) else successor
        return cls(data, issuer, version, not_after, epoch, longest_validity, named, tuple(labels), signers)


# Revocation list


@dataclass(frozen=True)
class Stamp:
    document: bytes
    issuer: bytes
    kid: int
    epoch: int
    number: int
    this_update: int
    next_update: int
    head_digest: bytes
    head_length: int
    keyring_version: int

    @classmethod
    def decode(cls, data: bytes) -> Stamp:
        reader = Reader(data)
        reader.magic(b"PCS\x01")
        issuer, kid, epoch = reader.take(16), reader.number(2), reader.number(4)
        number, this_update, next_update = reader.number(8), reader.number(8), reader.number(8)
        digest, length, version = reader.take(32), reader.number(4), reader.number(4)
        reader.take(64)
        reader.end()
        return cls(data, issuer, kid, epoch, number, this_update, next_update, digest, length, version)


@dataclass(frozen=True, order=True)
class BulkEntry:
    scope: int
    first: int
    last: int
    state: int
    issued_from: int
    issued_before: int

    @classmethod
    def read(cls, reader: Reader) -> BulkEntry:
        scope, state, first, last = reader.number(1), reader.number(1), reader.number(6), reader.number(6)
        entry = cls(scope, first, last, state, reader.number(4), reader.number(4))
        well_formed(scope in (OWNER, KID, ENVIRONMENT, SERIALS) and state in (SUSPENDED, REVOKED), "bulk entry")
        well_formed(first <= last if scope == SERIALS else first == last, "bulk range")
        largest = {OWNER: 2**32 - 1, KID: 2**16 - 1, ENVIRONMENT: 2, SERIALS: 2**48 - 1}[scope]
        well_formed(last <= largest and (scope != ENVIRONMENT or first >= 1), "bulk range")
        well_formed(entry.issued_from < entry.issued_before, "bulk interval")
        return entry


@dataclass(frozen=True)
class Shard:
    body_length: int
    body_digest: bytes


@dataclass(frozen=True)
class Head:
    document: bytes
    issuer: bytes
    kid: int
    epoch: int
    number: int
    this_update: int
    shards: dict[int, Shard]
    bulk: tuple[BulkEntry, ...]
    policies: tuple[tuple[bytes, int], ...]  # digest and length of the public directory, and of the private one
    assignments: dict[int, tuple[bytes, int]]  # the same by type: 1 public, 2 private

    @classmethod
    @cache
    def decode(cls, data: bytes) -> Head:
        reader = Reader(data)
        reader.magic(b"PCH\x01")
        issuer, kid, epoch = reader.take(16), reader.number(2), reader.number(4)
        number, this_update = reader.number(8), reader.number(8)
        reader.take(32)  # the head before: a verifier doesn't follow the chain
        policies = tuple((reader.take(32), reader.number(4)) for _ in ("public", "private"))
        for digest, length in policies:
            well_formed((digest == bytes(32)) == (length == 0), "policies that are half there")
            well_formed(length <= 8192, "policies that are too long")
        directories, count = divmod(reader.number(4), 2**28)
        assignments, above = dict[int, tuple[bytes, int]](), 1
        for _ in range(directories):
            kind = reader.number(1)
            well_formed(kind >= above, "types do not ascend")
            if kind > 2:
                raise TooNew("a type of directory that is not known")
            digest, length = reader.take(32), reader.number(4)
            well_formed(digest != bytes(32) and 1 <= length <= 8192, "a directory that is none")
            assignments[kind], above = (digest, length), kind + 1
        shards, least = dict[int, Shard](), 0
        for _ in range(count):
            shard, length, digest = reader.number(4), reader.number(4), reader.take(32)
            well_formed(least <= shard < 2**28, "shards do not ascend or are out of range")
            shards[shard] = Shard(length, digest)
            least = shard + 1
        bulk = tuple(BulkEntry.read(reader) for _ in range(reader.number(4)))
        well_formed(all(a < b for a, b in zip(bulk, bulk[1:])), "bulk entries do not ascend")
        reader.take(64)
        reader.end()
        return cls(data, issuer, kid, epoch, number, this_update, shards, bulk, policies, assignments)


@dataclass(frozen=True)
class Bundle:
    keyring: bytes
    stamp: bytes
    head: bytes
    bodies: tuple[bytes, ...]

    @classmethod
    @cache
    def decode(cls, data: bytes) -> Bundle:
        reader = Reader(data)
        reader.magic(b"PCZ\x01")
        keyring, stamp, head = (reader.take(reader.number(4)) for _ in range(3))
        bodies = tuple(reader.take(reader.number(4)) for _ in range(reader.number(4)))
        reader.end()
        return cls(keyring, stamp, head, bodies)


@dataclass(frozen=True)
class Deployment:
    bundle: bytes
    policies: tuple[bytes, ...]

    @classmethod
    def decode(cls, data: bytes) -> Deployment:
        reader = Reader(data)
        reader.magic(b"PCG\x01")
        bundle = reader.take(reader.number(4))
        policies = tuple(reader.take(reader.number(4)) for _ in range(reader.number(4)))
        reader.end()
        return cls(bundle, policies)
