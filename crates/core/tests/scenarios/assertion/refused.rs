//! Assertions that an origin refuses, in the order of its checks.

use portcullis_core::assertion::Assertion;
use portcullis_core::crypto::{Context, PublicKey, primitives};
use portcullis_core::issue::SigningKey;
use portcullis_core::keyring::{State, Validity};
use portcullis_core::time::Time;
use portcullis_core::token::Kind;

use super::super::forge::{Crooked, add_group_order};
use super::super::shape::encode;
use super::accepted::{crooked, world_with_mixed_key};
use super::shape::AssertionVector;
use super::{KID, NOW_MS, altered, key, resigned, said, signer, text, vector, world, world_with};
use crate::support::{ADMIN, ED25519, HMAC_LIVE, LIST, START, World};

const MALFORMED: &str = "assertion_malformed";
const UNREADABLE: &str = "assertion_unreadable";
const FOREIGN: &str = "assertion_foreign_issuer";
const NOT_ALLOWED: &str = "assertion_signer_not_allowed";
const BAD_SIGNATURE: &str = "assertion_bad_signature";
const WRONG_AUDIENCE: &str = "assertion_wrong_audience";
const OUT_OF_TIME: &str = "assertion_out_of_time";

/// Offsets of an assertion's fields.
const LIST_NUMBER: usize = 22;
const EXPIRES_AT: usize = 34;
const KIND: usize = 38;
const ENVIRONMENT: usize = 39;
const OWNER: usize = 56;
const FRESHNESS: usize = 64;
const AUDIENCE_LEN: usize = 65;

pub(super) fn all() -> Vec<AssertionVector> {
    [texts(), layouts(), issuers(), signers(), signatures(), points(), audiences(), times()]
        .into_iter()
        .flatten()
        .collect()
}

fn case(name: &str, about: &str, text: String, code: &str) -> AssertionVector {
    vector(name, about, &world(), text).refused(code)
}

fn texts() -> Vec<AssertionVector> {
    // Two bytes remain after the last group of three, so the last character carries two unused
    // bits.
    let good = text(&Assertion { scopes: "carts:read", ..said() });
    assert_eq!(good.len() % 4, 3);
    let malformed = |name: &str, about: &str, text: String| case(name, about, text, MALFORMED);
    vec![
        malformed("text-padding", "Padding behind it.", format!("{good}=")),
        malformed("text-space", "A space in front of it.", format!(" {good}")),
        malformed("text-newline", "A line feed behind it.", format!("{good}\n")),
        malformed("text-twice", "Two headers that were joined.", format!("{good}, {good}")),
        malformed("text-one-more", "A character more than bytes have.", format!("{good}AA")),
        malformed("text-not-ascii", "A letter of another alphabet.", format!("{good}é")),
        malformed("text-plus", "The other alphabet's 62.", format!("+{}", &good[1..])),
        malformed("text-slash", "The other alphabet's 63.", format!("{}/", &good[1..])),
        malformed("text-bits-behind", "A bit behind the last byte is set.", {
            let (front, last) = good.split_at(good.len() - 1);
            let set = char::from_u32(u32::from(last.as_bytes()[0]) + 1).unwrap();
            format!("{front}{set}")
        }),
        malformed("text-too-long", "32772 characters.", "A".repeat(32772)),
        case("text-empty", "Nothing at all.", String::new(), UNREADABLE),
        case("text-short", "63 bytes.", encode(&[0; 63]), UNREADABLE),
        case(
            "text-signature-alone",
            "A signature, and nothing that it is of.",
            encode(&[0; 64]),
            UNREADABLE,
        ),
    ]
}

