//! What a token proves, attacked byte by byte.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use portcullis_core::base62;
use portcullis_core::crypto::{Context, Digest, HmacKey, IssuerId, PublicKey};
use portcullis_core::issue::redact;
use portcullis_core::keyring::Purpose;
use portcullis_core::signature_cache::SignatureCache;
use portcullis_core::time::Time;
use portcullis_core::token::{
    Claims, Environment, Kind, Label, Lifetime, MalformedToken, Name, Prefix, Serial, TokenText,
    toggle_mask,
};
use portcullis_core::verify::{Refusal, Requirements, Unverified};
use support::{ADMIN, ANY, ED25519, HMAC_LIVE, HMAC_TEST, RETIRED, START, World};

/// The prefix and the bytes, without their mask.
fn bytes_of(token: &str) -> (String, Vec<u8>) {
    let (front, body) = token.split_at(token.rfind('_').unwrap() + 1);
    let mut bytes = vec![0; body.len() / 11 * 8];
    base62::decode(body.as_bytes(), &mut bytes).unwrap();
    toggle_mask(&mut bytes).unwrap();
    (front.into(), bytes)
}

/// The token with these bytes below a mask, and a correct checksum.
fn reseal(front: &str, bytes: &[u8]) -> String {
    let mut bytes = bytes.to_vec();
    toggle_mask(&mut bytes).unwrap();
    seal(front, bytes)
}

/// The token that sends these bytes, with a correct checksum.
fn seal(front: &str, mut bytes: Vec<u8>) -> String {
    let at = bytes.len() - 4;
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let sum = crc.checksum(&[front.as_bytes(), &bytes[..at], &[1]].concat());
    bytes[at..].copy_from_slice(&sum.to_be_bytes());
    let mut text = front.to_string();
    base62::encode_into(&bytes, &mut text);
    text
}

#[test]
fn a_key_passes_and_says_what_it_was_made_with() {
    let world = World::new();
    let verifier = world.verifier();
    for kid in [HMAC_LIVE, HMAC_TEST, ED25519] {
        let accepted = verifier.verify(&world.token(kid, 42), &ANY, world.this_update).unwrap();
        assert_eq!(*accepted.claims(), world.claims(kid, 42));
        assert_eq!(accepted.list().number, 1);
        assert!(accepted.name().to_string().starts_with("apk_"));
    }
    assert_eq!(world.token(HMAC_LIVE, 1).len(), "sk_live_".len() + 66);
    assert_eq!(world.token(ED25519, 1).len(), "pk_live_".len() + 132);
    let admin = world.token(ADMIN, 1);
    assert!(admin.starts_with("ak_live_") && admin.len() == "ak_live_".len() + 132);
}

#[test]
fn every_changed_bit_is_refused_by_the_proof_and_not_only_by_the_checksum() {
    let world = World::new();
    let verifier = world.verifier();
    for kid in [HMAC_LIVE, ED25519] {
        let (front, bytes) = bytes_of(&world.token(kid, 42));
        for bit in 0..(bytes.len() - 4) * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let refusal = verifier.verify(&reseal(&front, &forged), &ANY, world.this_update);
            // Version, kind and environment are checked before the proof; kid selects the key.
            match (bit / 8, refusal.unwrap_err()) {
                (0..=1, Refusal::Malformed(MalformedToken::Fields))
                | (2..=3, Refusal::UnknownKid(_) | Refusal::SignerNotAllowed(_)) => {}
                // Issued-at can't be later than expires-at here: expires-at 0 means none, and
                // setting any of its bits gives a time before issued-at.
                (16..=19, Refusal::Malformed(MalformedToken::Fields) | Refusal::BadSignature) => {}
                (_, refusal) => assert_eq!(refusal, Refusal::BadSignature, "bit {bit}"),
            }
        }
    }
}

/// A change of the proof's last word changes all signed bytes, since it is the mask's seed.
#[test]
fn every_changed_bit_of_what_is_sent_is_refused() {
    let world = World::new();
    let verifier = world.verifier();
    for kid in [HMAC_LIVE, ED25519] {
        let (front, mut sent) = bytes_of(&world.token(kid, 42));
        toggle_mask(&mut sent).unwrap();
        assert_eq!(seal(&front, sent.clone()), world.token(kid, 42));
        for bit in 0..(sent.len() - 4) * 8 {
            let mut forged = sent.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let verdict = verifier.verify(&seal(&front, forged), &ANY, world.this_update);
            assert!(verdict.is_err(), "bit {bit}");
        }
    }
}

