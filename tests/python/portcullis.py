"""A second Portcullis verifier, written from docs/token.md, docs/keyring.md, docs/revocation-list.md and
docs/assignment.md alone.

It shares no code with the other one, so that a disagreement between the two shows a fault in one of them or in
the specs. It is meant for tests: it is neither fast nor careful with memory, and it remembers what it has read.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import portcullis_assignment
from portcullis_assignment import Assignment, Files, Named, needed
from portcullis_documents import (
    ALGORITHMS,
    ED25519,
    ENVIRONMENT,
    KEYRING_MAGIC,
    KID,
    LIST,
    OWNER,
    RESERVED,
    REVOKED,
    SERIALS,
    SUSPENDED,
    TOKEN,
    Bundle,
    Head,
    Keyring,
    Signer,
    Stamp,
    BulkEntry,
    ed25519_verifies,
    signed_by,
)
from portcullis_sets import Body, Malformed, Reader, TooNew

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX = re.compile(r"(?:(?P<label>[a-z][a-z0-9]{0,15})_)?(?P<kind>[spa]k)_(?P<environment>live|test)_")
KINDS = {1: "secret", 2: "publishable"}
ADMIN_KEY = 3
ENVIRONMENTS = {1: "live", 2: "test"}
KIND_OF_PREFIX, ENVIRONMENT_OF_PREFIX = {"sk": 1, "pk": 2, "ak": ADMIN_KEY}, {"live": 1, "test": 2}
CLOCK_SKEW_MS = 10_000


class Refused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def require(condition: bool, code: str) -> None:
    if not condition:
        raise Refused(code)


@contextmanager
def unreadable(code: str) -> Iterator[None]:
    """Whatever is not in its one form is refused with this code; what is too new has its own."""
    try:
        yield
    except TooNew as error:
        raise Refused("list_too_new") from error
    except Malformed as error:
        raise Refused(code) from error


def base62(data: bytes) -> str:
    text = ""
    for at in range(0, len(data), 8):
        group = int.from_bytes(data[at : at + 8], "big")
        text += "".join(BASE62[group // 62**place % 62] for place in range(10, -1, -1))
    return text


def fmix32(word: int) -> int:
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        word = (word ^ word >> shift) * factor % 2**32
    return word ^ word >> 16


def unmasked(sent: bytes, seed: bytes) -> bytes:
    states = [(int.from_bytes(seed, "big") + step * 0x9E3779B9) % 2**32 for step in range(1, 8)]
    mask = b"".join(fmix32(state).to_bytes(4, "big") for state in states)
    return bytes(one ^ other for one, other in zip(sent, mask, strict=True))


def hmac_verifies(secret: bytes, message: bytes, tag: bytes) -> bool:
    return hmac.compare_digest(hmac.digest(secret, message, "sha256")[:16], tag)


@dataclass(frozen=True)
class Token:
    prefix: str
    label: str
    kind: int
    environment: int
    signed: bytes
    proof: bytes
    kid: int
    serial: int
    issued_at: int
    expires_at: int
    owner: int
    policy: int

    @classmethod
    def decode(cls, text: str) -> Token:
        require(text != "", "malformed_empty")
        require(len(text.encode("utf-8", "surrogatepass")) <= 157, "malformed_too_long")
        require(re.fullmatch(r"[0-9A-Za-z_]*", text) is not None, "malformed_character")
        before, underscore, coded = text.rpartition("_")
        prefix = PREFIX.fullmatch(before + underscore)
        if prefix is None or (prefix["label"] is not None and RESERVED.fullmatch(prefix["label"])):
            raise Refused("malformed_prefix")
        require(len(coded) == 132 or (len(coded) == 66 and prefix["kind"] != "ak"), "malformed_length")
        data = b""
        for at in range(0, len(coded), 11):
            group = sum(BASE62.index(digit) * 62 ** (10 - place) for place, digit in enumerate(coded[at : at + 11]))
            require(group < 2**64, "malformed_overflow")
            data += group.to_bytes(8, "big")
        sums = {zlib.crc32(prefix[0].encode("ascii") + data[:-4] + bytes([version])): version for version in range(1, 16)}
        version = sums.get(int.from_bytes(data[-4:], "big"))
        require(version is not None, "malformed_checksum")
        require(version == 1, "malformed_version")
        signed, proof = unmasked(data[:28], data[40:44]), data[28:-4]
        reader = Reader(signed)
        require(reader.number(1) == 1, "malformed_fields")
        kind, environment = divmod(reader.number(1), 16)
        kid, serial, _nonce, issued_at = reader.number(2), reader.number(6), reader.number(2), reader.number(4)
        expires_at, owner, policy = reader.number(4), reader.number(4), reader.number(4)
        require(kind == KIND_OF_PREFIX[prefix["kind"]], "malformed_fields")
        require(environment == ENVIRONMENT_OF_PREFIX[prefix["environment"]], "malformed_fields")
        require(expires_at == 0 or expires_at > issued_at, "malformed_fields")
        text_of, label = prefix[0], prefix["label"] or ""
        return cls(text_of, label, kind, environment, signed, proof, kid, serial, issued_at, expires_at, owner, policy)

    def message(self, issuer: bytes) -> bytes:
        binding = hashlib.sha256(b"portc1/bind" + issuer + self.prefix.encode("ascii")).digest()[:16]
        return b"portc1/tokn" + binding + self.signed

    def name(self, issuer: bytes) -> str:
        return "apk_" + base62(hashlib.sha256(b"portc1/name" + issuer + self.serial.to_bytes(8, "big")).digest()[:16])


def applies(entry: BulkEntry, token: Token) -> bool:
    subject = {OWNER: token.owner, KID: token.kid, ENVIRONMENT: token.environment, SERIALS: token.serial}
    no_bound = entry.issued_before == 2**32 - 1
    issued = entry.issued_from <= token.issued_at and (no_bound or token.issued_at < entry.issued_before)
    return issued and entry.first <= subject[entry.scope] <= entry.last


@dataclass(frozen=True)
class RevocationList:
    stamp: Stamp
    head: Head
    bodies: dict[int, Body]  # by shard

    def check(self, token: Token, now_ms: int) -> None:
        body, slot = self.bodies.get(token.serial >> 20), token.serial % 2**20
        bulk = {entry.state for entry in self.head.bulk if applies(entry, token)}
        timed = body is not None and slot in body.timed and now_ms >= body.timed[slot] * 1000
        require(REVOKED not in bulk and not timed and (body is None or slot not in body.revoked), "revoked")
        if body is None or slot >= body.capacity:
            raise Refused("not_covered")
        require(SUSPENDED not in bulk and slot not in body.suspended, "suspended")


class Verifier:
    """Starts with a pinned root, a keyring and HMAC secrets by kid; adopts bundles; verifies tokens."""

    def __init__(self, root: bytes, keyring: bytes, secrets: dict[int, bytes]) -> None:
        self.root = root
        self.secrets = secrets
        self.held: RevocationList | None = None
        self.files = Files()
        self.keyring = self.open_keyring(keyring, [root])

    def open_keyring(self, document: bytes, roots: list[bytes]) -> Keyring:
        require(len(document) >= 4 + 64 and document[:4] == KEYRING_MAGIC, "keyring_unreadable")
        signers = [root for root in roots if signed_by(root, b"portc1/ring", document)]
        require(signers != [], "keyring_not_signed_by_root")
        with unreadable("keyring_unreadable"):
            keyring = Keyring.decode(document)
        self.signed_by = signers[0]
        return keyring

    def secret_of(self, signer: Signer) -> bytes | None:
        secret = self.secrets.get(signer.kid)
        if secret is None or len(secret) != 32:
            return None
        check = b"portc1/chek" + self.keyring.issuer + signer.kid.to_bytes(2, "big")
        return secret if hmac.compare_digest(hmac.digest(secret, check, "sha256"), signer.key) else None

    def adopt(self, bundle: bytes, now_ms: int) -> None:
        """Adopts the keyring if it is good, and then the list if it is; what was adopted before stays held."""
        with unreadable("list_unreadable"):
            parts = Bundle.decode(bundle)
        try:
            self.adopt_keyring(parts.keyring)
        except Refused as refusal:
            if refusal.code != "keyring_rollback":
                raise
        self.adopt_list(parts, now_ms)

    def adopt_keyring(self, document: bytes) -> None:
        held = self.keyring
        if document == held.document:
            return
        roots = [self.root] if held.successor is None else [self.root, held.successor]
        offered = self.open_keyring(document, roots)
        require(offered.issuer == held.issuer, "keyring_foreign_issuer")
        require(offered.version >= held.version, "keyring_rollback")
        require(offered.version > held.version and offered.epoch >= held.epoch, "keyring_equivocation")
        self.keyring, self.root = offered, self.signed_by
        if offered.epoch != held.epoch:
            self.held = None  # and with it the floor of list numbers

    def list_key(self, issuer: bytes, kid: int, now_ms: int) -> Signer:
        require(issuer == self.keyring.issuer, "list_foreign_issuer")
        require(now_ms < self.keyring.not_after, "keyring_expired")
        signer = self.keyring.signers.get(kid)
        if signer is None or signer.purpose != LIST or not signer.counts_at(now_ms):
            raise Refused("list_unknown_kid")
        return signer

    def check_stamp(self, stamp: Stamp, now_ms: int) -> Signer:
        """All that the table of refusals has above the signature: while it holds, a list is in force."""
        keyring = self.keyring
        if stamp.keyring_version > keyring.version:
            require(stamp.issuer == keyring.issuer, "list_foreign_issuer")
            raise Refused("keyring_behind")
        signer = self.list_key(stamp.issuer, stamp.kid, now_ms)
        require(stamp.epoch == keyring.epoch, "list_wrong_epoch")
        in_order = stamp.this_update < stamp.next_update
        require(stamp.this_update <= now_ms + CLOCK_SKEW_MS and in_order, "list_from_the_future")
        validity = stamp.next_update - stamp.this_update
        require(validity <= keyring.longest_validity * 1000, "list_too_long_valid")
        require(now_ms < stamp.next_update, "list_past_next_update")
        return signer

    def adopt_list(self, parts: Bundle, now_ms: int) -> None:
        held = self.held
        with unreadable("list_unreadable"):
            stamp = Stamp.decode(parts.stamp)
        signer = self.check_stamp(stamp, now_ms)
        require(signed_by(signer.key, b"portc1/stmp", stamp.document), "list_bad_signature")
        if held is not None:
            require(stamp.number >= held.stamp.number, "list_rollback")
            if stamp.number == held.stamp.number:
                require(stamp.head_digest == held.stamp.head_digest, "list_equivocation")
                if stamp.this_update > held.stamp.this_update:
                    self.held = RevocationList(stamp, held.head, held.bodies)
                return
        self.held = self.read_list(stamp, parts, now_ms)

    def read_list(self, stamp: Stamp, parts: Bundle, now_ms: int) -> RevocationList:
        require(hashlib.sha256(parts.head).digest() == stamp.head_digest, "list_wrong_digest")
        with unreadable("list_unreadable"):
            head = Head.decode(parts.head)
        signer = self.list_key(head.issuer, head.kid, now_ms)
        require(signed_by(signer.key, b"portc1/head", head.document), "list_bad_signature")
        require((head.epoch, head.number) == (stamp.epoch, stamp.number), "list_wrong_digest")
        require(head.this_update <= stamp.this_update, "list_wrong_digest")
        bodies = dict[bytes, Body]()
        if self.held is not None:
            lines = self.held.head.shards.items()
            bodies = {line.body_digest: self.held.bodies[shard] for shard, line in lines}
        named = {line.body_digest for line in head.shards.values()}
        for file in parts.bodies:
            digest = hashlib.sha256(file).digest()
            require(digest in named, "list_wrong_digest")
            with unreadable("list_unreadable"):
                bodies[digest] = Body.decode(file)
        for line in head.shards.values():
            body = bodies.get(line.body_digest)
            if body is None:
                raise Refused("list_wrong_digest")
        return RevocationList(stamp, head, {shard: bodies[line.body_digest] for shard, line in head.shards.items()})

    def assignment(self, token: Token, held: RevocationList, now_ms: int) -> Assignment | None:
        body = held.bodies[token.serial >> 20]
        if token.serial % 2**20 not in body.assigned:
            return None
        require(token.kind != ADMIN_KEY, "assignment_not_allowed")
        visibility = portcullis_assignment.PUBLIC if KINDS[token.kind] == "publishable" else portcullis_assignment.PRIVATE
        root = held.head.assignments.get(visibility)
        try:
            entry = self.files.find(None if root is None else Named(*root), visibility, token.serial)
        except portcullis_assignment.Refused as refusal:
            raise Refused(refusal.code) from refusal
        signer = self.keyring.signers.get(held.head.kid)
        allowed = signer.kinds if signer and signer.purpose == LIST and signer.counts_at(now_ms) else 0
        bits = needed(entry, token.policy, token.owner, token.expires_at)
        require(bits & ~allowed == 0, "assignment_not_allowed")
        return entry

    def verify(self, text: str, now_ms: int, kind: str | None, environment: str | None) -> dict[str, Any]:
        """The key as the vectors show it, or Refused with the code of the first step that says no."""
        token = Token.decode(text)
        keyring = self.keyring
        require(token.label in keyring.labels, "foreign_label")
        signer = keyring.signers.get(token.kid)
        if signer is None:
            raise Refused("unknown_kid")
        # An admin key is none for a gate, whoever signed it.
        may_sign = token.kind != ADMIN_KEY and signer.environments & token.environment and signer.kinds & token.kind
        require(signer.purpose == TOKEN and may_sign != 0, "signer_not_allowed")
        self.check_proof(token, signer)
        if self.held is None:
            raise Refused("list_missing")
        self.check_stamp(self.held.stamp, now_ms)
        require(self.held.stamp.issuer == keyring.issuer, "foreign_list")
        require(signer.counts_at(now_ms), "signer_not_allowed")
        self.held.check(token, now_ms)
        entry = self.assignment(token, self.held, now_ms)
        policy, owner, expires_at = token.policy, token.owner, token.expires_at
        if entry is not None:
            policy = policy if entry.policy is None else entry.policy
            owner = owner if entry.owner is None else entry.owner
            expires_at = expires_at if entry.expires_at is None else entry.expires_at
        require(expires_at == 0 or now_ms < expires_at * 1000, "expired")
        require(kind is None or kind == KINDS[token.kind], "wrong_kind")
        require(environment is None or environment == ENVIRONMENTS[token.environment], "wrong_environment")
        return {
            "name": token.name(keyring.issuer),
            "issuer": "iss_" + base62(keyring.issuer),
            "kind": KINDS[token.kind],
            "environment": ENVIRONMENTS[token.environment],
            "algorithm": ALGORITHMS[signer.algorithm],
            "kid": token.kid,
            "serial": token.serial,
            "issued_at": token.issued_at,
            "expires_at": expires_at or None,
            "owner": owner,
            "policy": policy,
        }

    def check_proof(self, token: Token, signer: Signer) -> None:
        message = token.message(self.keyring.issuer)
        require(len(token.proof) == (64 if signer.algorithm == ED25519 else 16), "bad_signature")
        if signer.algorithm == ED25519:
            require(ed25519_verifies(signer.key, token.proof, message), "bad_signature")
            return
        secret = self.secret_of(signer)
        if secret is None:
            raise Refused("secret_not_held")
        require(hmac_verifies(secret, message, token.proof), "bad_signature")
