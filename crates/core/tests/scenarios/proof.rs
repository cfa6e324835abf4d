//! Well-formed keys that the issuer did not make.

use portcullis_core::issue::HmacSigner;
use portcullis_core::token::{Claims, Environment, Kind, Label, Lifetime};

use super::forge::resealed;
use super::scenario;
use super::shape::Vector;
use crate::support::{ADMIN, ED25519, HMAC_LIVE, HMAC_TEST, LIST, RETIRED, START, World};

/// The second label of every test issuer.
fn acme() -> Label {
    Label::new("acme").unwrap()
}

pub(super) fn all() -> Vec<Vector> {
    [signers(), changed(), bindings(), canaries()].into_iter().flatten().collect()
}

pub(super) fn case(name: &str, about: &str, token: &str, code: &str) -> Vector {
    scenario(name, about, &World::new()).token(token).refused("proof", code)
}

/// The key with these claims, signed by the key of another kid.
fn signed_as(claims: Claims, kid: u16) -> String {
    let world = World::new();
    world.signer(kid).mint(world.issuer, world.label, &claims).to_string()
}

fn signers() -> Vec<Vector> {
    let world = World::new();
    let secret = world.token(HMAC_LIVE, 42);
    let claims = world.claims(HMAC_LIVE, 42);
    let of_kid_99 = signed_as(Claims { kid: 99, ..claims }, HMAC_LIVE);
    let no_secrets = |name: &str, about: &str, token: &str, code: &str| {
        scenario(name, about, &world)
            .token(token)
            .with(|vector| vector.secrets.clear())
            .refused("proof", code)
    };
    vec![
        case(
            "proof-label",
            "A label that the issuer does not use.",
            &resealed(&secret, Some("acme_sk_live_"), |_| ()),
            "foreign_label",
        ),
        case(
            "proof-label-before-kid",
            "Neither label nor kid is known: the label is looked at first.",
            &resealed(&of_kid_99, Some("acme_sk_live_"), |_| ()),
            "foreign_label",
        ),
        case(
            "proof-unknown-kid",
            "A signer that the keyring does not list.",
            &of_kid_99,
            "unknown_kid",
        ),
        case(
            "proof-signer-of-other-environment",
            "A live signer under a test key.",
            &signed_as(Claims { environment: Environment::Test, ..claims }, HMAC_LIVE),
            "signer_not_allowed",
        ),
        case(
            "proof-signer-of-other-kind",
            "A signer of secret keys under a publishable one.",
            &signed_as(Claims { kind: Kind::Publishable, ..claims }, HMAC_LIVE),
            "signer_not_allowed",
        ),
        case(
            "proof-admin-key",
            "A key that opens the issuer opens no gate.",
            &world.token(ADMIN, 42),
            "signer_not_allowed",
        ),
        case(
            "proof-admin-signer-of-secret-key",
            "The signer of admin keys under a key that does not say that it is one.",
            &world.mint(&Claims { is_admin: false, ..world.claims(ADMIN, 42) }),
            "signer_not_allowed",
        ),
        case(
            "proof-token-signer-of-admin-key",
            "A signer of keys for gates under a key that says that it is an admin key.",
            &world.mint(&Claims {
                kind: Kind::Secret,
                is_admin: true,
                ..world.claims(ED25519, 42)
            }),
            "signer_not_allowed",
        ),
        case(
            "proof-list-key",
            "A key that signs lists signs no keys.",
            &world.token(LIST, 42),
            "signer_not_allowed",
        ),
        case(
            "proof-purpose-before-length",
            "The purpose is looked at before the length that its algorithm would have.",
            &signed_as(Claims { kid: ADMIN, ..claims }, HMAC_LIVE),
            "signer_not_allowed",
        ),
        case(
            "proof-hmac-under-ed25519-kid",
            "The token chooses no algorithm.",
            &signed_as(Claims { kid: ED25519, ..claims }, HMAC_LIVE),
            "bad_signature",
        ),
        case(
            "proof-ed25519-under-hmac-kid",
            "The token chooses no algorithm.",
            &signed_as(claims, ED25519),
            "bad_signature",
        ),
        no_secrets(
            "proof-secret-not-held",
            "An HMAC key where only the public keyring is.",
            &secret,
            "secret_not_held",
        ),
        no_secrets(
            "proof-length-before-secret",
            "The length of Ed25519 under an HMAC kid: the secret would not help.",
            &signed_as(claims, ED25519),
            "bad_signature",
        ),
        scenario("proof-retired-signer", "A signer that is retired.", &world)
            .token(world.token(RETIRED, 42))
            .refused("list", "signer_not_allowed"),
    ]
}