/// Libraries differ on an S at or above the group order, so no host verifies such a signature.
#[test]
fn a_second_spelling_of_a_signature_is_refused_before_a_host_could_take_it() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let world = World::new();
    let verifier = world.verifier();
    let (front, mut bytes) = bytes_of(&world.token(ED25519, 42));
    let mut carry = 0;
    for (byte, more) in bytes[60..92].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    let unverified = reseal(&front, &bytes);
    let unverified = Unverified::parse(&unverified).unwrap();
    let (keyring, signature_cache) = (verifier.keyring(), SignatureCache::new(8));
    let asked = unverified.signature_to_check(keyring, Purpose::Token, &signature_cache);
    assert_eq!(asked, Err(Refusal::BadSignature));
    let by = unverified.authenticate_by(&signature_cache, keyring, Purpose::Token);
    assert_eq!(by.err(), Some(Refusal::BadSignature));
}

#[test]
fn every_changed_character_is_refused() {
    let world = World::new();
    let verifier = world.verifier();
    for kid in [HMAC_LIVE, ED25519] {
        let token = world.token(kid, 42);
        for at in 0..token.len() {
            for other in "0AZaz_".chars() {
                let mut changed = token.clone();
                changed.replace_range(at..=at, &other.to_string());
                let verdict = verifier.verify(&changed, &ANY, world.this_update);
                assert_eq!(verdict.is_ok(), changed == token, "{changed}");
            }
        }
    }
}

#[test]
fn prefix_label_and_issuer_are_bound() {
    let mut world = World::new();
    world.label = Label::new("acme").unwrap();
    let verifier = world.verifier();
    let (front, bytes) = bytes_of(&world.token(HMAC_LIVE, 42));
    assert_eq!(front, "acme_sk_live_");
    for (other, refusal) in [
        ("sk_live_", Refusal::ForeignLabel),
        ("acne_sk_live_", Refusal::ForeignLabel),
        ("acme_pk_live_", Refusal::Malformed(MalformedToken::Fields)),
        ("acme_ak_live_", Refusal::Malformed(MalformedToken::Length)),
        ("acme_sk_test_", Refusal::Malformed(MalformedToken::Fields)),
    ] {
        let verdict = verifier.verify(&reseal(other, &bytes), &ANY, world.this_update);
        assert_eq!(verdict.unwrap_err(), refusal, "{other}");
    }

    // Another issuer with the same HMAC secret and kid: only the binding tells them apart.
    let mut twin = world.clone();
    twin.issuer.0[0] ^= 1;
    let verdict = verifier.verify(&twin.token(HMAC_LIVE, 42), &ANY, world.this_update);
    assert_eq!(verdict.unwrap_err(), Refusal::BadSignature);
    let stranger = World::with_seed(2).token(ED25519, 42);
    let verdict = World::new().verifier().verify(&stranger, &ANY, world.this_update);
    assert_eq!(verdict.unwrap_err(), Refusal::BadSignature);
}

