//! The scenarios that the shared vectors are generated from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::base62;
use portcullis_core::crypto::Digest;
use portcullis_core::issue::ShardFacts;
use portcullis_core::list::{IssuedAt, TimedSlot, WideEntry, WideScope, WideState};
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Kind, Label, Lifetime, Serial};
use portcullis_core::verify::Accepted;
use serde::{Deserialize, Serialize};

use crate::support::{ADMIN, ED25519, HMAC_LIVE, HMAC_TEST, RETIRED, START, World, first_shard};

/// One file. Bytes are unpadded base64url; times are milliseconds since the epoch.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) name: String,
    /// What is shown, in a sentence.
    pub(crate) about: String,
    pub(crate) root: String,
    pub(crate) keyring: String,
    pub(crate) secrets: Vec<Secret>,
    /// Bundles offered in this order, with the code of those that must be refused.
    pub(crate) adopt: Vec<Adopt>,
    pub(crate) token: String,
    pub(crate) now_ms: u64,
    pub(crate) kind: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) expect: Expect,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Secret {
    pub(crate) kid: u16,
    pub(crate) secret: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Adopt {
    pub(crate) bundle: String,
    pub(crate) at_ms: u64,
    pub(crate) refused: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(crate) enum Expect {
    Accepted {
        key: Key,
    },
    Refused {
        code: String,
        /// Which layer must refuse: `text`, `proof`, `list` or `door`.
        layer: String,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    name: String,
    issuer: String,
    kind: String,
    environment: String,
    algorithm: String,
    kid: u16,
    serial: u64,
    issued_at: u32,
    expires_at: Option<u32>,
    owner: u32,
    policy: u32,
}

impl Key {
    pub(crate) fn of(accepted: &Accepted) -> Self {
        let claims = accepted.claims();
        Self {
            name: accepted.name().to_string(),
            issuer: accepted.issuer().to_string(),
            kind: claims.kind.name().into(),
            environment: claims.environment.name().into(),
            algorithm: accepted.algorithm().name().into(),
            kid: claims.kid,
            serial: claims.serial.get(),
            issued_at: claims.lifetime.issued_at,
            expires_at: claims.lifetime.expires_at,
            owner: claims.owner,
            policy: claims.policy,
        }
    }
}

struct Scenario(Vector, World);

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A scenario in which `world` has published once and every HMAC secret is held.
fn scenario(name: &str, about: &str, world: &World, token: String) -> Scenario {
    let published = world.publish();
    let secrets =
        [HMAC_LIVE, HMAC_TEST].map(|kid| Secret { kid, secret: encode(&world.secret(kid)) }).into();
    let adopt = Adopt {
        bundle: encode(&published.bundle()),
        at_ms: world.this_update.millis(),
        refused: None,
    };
    let vector = Vector {
        name: name.into(),
        about: about.into(),
        root: world.root().public().unwrap().to_string(),
        keyring: encode(&published.keyring),
        secrets,
        adopt: vec![adopt],
        token,
        now_ms: world.this_update.millis(),
        kind: None,
        environment: None,
        expect: Expect::Refused { code: String::new(), layer: String::new() },
    };
    Scenario(vector, world.clone())
}

impl Scenario {
    fn at(mut self, millis_later: u64) -> Self {
        self.0.now_ms += millis_later;
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Vector)) -> Self {
        change(&mut self.0);
        self
    }

    fn then(mut self, world: &World, refused: Option<&str>) -> Self {
        self.0.adopt.push(Adopt {
            bundle: encode(&world.publish().bundle()),
            at_ms: self.0.now_ms,
            refused: refused.map(String::from),
        });
        self
    }

    fn refused(mut self, layer: &str, code: &str) -> Vector {
        self.0.expect = Expect::Refused { code: code.into(), layer: layer.into() };
        self.0
    }

    fn accepted(mut self, claims: &Claims) -> Vector {
        let world = &self.1;
        let signer = world.signer(claims.kid);
        self.0.expect = Expect::Accepted {
            key: Key {
                name: portcullis_core::token::Name::derive(world.issuer, claims.serial).to_string(),
                issuer: world.issuer.to_string(),
                kind: claims.kind.name().into(),
                environment: claims.environment.name().into(),
                algorithm: signer.algorithm().name().into(),
                kid: claims.kid,
                serial: claims.serial.get(),
                issued_at: claims.lifetime.issued_at,
                expires_at: claims.lifetime.expires_at,
                owner: claims.owner,
                policy: claims.policy,
            },
        };
        self.0
    }
}

/// `token` with its bytes changed and its checksum made right again.
fn resealed(token: &str, prefix: Option<&str>, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let (front, body) = token.split_at(token.rfind('_').unwrap() + 1);
    let front = prefix.unwrap_or(front);
    let mut bytes = vec![0; body.len() / 11 * 8];
    base62::decode(body.as_bytes(), &mut bytes).unwrap();
    bytes.truncate(bytes.len() - 4);
    change(&mut bytes);
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let sum = crc.checksum(&[front.as_bytes(), &bytes].concat());
    bytes.extend(sum.to_be_bytes());
    let mut text = front.to_string();
    base62::encode_into(&bytes, &mut text);
    text
}

pub(crate) fn all() -> Vec<Vector> {
    [accepted(), text(), proof(), list(), door()].into_iter().flatten().collect()
}

fn accepted() -> Vec<Vector> {
    let world = World::new();
    let mut labelled = World::new();
    labelled.label = Label::new("acme").unwrap();
    let lifetime = Lifetime { issued_at: START, expires_at: Some(START + 60) };
    let expiring = Claims { lifetime, ..world.claims(HMAC_LIVE, 42) };
    let last = Serial::at(0, 0xF_FFFF).unwrap();
    let extreme = Claims {
        serial: last,
        owner: u32::MAX,
        policy: u32::MAX,
        nonce: u16::MAX,
        ..world.claims(ED25519, 0)
    };
    let plain = |name, about, world: &World, kid| {
        scenario(name, about, world, world.token(kid, 42)).accepted(&world.claims(kid, 42))
    };
    vec![
        plain("accepted-secret-live", "A secret key, proved by HMAC.", &world, HMAC_LIVE),
        plain("accepted-secret-test", "A secret key of the test environment.", &world, HMAC_TEST),
        plain(
            "accepted-publishable-live",
            "A publishable key, proved by Ed25519.",
            &world,
            ED25519,
        ),
        plain("accepted-label", "A key with its issuer's label in front.", &labelled, HMAC_LIVE),
        scenario(
            "accepted-last-instant",
            "A key in the last millisecond before it expires.",
            &world,
            world.mint(&expiring),
        )
        .at(59_999)
        .accepted(&expiring),
        scenario(
            "accepted-largest-fields",
            "Every number at its largest.",
            &world,
            world.mint(&extreme),
        )
        .accepted(&extreme),
        scenario(
            "accepted-last-millisecond-of-list",
            "A list in the last millisecond before its next update.",
            &world,
            world.token(HMAC_LIVE, 42),
        )
        .at(world.valid_millis - 1)
        .accepted(&world.claims(HMAC_LIVE, 42)),
    ]
}

fn text() -> Vec<Vector> {
    let world = World::new();
    let good = world.token(HMAC_LIVE, 42);
    let body = &good["sk_live_".len()..];
    let case = |name: &str, about: &str, token: String, code: &str| {
        scenario(name, about, &world, token).refused("text", code)
    };
    vec![
        case("text-empty", "There is no text.", String::new(), "malformed_empty"),
        case(
            "text-too-long",
            "A text longer than any token.",
            "a".repeat(158),
            "malformed_too_long",
        ),
        case("text-space", "A space behind the key.", format!("{good} "), "malformed_character"),
        case(
            "text-not-ascii",
            "U+0141 in the place of an A: its low byte is that of A.",
            format!("sk_live_\u{141}{}", &body[1..]),
            "malformed_character",
        ),
        case("text-no-prefix", "A body without a prefix.", body.into(), "malformed_prefix"),
        case(
            "text-unknown-environment",
            "An environment that is neither live nor test.",
            format!("sk_prod_{body}"),
            "malformed_prefix",
        ),
        case(
            "text-uppercase-prefix",
            "A prefix in capitals.",
            format!("SK_live_{body}"),
            "malformed_prefix",
        ),
        case(
            "text-reserved-label",
            "A label that is a word of the prefix itself.",
            format!("test_sk_live_{body}"),
            "malformed_prefix",
        ),
        case(
            "text-cut",
            "The last character is missing.",
            good[..good.len() - 1].into(),
            "malformed_length",
        ),
        case(
            "text-chunk-of-2-64",
            "The first group of 11 characters spells 2^64.",
            format!("sk_live_LygHa16AHYG{}", &body[11..]),
            "malformed_overflow",
        ),
        case(
            "text-checksum",
            "The last character was mistyped.",
            {
                let other = if good.ends_with('0') { "1" } else { "0" };
                format!("{}{other}", &good[..good.len() - 1])
            },
            "malformed_checksum",
        ),
        case(
            "text-version",
            "A version that is not known.",
            resealed(&good, None, |b| b[0] = 2),
            "malformed_version",
        ),
        case(
            "text-prefix-says-otherwise",
            "The prefix says pk, the bytes say secret.",
            resealed(&good, Some("pk_live_"), |_| ()),
            "malformed_fields",
        ),
        case(
            "text-kind-of-neither",
            "A kind that is neither secret nor publishable.",
            resealed(&good, None, |b| b[1] = 0x31),
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

fn proof() -> Vec<Vector> {
    let world = World::new();
    let secret = world.token(HMAC_LIVE, 42);
    let publishable = world.token(ED25519, 42);
    let case = |name: &str, about: &str, token: String, code: &str| {
        scenario(name, about, &world, token).refused("proof", code)
    };
    let forged = |token: &str, at: usize| resealed(token, None, |b| b[at] ^= 1);
    let sign = |claims: Claims, kid| {
        world.signer(kid).mint(world.issuer, world.label, &claims).to_string()
    };
    let claims = world.claims(HMAC_LIVE, 42);
    let mut vectors = vec![
        case(
            "proof-label",
            "A label that the issuer does not use.",
            resealed(&secret, Some("acme_sk_live_"), |_| ()),
            "foreign_label",
        ),
        case(
            "proof-unknown-kid",
            "A signer that the keyring does not list.",
            sign(Claims { kid: 99, ..claims }, HMAC_LIVE),
            "unknown_kid",
        ),
        case(
            "proof-signer-of-other-environment",
            "A live signer under a test key.",
            sign(Claims { environment: Environment::Test, ..claims }, HMAC_LIVE),
            "signer_not_allowed",
        ),
        case(
            "proof-signer-of-other-kind",
            "A signer of secret keys under a publishable one.",
            sign(Claims { kind: Kind::Publishable, ..claims }, HMAC_LIVE),
            "signer_not_allowed",
        ),
        case(
            "proof-admin-key",
            "A key that opens the issuer opens no gate.",
            world.token(ADMIN, 42),
            "signer_not_allowed",
        ),
        case(
            "proof-hmac-under-ed25519-kid",
            "The token chooses no algorithm.",
            sign(Claims { kid: ED25519, ..claims }, HMAC_LIVE),
            "bad_signature",
        ),
        case(
            "proof-ed25519-under-hmac-kid",
            "The token chooses no algorithm.",
            sign(claims, ED25519),
            "bad_signature",
        ),
        case("proof-tag", "One bit of the tag is changed.", forged(&secret, 28), "bad_signature"),
        case(
            "proof-serial",
            "One bit of the serial is changed.",
            forged(&secret, 9),
            "bad_signature",
        ),
        case(
            "proof-owner",
            "One bit of the owner is changed.",
            forged(&secret, 23),
            "bad_signature",
        ),
        case(
            "proof-signature-r",
            "One bit of the signature's R is changed.",
            forged(&publishable, 28),
            "bad_signature",
        ),
        case(
            "proof-signature-s",
            "One bit of the signature's S is changed.",
            forged(&publishable, 60),
            "bad_signature",
        ),
        case(
            "proof-signature-s-plus-l",
            "S + L in the place of S: the same number modulo L.",
            resealed(&publishable, None, |b| add_group_order(&mut b[60..92])),
            "bad_signature",
        ),
        case(
            "proof-small-order-r",
            "R is the identity, S is zero.",
            resealed(&publishable, None, |b| {
                b[28..92].fill(0);
                b[28] = 1;
            }),
            "bad_signature",
        ),
        case(
            "proof-other-issuer",
            "A key of another issuer that uses the same kids.",
            World::with_seed(2).token(ED25519, 42),
            "bad_signature",
        ),
        scenario(
            "proof-secret-not-held",
            "An HMAC key where only the public keyring is.",
            &world,
            secret.clone(),
        )
        .with(|vector| vector.secrets.clear())
        .refused("proof", "secret_not_held"),
    ];
    let mut twin = World::new();
    twin.issuer.0[0] ^= 1;
    vectors.push(case(
        "proof-issuer-is-bound",
        "The same secret and kid under another issuer id.",
        twin.token(HMAC_LIVE, 42),
        "bad_signature",
    ));
    vectors.push(
        case(
            "proof-retired-signer",
            "A signer that is retired.",
            world.token(RETIRED, 42),
            "signer_not_allowed",
        )
        .with_layer("list"),
    );
    vectors
}

impl Vector {
    fn with_layer(mut self, name: &str) -> Self {
        if let Expect::Refused { layer, .. } = &mut self.expect {
            *layer = name.into();
        }
        self
    }
}

/// Adds the order of the Ed25519 group to a little-endian number.
fn add_group_order(number: &mut [u8]) {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, order) in number.iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

fn list() -> Vec<Vector> {
    let mut world = World::new();
    let facts = first_shard(&mut world);
    facts.revoked = vec![1, 2, 77_777];
    facts.suspended = vec![3, 4];
    facts.timed =
        vec![TimedSlot { slot: 4, from: START + 20 }, TimedSlot { slot: 5, from: START + 10 }];
    let case =
        |name: &str, about: &str, slot| scenario(name, about, &world, world.token(HMAC_LIVE, slot));
    let mut vectors = vec![
        case("list-revoked", "A revoked key.", 77_777).refused("list", "revoked"),
        case("list-beside-revoked", "The slot beside a revoked one.", 77_776)
            .accepted(&world.claims(HMAC_LIVE, 77_776)),
        case("list-suspended", "A suspended key.", 3).refused("list", "suspended"),
        case("list-timed-before", "The last millisecond before a revocation strikes.", 5)
            .at(9_999)
            .accepted(&world.claims(HMAC_LIVE, 5)),
        case("list-timed-at", "A timed revocation strikes with its second, without a new list.", 5)
            .at(10_000)
            .refused("list", "revoked"),
        case("list-timed-while-suspended", "Suspended until its revocation strikes.", 4)
            .at(19_999)
            .refused("list", "suspended"),
        case("list-timed-after-suspended", "The revocation strikes a suspended key.", 4)
            .at(20_000)
            .refused("list", "revoked"),
        case("list-past-next-update", "The next update was due and has not come.", 42)
            .at(world.valid_millis)
            .refused("list", "list_past_next_update"),
        case("list-missing", "No list was ever adopted.", 42)
            .with(|v| v.adopt.clear())
            .refused("list", "list_missing"),
    ];
    let uncovered = Claims { serial: Serial::at(1, 0).unwrap(), ..world.claims(HMAC_LIVE, 0) };
    vectors.push(
        scenario(
            "list-not-covered",
            "A shard that the list does not speak of.",
            &world,
            world.mint(&uncovered),
        )
        .refused("list", "not_covered"),
    );
    let lifetime = Lifetime { issued_at: START, expires_at: Some(START + 60) };
    let expiring = Claims { lifetime, ..world.claims(HMAC_LIVE, 42) };
    vectors.push(
        scenario(
            "list-expired",
            "A key expires with the first instant of its second.",
            &world,
            world.mint(&expiring),
        )
        .at(60_000)
        .refused("list", "expired"),
    );

    let mut inverted = World::new();
    first_shard(&mut inverted).revoked = (0..1 << 20).filter(|slot| slot % 1000 != 7).collect();
    let kept = inverted.claims(HMAC_LIVE, 5_007);
    vectors.push(
        scenario(
            "list-inverted-kept",
            "A list coded by its complement: one of the keys that are left.",
            &inverted,
            inverted.mint(&kept),
        )
        .accepted(&kept),
    );
    vectors.push(
        scenario(
            "list-inverted-revoked",
            "A list coded by its complement: a revoked key.",
            &inverted,
            inverted.token(HMAC_LIVE, 5_008),
        )
        .refused("list", "revoked"),
    );

    let mut dense = World::new();
    *first_shard(&mut dense) = ShardFacts {
        capacity: 600,
        revoked: (0..600).filter(|slot| slot % 5 < 2).collect(),
        ..ShardFacts::default()
    };
    vectors.push(
        scenario(
            "list-dense-kept",
            "A list so full that it is coded arithmetically: a key that is left.",
            &dense,
            dense.token(HMAC_LIVE, 42),
        )
        .accepted(&dense.claims(HMAC_LIVE, 42)),
    );
    vectors.push(
        scenario(
            "list-dense-revoked",
            "A list so full that it is coded arithmetically: a revoked key.",
            &dense,
            dense.token(HMAC_LIVE, 596),
        )
        .refused("list", "revoked"),
    );

    let mut wide = World::new();
    wide.wide = vec![
        WideEntry {
            scope: WideScope::Owner(7),
            state: WideState::Suspended,
            issued: IssuedAt { from: 0, before: START + 1 },
        },
        WideEntry {
            scope: WideScope::Kid(HMAC_TEST),
            state: WideState::Revoked,
            issued: IssuedAt::ANY,
        },
    ];
    vectors.push(
        scenario(
            "list-wide-kid",
            "All keys of one signer are revoked: stronger than the owner's suspension.",
            &wide,
            wide.token(HMAC_TEST, 1),
        )
        .refused("list", "revoked"),
    );
    vectors.push(
        scenario(
            "list-wide-owner",
            "All keys of one owner are suspended.",
            &wide,
            wide.token(HMAC_LIVE, 1),
        )
        .refused("list", "suspended"),
    );
    let later = Claims {
        lifetime: Lifetime { issued_at: START + 1, expires_at: None },
        ..wide.claims(HMAC_LIVE, 1)
    };
    vectors.push(
        scenario(
            "list-wide-issued-before",
            "`Issued before` excludes its own second.",
            &wide,
            wide.mint(&later),
        )
        .accepted(&later),
    );

    let old = World::new();
    let mut new = World::new();
    new.number = 2;
    new.previous = Digest::of(&old.publish().head);
    first_shard(&mut new).revoked = vec![9];
    let token = new.token(HMAC_LIVE, 9);
    vectors.push(
        scenario(
            "list-newer",
            "A newer list takes the place of the one that is held.",
            &old,
            token.clone(),
        )
        .then(&new, None)
        .refused("list", "revoked"),
    );
    vectors.push(
        scenario("list-rollback", "An older list is not adopted.", &new, token.clone())
            .then(&old, Some("list_rollback"))
            .refused("list", "revoked"),
    );
    let mut other = new.clone();
    first_shard(&mut other).revoked = vec![];
    vectors.push(
        scenario(
            "list-equivocation",
            "Another list under a number that is known is not adopted.",
            &new,
            token.clone(),
        )
        .then(&other, Some("list_equivocation"))
        .refused("list", "revoked"),
    );
    let mut future = new.clone();
    future.number = 3;
    future.this_update = Time::from_millis(future.this_update.millis() + 10_001);
    vectors.push(
        scenario(
            "list-from-the-future",
            "A list dated more than ten seconds ahead is not adopted.",
            &new,
            token.clone(),
        )
        .then(&future, Some("list_from_the_future"))
        .refused("list", "revoked"),
    );
    let mut long = new.clone();
    long.number = 3;
    long.valid_millis = 86_400_001;
    vectors.push(
        scenario(
            "list-too-long-valid",
            "A list that claims more validity than the keyring allows is not adopted.",
            &new,
            token,
        )
        .then(&long, Some("list_too_long_valid"))
        .refused("list", "revoked"),
    );
    vectors
}

fn door() -> Vec<Vector> {
    let world = World::new();
    let case = |name: &str, about: &str, kid, kind: &str, environment: &str, code: &str| {
        scenario(name, about, &world, world.token(kid, 42))
            .with(|vector| {
                vector.kind = Some(kind.into());
                vector.environment = Some(environment.into());
            })
            .refused("door", code)
    };
    vec![
        case(
            "door-publishable-for-secret",
            "A publishable key in a secret one's place.",
            ED25519,
            "secret",
            "live",
            "wrong_kind",
        ),
        case(
            "door-secret-for-publishable",
            "A secret key in a publishable one's place.",
            HMAC_LIVE,
            "publishable",
            "live",
            "wrong_kind",
        ),
        case(
            "door-test-for-live",
            "A test key at a live door.",
            HMAC_TEST,
            "secret",
            "live",
            "wrong_environment",
        ),
        case(
            "door-live-for-test",
            "A live key at a test door.",
            HMAC_LIVE,
            "secret",
            "test",
            "wrong_environment",
        ),
    ]
}
