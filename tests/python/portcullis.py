"""A second Portcullis verifier, written from docs/token.md, docs/keyring.md and docs/revocation-list.md alone.

It shares no code with the other one, so that a disagreement between the two shows a fault in one of them or in
the specs. Codes that the specs don't name are marked as its own. It is meant for tests: it is neither fast nor
careful with memory.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from dataclasses import dataclass
from typing import Any

from portcullis_documents import (
    ALGORITHMS,
    ED25519,
    ENVIRONMENT,
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
    Wide,
    ed25519_verifies,
    well_formed,
)
from portcullis_sets import Body, Malformed, Reader

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX = re.compile(r"(?:(?P<label>[a-z][a-z0-9]{0,15})_)?(?P<kind>sk|pk)_(?P<environment>live|test)_")
KINDS = {1: "secret", 2: "publishable"}
ENVIRONMENTS = {1: "live", 2: "test"}
KIND_OF_PREFIX, ENVIRONMENT_OF_PREFIX = {"sk": 1, "pk": 2}, {"live": 1, "test": 2}
CLOCK_SKEW_MS = 10_000


class Refused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def require(condition: bool, code: str) -> None:
    if not condition:
        raise Refused(code)


def base62(data: bytes) -> str:
    text = ""
    for at in range(0, len(data), 8):
        group = int.from_bytes(data[at : at + 8], "big")
        text += "".join(BASE62[group // 62**place % 62] for place in range(10, -1, -1))
    return text


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
        require(len(text) <= 157, "malformed_too_long")
        require(re.fullmatch(r"[0-9A-Za-z_]*", text) is not None, "malformed_character")
        before, underscore, coded = text.rpartition("_")
        prefix = PREFIX.fullmatch(before + underscore)
        if prefix is None or prefix["label"] in RESERVED:
            raise Refused("malformed_prefix")
        require(len(coded) in (66, 132), "malformed_length")
        data = b""
        for at in range(0, len(coded), 11):
            group = sum(BASE62.index(digit) * 62 ** (10 - place) for place, digit in enumerate(coded[at : at + 11]))
            require(group < 2**64, "malformed_overflow")
            data += group.to_bytes(8, "big")
        checksum = zlib.crc32(prefix[0].encode("ascii") + data[:-4])
        require(checksum == int.from_bytes(data[-4:], "big"), "malformed_checksum")
        reader = Reader(data)
        require(reader.number(1) == 1, "malformed_version")
        kind, environment = divmod(reader.number(1), 16)
        kid, serial, _nonce, issued_at = reader.number(2), reader.number(6), reader.number(2), reader.number(4)
        expires_at, owner, policy = reader.number(4), reader.number(4), reader.number(4)
        require(kind == KIND_OF_PREFIX[prefix["kind"]], "malformed_fields")
        require(environment == ENVIRONMENT_OF_PREFIX[prefix["environment"]], "malformed_fields")
        require(expires_at == 0 or expires_at > issued_at, "malformed_fields")
        text_of, label, signed, proof = prefix[0], prefix["label"] or "", data[:28], data[28:-4]
        return cls(text_of, label, kind, environment, signed, proof, kid, serial, issued_at, expires_at, owner, policy)

    def message(self, issuer: bytes) -> bytes:
        binding = hashlib.sha256(b"portc1/bind" + issuer + self.prefix.encode("ascii")).digest()[:16]
        return b"portc1/tokn" + binding + self.signed

    def name(self, issuer: bytes) -> str:
        return "apk_" + base62(hashlib.sha256(b"portc1/name" + issuer + self.serial.to_bytes(8, "big")).digest()[:16])


def applies(entry: Wide, token: Token) -> bool:
    subject = {OWNER: token.owner, KID: token.kid, ENVIRONMENT: token.environment, SERIALS: token.serial}
    no_bound = entry.issued_before == 2**32 - 1
    issued = entry.issued_from <= token.issued_at and (no_bound or token.issued_at < entry.issued_before)
    return issued and entry.first <= subject[entry.scope] <= entry.last


@dataclass(frozen=True)
class RevocationList:
    stamp: Stamp
    head: Head
    bodies: dict[int, Body]  # by shard

    def judge(self, token: Token, now_ms: int) -> None:
        body, slot = self.bodies.get(token.serial >> 20), token.serial % 2**20
        wide = {entry.state for entry in self.head.wide if applies(entry, token)}
        timed = body is not None and slot in body.timed and now_ms >= body.timed[slot] * 1000
        require(REVOKED not in wide and not timed and (body is None or slot not in body.revoked), "revoked")
        if body is None or slot >= body.capacity:
            raise Refused("not_covered")
        require(SUSPENDED not in wide and slot not in body.suspended, "suspended")


class Verifier:
    """Starts with a pinned root, a keyring and HMAC secrets by kid; adopts bundles; judges tokens."""

    def __init__(self, root: bytes, keyring: bytes, secrets: dict[int, bytes]) -> None:
        self.root = root
        self.secrets = secrets
        self.held: RevocationList | None = None
        try:
            self.keyring = Keyring.decode(keyring)
        except Malformed as error:
            raise Refused("keyring_malformed") from error  # own code
        require(self.keyring.signed_by(root), "keyring_bad_signature")  # own code

    def secret_of(self, signer: Signer) -> bytes | None:
        secret = self.secrets.get(signer.kid)
        if secret is None or len(secret) != 32:
            return None
        check = b"portc1/chek" + self.keyring.issuer + signer.kid.to_bytes(2, "big")
        return secret if hmac.compare_digest(hmac.digest(secret, check, "sha256"), signer.key) else None

    def adopt(self, bundle: bytes, now_ms: int) -> None:
        """Adopts the keyring if it is good, and then the list if it is; what was adopted before stays held."""
        try:
            parts = Bundle.decode(bundle)
        except Malformed as error:
            raise Refused("bundle_malformed") from error  # own code
        self.adopt_keyring(parts.keyring)
        self.adopt_list(parts, now_ms)

    def adopt_keyring(self, document: bytes) -> None:
        held = self.keyring
        if document == held.document:
            return
        try:
            offered = Keyring.decode(document)
        except Malformed as error:
            raise Refused("keyring_malformed") from error  # own code, as are all of keyrings but keyring_expired
        signed = offered.signed_by(self.root) or (held.successor is not None and offered.signed_by(held.successor))
        require(signed, "keyring_bad_signature")
        require(offered.issuer == held.issuer, "keyring_of_other_issuer")
        require(offered.version >= held.version, "keyring_rollback")
        require(offered.version > held.version, "keyring_equivocation")
        require(offered.epoch >= held.epoch, "keyring_lowers_epoch")
        self.keyring = offered
        if offered.epoch != held.epoch:
            self.held = None  # and with it the floor of list numbers

    def check_list_signer(self, kid: int, context: bytes, document: bytes, now_ms: int) -> None:
        signer = self.keyring.signers.get(kid)
        if signer is None or signer.purpose != LIST or not signer.counts_at(now_ms):
            raise Refused("list_signer_not_allowed")  # own code
        require(ed25519_verifies(signer.key, document[-64:], context + document[:-64]), "list_bad_signature")  # own

    def adopt_list(self, parts: Bundle, now_ms: int) -> None:
        keyring, held = self.keyring, self.held
        try:
            stamp = Stamp.decode(parts.stamp)
            require(now_ms <= keyring.not_after, "keyring_expired")
            require(stamp.issuer == keyring.issuer, "foreign_list")
            self.check_list_signer(stamp.kid, b"portc1/stmp", stamp.document, now_ms)
            require(stamp.keyring_version <= keyring.version, "list_needs_newer_keyring")  # own code
            require(stamp.epoch == keyring.epoch, "list_of_other_epoch")  # own code
            require(stamp.this_update <= now_ms + CLOCK_SKEW_MS, "list_from_the_future")
            well_formed(stamp.this_update < stamp.next_update, "this update is not before next update")
            validity = stamp.next_update - stamp.this_update
            require(validity <= keyring.longest_validity * 1000, "list_too_long_valid")
            require(now_ms < stamp.next_update, "list_past_next_update")
            if held is not None:
                require(stamp.number >= held.stamp.number, "list_rollback")
                if stamp.number == held.stamp.number:
                    require(stamp.head_digest == held.stamp.head_digest, "list_equivocation")
                    if stamp.this_update > held.stamp.this_update:
                        self.held = RevocationList(stamp, held.head, held.bodies)
                    return
            self.held = self.read_list(stamp, parts, now_ms)
        except Malformed as error:
            raise Refused("list_malformed") from error  # own code

    def read_list(self, stamp: Stamp, parts: Bundle, now_ms: int) -> RevocationList:
        well_formed(len(parts.head) == stamp.head_length, "length of the head")
        well_formed(hashlib.sha256(parts.head).digest() == stamp.head_digest, "digest of the head")
        head = Head.decode(parts.head)
        require(head.issuer == self.keyring.issuer, "foreign_list")
        self.check_list_signer(head.kid, b"portc1/head", head.document, now_ms)
        well_formed((head.epoch, head.number) == (stamp.epoch, stamp.number), "epoch or number of the head")
        well_formed(head.this_update <= stamp.this_update, "the head is later than the stamp")
        named = list(dict.fromkeys(shard.body_digest for shard in head.shards.values()))
        well_formed([hashlib.sha256(body).digest() for body in parts.bodies] == named, "bodies")
        encoded = dict(zip(named, parts.bodies))
        decoded = {digest: Body.decode(body) for digest, body in encoded.items()}
        for line in head.shards.values():
            well_formed(line.body_length == len(encoded[line.body_digest]), "length of a body")
            well_formed(line.counts == decoded[line.body_digest].counts, "counts of a body")
        return RevocationList(stamp, head, {shard: decoded[line.body_digest] for shard, line in head.shards.items()})

    def verify(self, text: str, now_ms: int, kind: str | None, environment: str | None) -> dict[str, Any]:
        """The key as the vectors show it, or Refused with the code of the first step that says no."""
        token = Token.decode(text)
        keyring = self.keyring
        require(token.label in keyring.labels, "foreign_label")
        signer = keyring.signers.get(token.kid)
        if signer is None:
            raise Refused("unknown_kid")
        may_sign = signer.environments & token.environment and signer.kinds & token.kind
        require(signer.purpose == TOKEN and may_sign != 0, "signer_not_allowed")
        self.check_proof(token, signer)
        if self.held is None:
            raise Refused("list_missing")
        require(now_ms < self.held.stamp.next_update, "list_past_next_update")
        require(self.held.stamp.this_update <= now_ms + CLOCK_SKEW_MS, "list_from_the_future")
        require(now_ms <= keyring.not_after, "keyring_expired")
        require(self.held.stamp.issuer == keyring.issuer, "foreign_list")
        require(signer.counts_at(now_ms), "signer_not_allowed")
        self.held.judge(token, now_ms)
        require(token.expires_at == 0 or now_ms < token.expires_at * 1000, "expired")
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
            "expires_at": token.expires_at or None,
            "owner": token.owner or None,
            "policy": token.policy or None,
        }

    def check_proof(self, token: Token, signer: Signer) -> None:
        message = token.message(self.keyring.issuer)
        if signer.algorithm == ED25519:
            require(ed25519_verifies(signer.key, token.proof, message), "bad_signature")
            return
        secret = self.secret_of(signer)
        if secret is None:
            raise Refused("secret_not_held")
        require(hmac.compare_digest(hmac.digest(secret, message, "sha256")[:16], token.proof), "bad_signature")