fn changed() -> Vec<Vector> {
    let world = World::new();
    let (secret, publishable) = (world.token(HMAC_LIVE, 42), world.token(ED25519, 42));
    let lifetime = Lifetime { issued_at: START, expires_at: Some(START + 60) };
    let expiring = Claims { lifetime, ..world.claims(HMAC_LIVE, 42) };
    let forged = |name: &str, what: &str, token: &str, at: usize| {
        let about = format!("One bit of {what} is changed.");
        case(name, &about, &resealed(token, None, |bytes| bytes[at] ^= 1), "bad_signature")
    };
    vec![
        forged("proof-serial", "the serial", &secret, 9),
        forged("proof-nonce", "the nonce", &secret, 11),
        forged("proof-issued-at", "issued at", &secret, 15),
        forged("proof-owner", "the owner", &secret, 23),
        forged("proof-policy", "the policy", &publishable, 27),
        forged("proof-tag", "the tag", &secret, 28),
        forged("proof-tag-end", "the last byte of the tag", &secret, 43),
        forged("proof-signature-r", "the signature's R", &publishable, 28),
        forged("proof-signature-s", "the signature's S", &publishable, 60),
        case(
            "proof-expires-at",
            "A later expiry in the place of its own.",
            &resealed(&world.mint(&expiring), None, |b| b[16] = 0xFF),
            "bad_signature",
        ),
        case(
            "proof-kid",
            "The kid of another signer that may sign such keys.",
            &resealed(&publishable, None, |b| b[3] = 6),
            "bad_signature",
        ),
    ]
}

fn bindings() -> Vec<Vector> {
    let world = World::new();
    let mut twin = World::new();
    twin.issuer.0[0] ^= 1;
    let both = World { amend: |keyring| keyring.labels.push(acme()), ..World::new() };
    let relabelled = resealed(&both.token(HMAC_LIVE, 42), Some("acme_sk_live_"), |_| ());
    let test = Claims { kid: ED25519, kind: Kind::Secret, ..world.claims(HMAC_TEST, 42) };
    vec![
        case(
            "proof-other-issuer",
            "A key of another issuer that uses the same kids.",
            &World::with_seed(2).token(ED25519, 42),
            "bad_signature",
        ),
        case(
            "proof-issuer-is-bound",
            "The same secret and kid under another issuer id.",
            &twin.token(HMAC_LIVE, 42),
            "bad_signature",
        ),
        scenario(
            "proof-label-is-bound",
            "Another label of the same issuer, put in front of a good key.",
            &both,
        )
        .token(relabelled)
        .refused("proof", "bad_signature"),
        case(
            "proof-environment-is-bound",
            "A test key that was made a live one, prefix, byte and checksum.",
            &resealed(&world.mint(&test), Some("sk_live_"), |b| b[1] = 0x11),
            "bad_signature",
        ),
    ]
}

fn canaries() -> Vec<Vector> {
    let world = World::new();
    let signer = HmacSigner::new(&world.secret(HMAC_LIVE));
    let claims = world.claims(HMAC_LIVE, 42);
    let canary = signer.mint_canary(world.issuer, world.label, &claims);
    vec![case(
        "proof-canary",
        "A canary: to a verifier it is a forgery, whoever holds the secret.",
        &canary,
        "bad_signature",
    )]
}
