"""Assertions, written from docs/assertion.md alone: what an origin takes of the gate's word, and what it refuses."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from portcullis import ENVIRONMENTS, KINDS, Refused, base62, require, unreadable
from portcullis_documents import ED25519, Keyring, ed25519_verifies, well_formed
from portcullis_sets import Malformed, Reader

ASSERTION = 5
CONTEXT = b"portc1/asrt"
LONGEST = 32768
LONGEST_LIFE_S = 300
CLOCK_SKEW_MS = 10_000
FRESHNESS_NAMES = {1: "fresh", 2: "stale"}


@dataclass(frozen=True)
class Said:
    issuer: str
    name: str
    kind: str
    environment: str
    owner: int
    policy: int
    list: int
    freshness: str
    issued_at: int
    expires_at: int
    scopes: list[str]
    sales_channels: list[str]


def named(names: dict[int, str], code: int) -> str:
    well_formed(code in names, "a number that names nothing")
    return names[code]


def text(reader: Reader) -> str:
    try:
        return reader.take(reader.number(2)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8") from error


def words(joined: str, between: str) -> list[str]:
    return joined.split(between) if joined else []


def from_base64url(header: str) -> bytes:
    require(len(header) <= LONGEST, "assertion_malformed")
    try:
        data = base64.b64decode(header + "=" * (-len(header) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("assertion_malformed") from error
    # Another spelling of the same bytes is none.
    require(base64.urlsafe_b64encode(data).rstrip(b"=").decode() == header, "assertion_malformed")
    return data


def verify(header: str, keyring: Keyring, audience: str, now_ms: int) -> Said:
    file = from_base64url(header)
    with unreadable("assertion_unreadable"):
        well_formed(len(file) >= 64, "too short for a signature")
        body, signature = file[:-64], file[-64:]
        reader = Reader(body)
        reader.magic(b"PCA\x01")
        issuer, kid, number = reader.take(16), reader.number(2), reader.number(8)
        issued_at, expires_at = reader.number(4), reader.number(4)
        kind, environment = named(KINDS, reader.number(1)), named(ENVIRONMENTS, reader.number(1))
        name, owner, policy = reader.take(16), reader.number(4), reader.number(4)
        freshness = named(FRESHNESS_NAMES, reader.number(1))
        meant_for, scopes, channels = text(reader), text(reader), text(reader)
        reader.end()
    require(issuer == keyring.issuer, "assertion_foreign_issuer")
    signer = keyring.signers.get(kid)
    may_sign = signer is not None and signer.purpose == ASSERTION and signer.algorithm == ED25519
    in_force = signer is not None and signer.counts_at(now_ms) and now_ms < keyring.not_after
    if signer is None or not may_sign or not in_force:
        raise Refused("assertion_signer_not_allowed")
    require(ed25519_verifies(signer.key, signature, CONTEXT + body), "assertion_bad_signature")
    require(meant_for == audience, "assertion_wrong_audience")
    lasts = 0 < expires_at - issued_at <= LONGEST_LIFE_S
    begun = issued_at * 1000 <= now_ms + CLOCK_SKEW_MS
    require(lasts and begun and now_ms < expires_at * 1000, "assertion_out_of_time")
    return Said(
        issuer=f"iss_{base62(issuer)}",
        name=f"apk_{base62(name)}",
        kind=kind,
        environment=environment,
        owner=owner,
        policy=policy,
        list=number,
        freshness=freshness,
        issued_at=issued_at,
        expires_at=expires_at,
        scopes=words(scopes, " "),
        sales_channels=words(channels, ","),
    )