fn layouts() -> Vec<AssertionVector> {
    let said = said();
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, &str, Change); 16] = [
        ("magic", "Another file's magic.", |b| b[2] = b'K'),
        ("version", "A version that is not known.", |b| b[3] = 2),
        ("cut", "The last byte of the texts is missing.", |b| _ = b.pop()),
        ("cut-before-texts", "It ends before the texts.", |b| b.truncate(AUDIENCE_LEN)),
        ("trailing", "A byte behind the texts.", |b| b.push(0)),
        ("kind-0", "A kind that is neither.", |b| b[KIND] = 0),
        ("kind-3", "A kind that is neither.", |b| b[KIND] = 3),
        ("environment-0", "An environment that is neither.", |b| b[ENVIRONMENT] = 0),
        ("environment-3", "An environment that is neither.", |b| b[ENVIRONMENT] = 3),
        ("freshness-0", "A freshness that is neither.", |b| b[FRESHNESS] = 0),
        ("freshness-3", "A freshness that is neither.", |b| b[FRESHNESS] = 3),
        ("text-claimed", "An audience longer than the file.", |b| b[AUDIENCE_LEN] = 0xFF),
        ("text-not-utf8", "A byte that UTF-8 has not.", |b| b[AUDIENCE_LEN + 2] = 0xFF),
        ("text-overlong", "A letter in two bytes.", |b| {
            b[AUDIENCE_LEN + 2..AUDIENCE_LEN + 4].copy_from_slice(&[0xC1, 0xAF]);
        }),
        ("text-surrogate", "Half a character of UTF-16.", |b| {
            b[AUDIENCE_LEN + 2..AUDIENCE_LEN + 5].copy_from_slice(&[0xED, 0xA0, 0x80]);
        }),
        ("text-cut-character", "A character that the text's end cuts.", |b| {
            *b.last_mut().unwrap() = 0xC3;
        }),
    ];
    changes
        .into_iter()
        .map(|(name, about, change)| {
            case(&format!("layout-{name}"), about, resigned(&said, change), UNREADABLE)
        })
        .collect()
}

fn issuers() -> Vec<AssertionVector> {
    let foreign = Assertion { issuer: World::with_seed(2).issuer, ..said() };
    let unknown = key().assert(foreign.unsigned(99).unwrap());
    vec![
        case("issuer-foreign", "Of another issuer, signed all right.", text(&foreign), FOREIGN),
        case("issuer-before-signer", "Of another issuer and an unknown signer.", unknown, FOREIGN),
    ]
}

fn signers() -> Vec<AssertionVector> {
    let said = said();
    let not_allowed = |name: &str, about: &str, world: &World, text| {
        vector(name, about, world, text).refused(NOT_ALLOWED)
    };
    let by = |kid| World::new().signing_key(kid).assert(said.unsigned(kid).unwrap());
    let within =
        |about: &str, name: &str, amend| not_allowed(name, about, &world_with(amend), text(&said));
    vec![
        not_allowed("signer-unknown", "A kid that is not listed.", &world(), {
            key().assert(said.unsigned(99).unwrap())
        }),
        not_allowed("signer-of-tokens", "A signer of tokens.", &world(), by(ED25519)),
        not_allowed("signer-of-lists", "The signer of lists.", &world(), by(LIST)),
        not_allowed("signer-of-admin-keys", "The signer of admin keys.", &world(), by(ADMIN)),
        not_allowed("signer-hmac", "The kid of an HMAC secret.", &world(), by(HMAC_LIVE)),
        within("A signer that is retired.", "signer-retired", |draft| {
            let mut entry = signer(KID, key().public().unwrap());
            entry.state = State::Retired;
            draft.entries.push(entry);
        }),
        within("A signer from the next millisecond on.", "signer-too-early", |draft| {
            let mut entry = signer(KID, key().public().unwrap());
            entry.validity.not_before = Time::from_millis(NOW_MS + 1);
            draft.entries.push(entry);
        }),
        within("A signer whose time is over now.", "signer-too-late", |draft| {
            let mut entry = signer(KID, key().public().unwrap());
            let until = Time::from_millis(NOW_MS);
            entry.validity = Validity { not_after: until, ..entry.validity };
            draft.entries.push(entry);
        }),
        within("The keyring ends now.", "signer-keyring-expired", |draft| {
            draft.entries.push(signer(KID, key().public().unwrap()));
            draft.not_after = Time::from_millis(NOW_MS);
        }),
        not_allowed(
            "signer-before-signature",
            "An unknown kid and a wrong signature.",
            &world(),
            SigningKey::from_seed(&[8; 32]).assert(said.unsigned(99).unwrap()),
        ),
    ]
}

