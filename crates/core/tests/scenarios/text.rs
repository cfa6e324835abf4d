//! Texts that aren't keys, which a verifier detects without any signer's key.

use portcullis_core::token::{SignedPart, toggle_mask};

use super::forge::{resealed, sealed, sent_by};
use super::scenario;
use super::shape::Vector;
use crate::support::{ADMIN, ED25519, HMAC_LIVE, START, World};

/// A token's signed bytes.
fn signed(token: &str) -> SignedPart {
    *toggle_mask(&mut sent_by(token).1).unwrap()
}

pub(super) fn all() -> Vec<Vector> {
    let world = World::new();
    let good = world.token(HMAC_LIVE, 42);
    let long = world.token(ED25519, 42);
    let body = &good["sk_live_".len()..];
    let case = |name: &str, about: &str, token: String, code: &str| {
        scenario(name, about, &world).token(token).refused("text", code)
    };
    let prefix = |name: &str, about: &str, prefix: &str| {
        case(name, about, format!("{prefix}{body}"), "malformed_prefix")
    };
    let (front, sent) = sent_by(&good);
    let of_version = |name: &str, about: &str, version: &[u8], code: &str| {
        case(name, about, sealed(front, &sent, version), code)
    };
    let other_end = if good.ends_with('0') { "1" } else { "0" };
    vec![
        case("text-empty", "There is no text.", String::new(), "malformed_empty"),
        case("text-too-long", "One byte more than any key.", "a".repeat(158), "malformed_too_long"),
        case(
            "text-too-long-and-not-ascii",
            "80 characters, 160 bytes of UTF-8: bytes are counted, and before they are looked at.",
            "\u{e9}".repeat(80),
            "malformed_too_long",
        ),
        case("text-space", "A space behind the key.", format!("{good} "), "malformed_character"),
        case(
            "text-newline",
            "A line end behind the key.",
            format!("{good}\n"),
            "malformed_character",
        ),
        case("text-nul", "A zero byte in front.", format!("\0{good}"), "malformed_character"),
        case(
            "text-base64url",
            "A hyphen in the body: base62 has none.",
            format!("sk_live_-{}", &body[1..]),
            "malformed_character",
        ),
        case(
            "text-not-ascii",
            "U+0141 in the place of an A: its low byte is that of A.",
            format!("sk_live_\u{141}{}", &body[1..]),
            "malformed_character",
        ),
        case("text-no-prefix", "A body without a prefix.", body.into(), "malformed_prefix"),
        prefix("text-unknown-environment", "Neither live nor test.", "sk_prod_"),
        prefix("text-unknown-kind", "Neither secret nor publishable.", "rk_live_"),
        prefix("text-uppercase-prefix", "A prefix in capitals.", "SK_live_"),
        prefix("text-label-for-later-kinds", "A letter and k is never a label.", "zk_sk_live_"),
        prefix("text-reserved-label", "A label that is a word of a prefix.", "test_sk_live_"),
        prefix("text-label-of-17", "A label of 17 characters.", "a1b2c3d4e5f6g7h8i_sk_live_"),
        prefix("text-label-digit-first", "A label begins with a letter.", "1a_sk_live_"),
        prefix("text-label-empty", "An underscore in front, and no label.", "_sk_live_"),
        prefix("text-label-underscore", "An underscore within the label.", "ac_me_sk_live_"),
        prefix("text-two-underscores", "Two underscores in the place of one.", "sk_live__"),
        case(
            "text-underscore-in-body",
            "The last underscore ends the prefix, wherever it stands.",
            format!("sk_live_{}_{}", &body[..30], &body[31..]),
            "malformed_prefix",
        ),
        case(
            "text-prefix-alone",
            "Nothing behind the prefix.",
            "sk_live_".into(),
            "malformed_length",
        ),
        case(
            "text-cut",
            "The last character is missing.",
            good[..good.len() - 1].into(),
            "malformed_length",
        ),
        case("text-longer", "One character more.", format!("{good}0"), "malformed_length"),
        case(
            "text-between-lengths",
            "77 characters, which are seven groups, are no length of a key.",
            long["pk_live_".len()..][..77]
                .chars()
                .fold("pk_live_".into(), |t, c| format!("{t}{c}")),
            "malformed_length",
        ),
        case(
            "text-chunk-of-2-64",
            "The first group of 11 characters spells 2^64.",
            format!("sk_live_LygHa16AHYG{}", &body[11..]),
            "malformed_overflow",
        ),
        case(
            "text-last-chunk-overflows",
            "The last group spells the most that 11 characters can.",
            format!("sk_live_{}zzzzzzzzzzz", &body[..55]),
            "malformed_overflow",
        ),
        case(
            "text-chunk-below-2-64",
            "A group may spell 2^64 - 1: what is wrong is the checksum.",
            format!("sk_live_LygHa16AHYF{}", &body[11..]),
            "malformed_checksum",
        ),
        case(
            "text-checksum",
            "The last character was mistyped.",
            format!("{}{other_end}", &good[..good.len() - 1]),
            "malformed_checksum",
        ),
        case(
            "text-checksum-covers-prefix",
            "Another prefix with the body as it was.",
            format!("sk_test_{body}"),
            "malformed_checksum",
        ),
        of_version(
            "text-version",
            "The checksum is that of version 2, which is not known.",
            &[2],
            "malformed_version",
        ),
        of_version(
            "text-version-last",
            "Version 15 is the last that a checksum announces.",
            &[15],
            "malformed_version",
        ),
        of_version("text-version-16", "There is no version 16.", &[16], "malformed_checksum"),
        of_version("text-version-0", "There is no version 0.", &[0], "malformed_checksum"),
        of_version(
            "text-version-left-out",
            "A checksum of what is sent alone, without the version.",
            &[],
            "malformed_checksum",
        ),
        case(
            "text-version-before-fields",
            "Another version may mean other things by its fields.",
            sealed(front, &[0; 44], &[3]),
            "malformed_version",
        ),
        case(
            "text-signed-version",
            "The checksum is that of version 1, the signed byte says 2.",
            resealed(&good, None, |b| b[0] = 2),
            "malformed_fields",
        ),
        case(
            "text-no-mask",
            "The signed bytes are sent as they were signed.",
            sealed(front, &[&signed(&good)[..], &sent[28..]].concat(), &[1]),
            "malformed_fields",
        ),
        case(
            "text-mask-of-other-seed",
            "One bit of the proof's last four bytes is changed: other fields come out.",
            sealed(front, &[&sent[..43], &[sent[43] ^ 1]].concat(), &[1]),
            "malformed_fields",
        ),
        case(
            "text-prefix-says-otherwise",
            "The prefix says pk, the bytes say secret.",
            resealed(&good, Some("pk_live_"), |_| ()),
            "malformed_fields",
        ),
        case(
            "text-admin-length",
            "The prefix of admin keys, which all have signatures, before a tag's length.",
            format!("ak_live_{body}"),
            "malformed_length",
        ),
        case(
            "text-prefix-says-admin",
            "The prefix says ak, the bytes say publishable.",
            resealed(&long, Some("ak_live_"), |_| ()),
            "malformed_fields",
        ),
        case(
            "text-bytes-say-admin",
            "The bytes say admin, the prefix says sk.",
            resealed(&world.token(ADMIN, 42), Some("sk_live_"), |_| ()),
            "malformed_fields",
        ),
        case(
            "text-prefix-says-test",
            "The prefix says test, the bytes say live.",
            resealed(&good, Some("sk_test_"), |_| ()),
            "malformed_fields",
        ),
        case(
            "text-kind-of-neither",
            "A kind that does not exist.",
            resealed(&good, None, |b| b[1] = 0x41),
            "malformed_fields",
        ),
        case(
            "text-environment-of-neither",
            "An environment that is neither live nor test.",
            resealed(&good, None, |b| b[1] = 0x13),
            "malformed_fields",
        ),
        case(
            "text-expires-before-issued",
            "Expires-at is not after issued-at.",
            resealed(&good, None, |b| b[16..20].copy_from_slice(&START.to_be_bytes())),
            "malformed_fields",
        ),
    ]
}