#[test]
fn the_keyring_decides_who_may_sign_what() {
    let world = World::new();
    let verifier = world.verifier();
    let verify = |claims: &Claims, signed_by: u16| {
        let token = world.signer(signed_by).mint(world.issuer, world.label, claims);
        verifier.verify(&token, &ANY, world.this_update).unwrap_err()
    };
    let claims = world.claims(HMAC_LIVE, 1);
    let test_key = Claims { environment: Environment::Test, ..claims };
    assert_eq!(verify(&test_key, HMAC_LIVE), Refusal::SignerNotAllowed(HMAC_LIVE));
    let publishable = Claims { kind: Kind::Publishable, ..claims };
    assert_eq!(verify(&publishable, HMAC_LIVE), Refusal::SignerNotAllowed(HMAC_LIVE));
    assert_eq!(verify(&world.claims(ADMIN, 1), ADMIN), Refusal::SignerNotAllowed(ADMIN));
    assert_eq!(verify(&world.claims(RETIRED, 1), RETIRED), Refusal::SignerNotAllowed(RETIRED));
    assert_eq!(verify(&Claims { kid: 99, ..claims }, HMAC_LIVE), Refusal::UnknownKid(99));
    // A token can't choose its algorithm: neither an HMAC tag under an Ed25519 kid nor the reverse
    // passes.
    assert_eq!(verify(&Claims { kid: ED25519, ..claims }, HMAC_LIVE), Refusal::BadSignature);
    assert_eq!(verify(&claims, ED25519), Refusal::BadSignature);
    // Neither an admin's signer under another key's looks nor the reverse passes anywhere.
    let admin = Requirements { purpose: Purpose::Admin, ..ANY };
    for claims in [
        Claims { is_admin: false, ..world.claims(ADMIN, 1) },
        Claims { kind: Kind::Secret, is_admin: true, ..world.claims(ED25519, 1) },
    ] {
        let token = world.mint(&claims);
        for requirements in [ANY, admin] {
            let refusal = verifier.verify(&token, &requirements, world.this_update).unwrap_err();
            assert_eq!(refusal, Refusal::SignerNotAllowed(claims.kid));
        }
    }
    // An admin key is accepted only if the caller requires the purpose admin.
    assert!(verifier.verify(&world.token(ADMIN, 1), &admin, world.this_update).is_ok());
    let token = verifier.verify(&world.token(HMAC_LIVE, 1), &admin, world.this_update);
    assert_eq!(token.unwrap_err(), Refusal::SignerNotAllowed(HMAC_LIVE));
}

#[test]
fn an_hmac_key_can_be_verified_only_where_its_secret_is() {
    let world = World::new();
    let published = world.publish();
    let mut verifier = portcullis_core::verifier::Verifier::new(
        world.root().public().unwrap(),
        &published.keyring,
    )
    .unwrap();
    verifier.adopt_bundle(&published.bundle(), world.this_update).unwrap();
    let verdict = verifier.verify(&world.token(HMAC_LIVE, 1), &ANY, world.this_update);
    assert_eq!(verdict.unwrap_err(), Refusal::SecretNotHeld(HMAC_LIVE));
    assert!(verifier.verify(&world.token(ED25519, 1), &ANY, world.this_update).is_ok());
    assert!(verifier.hold_secret(HMAC_LIVE, &[0; 32]).is_err());
    assert!(verifier.hold_secret(ED25519, &[0; 32]).is_err());
    assert!(verifier.hold_secret(HMAC_LIVE, &world.secret(HMAC_LIVE)).is_ok());
    assert!(verifier.verify(&world.token(HMAC_LIVE, 1), &ANY, world.this_update).is_ok());
}

#[test]
fn a_key_is_for_one_kind_of_door() {
    let world = World::new();
    let verifier = world.verifier();
    let door = |kind, environment| Requirements {
        purpose: Purpose::Token,
        kind: Some(kind),
        environment: Some(environment),
    };
    let verify = |kid, requirements: Requirements| {
        verifier.verify(&world.token(kid, 1), &requirements, world.this_update)
    };
    assert!(verify(HMAC_LIVE, door(Kind::Secret, Environment::Live)).is_ok());
    assert!(verify(ED25519, door(Kind::Publishable, Environment::Live)).is_ok());
    assert_eq!(
        verify(HMAC_LIVE, door(Kind::Publishable, Environment::Live)).unwrap_err().code(),
        "wrong_kind"
    );
    assert_eq!(
        verify(ED25519, door(Kind::Secret, Environment::Live)).unwrap_err().code(),
        "wrong_kind"
    );
    assert_eq!(
        verify(HMAC_TEST, door(Kind::Secret, Environment::Live)).unwrap_err().code(),
        "wrong_environment"
    );
}

#[test]
fn a_key_expires_at_its_second_though_the_list_never_speaks_of_it() {
    let mut world = World::new();
    world.valid_millis = 80_000_000;
    let verifier = world.verifier();
    let lifetime = Lifetime { issued_at: START, expires_at: Some(START + 60) };
    let token = world.mint(&Claims { lifetime, ..world.claims(HMAC_LIVE, 1) });
    let at = |millis| verifier.verify(&token, &ANY, world.this_update.plus_millis(millis));
    assert!(at(59_999).is_ok());
    assert_eq!(at(60_000).unwrap_err(), Refusal::Expired);
}