fn signatures() -> Vec<AssertionVector> {
    let said = said();
    let unsigned = || said.unsigned(KID).unwrap();
    let forged = |name: &str, about: &str, change: fn(&mut [u8])| {
        case(&format!("signature-{name}"), about, altered(&said, change), BAD_SIGNATURE)
    };
    let other = SigningKey::from_seed(&[8; 32]);
    let of_stamp = {
        let unsigned = unsigned();
        let body = &unsigned.message()[Context::LEN..];
        encode(&[body, &primitives::sign(&key(), Context::STAMP, body)].concat())
    };
    let two = world_with(|draft| {
        let other = SigningKey::from_seed(&[8; 32]);
        draft.entries.push(signer(KID, key().public().unwrap()));
        draft.entries.push(signer(KID + 1, other.public().unwrap()));
    });
    vec![
        forged("list", "Another list in the place of its own.", |b| b[LIST_NUMBER + 7] += 1),
        forged("expires-at", "A later end in the place of its own.", |b| b[EXPIRES_AT + 3] += 1),
        forged("kind", "The other kind in the place of its own.", |b| b[KIND] = 1),
        forged("owner", "Another owner in the place of its own.", |b| b[OWNER + 3] += 1),
        forged("freshness", "Another freshness in the place of its own.", |b| b[FRESHNESS] = 2),
        forged("scopes", "A wider scope in the place of its own.", |b| {
            let at = b.windows(10).position(|part| part == b"carts:read").unwrap();
            b[at + 6..at + 10].copy_from_slice(b"*:*:");
        }),
        forged("r", "A bit of R.", |b| {
            let at = b.len() - 64;
            b[at] ^= 1;
        }),
        forged("s", "A bit of S.", |b| {
            let at = b.len() - 32;
            b[at] ^= 1;
        }),
        forged("zeros", "64 zeros.", |b| {
            let at = b.len() - 64;
            b[at..].fill(0);
        }),
        case(
            "signature-of-another",
            "By a key that is not the signer's.",
            other.assert(unsigned()),
            BAD_SIGNATURE,
        ),
        vector(
            "signature-of-the-next",
            "By another signer of assertions than it names.",
            &two,
            other.assert(unsigned()),
        )
        .refused(BAD_SIGNATURE),
        case(
            "signature-of-other-context",
            "Signed under the context of stamps.",
            of_stamp,
            BAD_SIGNATURE,
        ),
        case(
            "signature-before-audience",
            "By another key, and for another audience.",
            other.assert(Assertion { audience: "evil.example", ..said }.unsigned(KID).unwrap()),
            BAD_SIGNATURE,
        ),
    ]
}

