//! Canaries: refused by every verifier, recognised by who holds the secret.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use portcullis_core::crypto::HmacKey;
use portcullis_core::issue::HmacSigner;
use portcullis_core::keyring::{Keyring, Purpose};
use portcullis_core::token::{Claims, Environment, Kind, Label, Name, Prefix, toggle_mask};
use portcullis_core::verify::{Canary, Refusal, Unverified};
use support::{ADMIN, ED25519, HMAC_LIVE, HMAC_TEST, World};

/// The text of a canary with these claims, made by the signer with the kid in them.
fn canary(world: &World, claims: &Claims) -> String {
    let signer = HmacSigner::new(&world.secret(claims.kid));
    signer.mint_canary(world.issuer, world.label, claims).to_string()
}

/// The keyring of `world`, and the secrets of these kids.
fn keyring(world: &World, secrets: &[u16]) -> Keyring {
    let mut keyring =
        Keyring::open(&world.publish().keyring, &world.root().public().unwrap()).unwrap();
    secrets.iter().for_each(|kid| keyring.hold_secret(*kid, &world.secret(*kid)).unwrap());
    keyring
}

/// The refusal of a text, and the name of the canary that it is.
fn seen(text: &str, keyring: &Keyring) -> (Option<Refusal>, Option<Name>) {
    let unverified = Unverified::parse(text).unwrap();
    let refusal = unverified.authenticate(keyring, Purpose::Token).err();
    let canary = refusal.and_then(|refusal| Canary::recognise(&unverified, refusal, keyring));
    (refusal, canary.map(|canary| canary.name()))
}

#[test]
fn a_canary_is_a_forgery_that_has_a_name() {
    let world = World::new();
    let keyring = keyring(&world, &[HMAC_LIVE, HMAC_TEST]);
    for kid in [HMAC_LIVE, HMAC_TEST] {
        let claims = world.claims(kid, 42);
        let name = Name::derive(world.issuer, claims.serial);
        let forged = Some(Refusal::BadSignature);
        assert_eq!(seen(&canary(&world, &claims), &keyring), (forged, Some(name)));
        // The same claims with the tag of a key.
        assert_eq!(seen(&world.mint(&claims), &keyring), (None, None));
    }
}

#[test]
fn its_tag_is_that_of_the_same_bytes_in_a_context_of_its_own() {
    let world = World::new();
    let claims = world.claims(HMAC_LIVE, 42);
    let text = canary(&world, &claims);
    let prefix = Prefix {
        label: Label::NONE,
        kind: Kind::Secret,
        is_admin: false,
        environment: Environment::Live,
    };
    let mut bytes = [0; 48];
    portcullis_core::base62::decode(&text.as_bytes()["sk_live_".len()..], &mut bytes).unwrap();
    let signed = *toggle_mask(&mut bytes).unwrap();
    let message = [&b"portc1/cnry"[..], &prefix.binding(world.issuer), &signed].concat();
    let tag = bytes[28..44].try_into().unwrap();
    let key = HmacKey::new(&world.secret(HMAC_LIVE));
    assert!(key.verify(&message.try_into().unwrap(), tag));
    // Without the secret nothing tells it from a key.
    assert_eq!(text.len(), world.mint(&claims).len());
}

#[test]
fn nothing_else_is_recognised() {
    let world = World::new();
    let secrets = keyring(&world, &[HMAC_LIVE, HMAC_TEST]);
    let claims = world.claims(HMAC_LIVE, 42);
    let unverified = Unverified::parse(&canary(&world, &claims)).unwrap();
    // Only the refusal of a tag leads to the question.
    for refusal in [Refusal::Revoked, Refusal::Expired, Refusal::UnknownKid(1)] {
        assert_eq!(Canary::recognise(&unverified, refusal, &secrets), None);
    }
    // Not without the secret, nor under another issuer's.
    assert_eq!(Canary::recognise(&unverified, Refusal::BadSignature, &keyring(&world, &[])), None);
    let other = World::with_seed(2);
    let other = keyring(&other, &[HMAC_LIVE]);
    assert_eq!(Canary::recognise(&unverified, Refusal::BadSignature, &other), None);
    // Not a canary of a kid or a kind that mints none.
    let publishable = Claims { kind: Kind::Publishable, ..claims };
    let test = Claims { environment: Environment::Test, ..claims };
    let of_other_kid = Claims { kid: ED25519, ..claims };
    let admin = Claims { kid: ADMIN, ..claims };
    for claims in [publishable, test, of_other_kid, admin] {
        let signer = HmacSigner::new(&world.secret(HMAC_LIVE));
        let text = signer.mint_canary(world.issuer, world.label, &claims);
        let unverified = Unverified::parse(&text).unwrap();
        assert_eq!(Canary::recognise(&unverified, Refusal::BadSignature, &secrets), None);
    }
    // Not a forgery whose tag is neither's.
    let forged = HmacSigner::new(&[3; 32]).mint_canary(world.issuer, world.label, &claims);
    assert_eq!(seen(&forged, &secrets), (Some(Refusal::BadSignature), None));
}