#[test]
fn debug_shows_no_credential() {
    let world = World::new();
    let token = world.token(HMAC_LIVE, 1);
    let unverified = Unverified::parse(&token).unwrap();
    let shown = format!("{unverified:?} {:?} {:?}", world.signer(HMAC_LIVE), world.signer(ED25519));
    assert_eq!(
        shown,
        "Unverified(TokenText(sk_live_***)) Hmac(HmacSigner(HmacKey(..))) Ed25519(SigningKey(..))"
    );
}

/// Numbers and names that let an operator find a key in a log, but don't let a reader of the log
/// use it.
#[test]
fn what_is_no_credential_is_shown_as_it_is() {
    let serial = Serial::at(3, 7).unwrap();
    let name = Name::derive(IssuerId([1; 16]), serial);
    assert_eq!(serial.to_string(), "3/7");
    assert_eq!(format!("{name:?}"), format!("Name({name})"));
    assert!(name.to_string().starts_with("apk_"));
    assert_eq!(format!("{:?}", Label::new("acme").unwrap()), "Label(\"acme\")");
    let (digest, issuer) = (Digest([0xAB; 32]), IssuerId([1; 16]));
    assert_eq!(format!("{digest:?}"), format!("Digest({})", "ab".repeat(32)));
    assert_eq!(format!("{issuer:?}"), format!("IssuerId({issuer})"));
    let root = World::new().root().public().unwrap();
    assert_eq!(format!("{root:?}"), format!("PublicKey({root})"));
    let time = Time::from_millis(1_234_056);
    assert_eq!((time.to_string().as_str(), time.secs()), ("1234.056", 1234));
    assert_eq!(Time::from_millis(u64::MAX).secs(), u32::MAX);
    let digits = "0123456789".repeat(14);
    assert_eq!(redact(&format!("sk_live_{}", &digits[..66])), "sk_live_***12345");
    assert_eq!(redact(&format!("acme_pk_test_{}", &digits[..132])), "acme_pk_test_***78901");
    assert_eq!(redact(&format!("ak_live_{}", &digits[..132])), "ak_live_***78901");
    // What is no token may be another secret.
    for other in
        ["", "hunter2", "my_secret", "sk_live_0123456789", "\u{e9}\u{e9}\u{e9}\u{e9}_\u{e9}"]
    {
        assert_eq!(redact(other), "***", "{other}");
    }
    assert_eq!(redact(&format!("ak_live_{}", &digits[..66])), "***");
    assert_eq!(redact(&format!("x-sk_live_{}", &digits[..66])), "***");
    let refused = |text: &str| PublicKey::from_text(text).unwrap_err().code();
    assert_eq!(refused("short"), "root_unreadable");
    assert_eq!(refused(&"A".repeat(43)), "root_small_order");
    assert_eq!(refused(&("_".repeat(42) + "8")), "root_not_canonical");
}

#[test]
fn the_longest_token_is_not_too_long() {
    let longest = format!("{}_pk_live_{}", "a".repeat(Label::MAX_LEN), "z".repeat(132));
    let refused = |text: &str| Unverified::parse(text).unwrap_err();
    assert_eq!(longest.len(), TokenText::MAX_LEN);
    assert_eq!(refused(&longest), MalformedToken::Overflow);
    assert_eq!(refused(&format!("{longest}z")), MalformedToken::TooLong);
}

#[test]
fn an_hmac_key_knows_its_own_tags_alone() {
    let world = World::new();
    let (front, bytes) = bytes_of(&world.token(HMAC_LIVE, 1));
    let binding = Prefix::parse(front.as_bytes()).unwrap().binding(world.issuer);
    let message = [Context::TOKEN.bytes().as_slice(), &binding, &bytes[..28]].concat();
    let mut message: [u8; 55] = message.try_into().unwrap();
    let mut tag: [u8; 16] = bytes[28..44].try_into().unwrap();
    let key = HmacKey::new(&world.secret(HMAC_LIVE));
    assert!(key.verify(&message, &tag));
    assert!(!HmacKey::new(&world.secret(HMAC_TEST)).verify(&message, &tag));
    tag[15] ^= 1;
    assert!(!key.verify(&message, &tag));
    tag[15] ^= 1;
    message[54] ^= 1;
    assert!(!key.verify(&message, &tag));
}