/// Points that the strict rules of `docs/token.md` refuse and some libraries accept.
fn points() -> Vec<AssertionVector> {
    let said = said();
    let bad = |name: &str, about: &str, change: fn(&mut [u8])| {
        let signed = altered(&said, |file| {
            let at = file.len() - 64;
            change(&mut file[at..]);
        });
        case(&format!("signature-{name}"), about, signed, BAD_SIGNATURE)
    };
    // The signer's key is the one behind the irregular signatures.
    let world = world_with(|draft| {
        let key = PublicKey::from_bytes(&Crooked::HONEST.key()).unwrap();
        draft.entries.push(signer(KID, key));
    });
    let of = |name: &str, about: &str, world: &World, how: Crooked, holds| {
        let (_, text) = crooked(how, holds);
        vector(&format!("signature-{name}"), about, world, text).refused(BAD_SIGNATURE)
    };
    let bare = Crooked { bare_r: true, ..Crooked::HONEST };
    let torsion = |torsion_of_r| Crooked { torsion_of_r, ..Crooked::HONEST };
    let mixed = Crooked { torsion_of_a: 1, ..Crooked::HONEST };
    vec![
        bad("s-plus-l", "S + L in the place of S: the same number modulo L.", |signature| {
            add_group_order(&mut signature[32..]);
        }),
        bad("s-high-bit", "The highest bit of S, which some libraries drop.", |signature| {
            signature[63] |= 0x80;
        }),
        bad("small-order-r", "R is the identity, S is zero.", |signature| {
            signature.fill(0);
            signature[0] = 1;
        }),
        bad("r-no-point", "R is no point: no x belongs to its y.", |signature| {
            signature[..32].fill(0);
            signature[0] = 2;
        }),
        bad("r-not-canonical", "R is 3 written as p + 3.", |signature| {
            signature[..32].fill(0xFF);
            (signature[0], signature[31]) = (0xF0, 0x7F);
        }),
        of(
            "small-order-r-that-fits",
            "R is the identity and the equation holds: its signer made it so.",
            &world,
            bare,
            true,
        ),
        of(
            "order-8-r",
            "R has order 8: the equation holds with the cofactor alone.",
            &world,
            Crooked { torsion_of_r: 1, ..bare },
            false,
        ),
        of(
            "mixed-order-r",
            "R has a part of order 8: the equation holds with the cofactor alone.",
            &world,
            torsion(1),
            false,
        ),
        of(
            "mixed-order-r-of-2",
            "R has a part of order 2: the equation holds with the cofactor alone.",
            &world,
            torsion(4),
            false,
        ),
        of(
            "mixed-order-key",
            "A has a part of order 8: the equation holds with the cofactor alone.",
            &world_with_mixed_key(),
            mixed,
            false,
        ),
    ]
}

fn audiences() -> Vec<AssertionVector> {
    let said = said();
    let wrong = |name: &str, about: &str, audience: &str| {
        let text = text(&Assertion { audience, ..said });
        case(&format!("audience-{name}"), about, text, WRONG_AUDIENCE)
    };
    let over = Assertion { audience: "evil.example", expires_at: START + 5, ..said };
    vec![
        wrong("other", "For another origin.", "evil.example"),
        wrong("without-port", "For the same host, without the port.", "origin.example"),
        wrong("of-another-port", "For the same host, and another port.", "origin.example:8444"),
        wrong("longer", "For an origin that begins alike.", "origin.example:84431"),
        wrong("uppercase", "In capitals: it is compared as it is written.", "Origin.example:8443"),
        wrong("empty", "For nobody.", ""),
        case("audience-before-time", "For another origin, and over.", text(&over), WRONG_AUDIENCE),
    ]
}

fn times() -> Vec<AssertionVector> {
    let said = said();
    let out = |name: &str, about: &str, said: Assertion<'_>| {
        case(&format!("time-{name}"), about, text(&said), OUT_OF_TIME)
    };
    let ms = |secs: u32| u64::from(secs) * 1000;
    let secret = Assertion { kind: Kind::Secret, ..said };
    vec![
        out("over", "It ends now.", Assertion { expires_at: START + 5, ..said }),
        out("long-over", "It ended a day ago.", said).at(ms(said.expires_at + 86_400)),
        out("too-early", "It begins 10.001 s from now.", secret).at(ms(START - 10) - 1),
        out("too-long", "It lasts 301 s.", Assertion { expires_at: START + 301, ..said }),
        out("for-good", "It ends in 2106.", Assertion { expires_at: u32::MAX, ..said }),
        out(
            "of-no-length",
            "It ends as it begins, 3 s from now.",
            Assertion { issued_at: START + 8, expires_at: START + 8, ..said },
        ),
        out(
            "backwards",
            "It ends before it begins.",
            Assertion { issued_at: START + 9, expires_at: START + 7, ..said },
        ),
    ]
}
