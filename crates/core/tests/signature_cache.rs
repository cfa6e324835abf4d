//! The cache stores verified signatures, never verdicts; and native verification accepts nothing
//! that the verifier would refuse.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use portcullis_core::keyring::Purpose;
use portcullis_core::policy::Policies;
use portcullis_core::signature_cache::{PendingSignature, SignatureCache};
use portcullis_core::token::{Claims, Lifetime};
use portcullis_core::verify::{Refusal, Unverified};
use support::{ANY, ED25519, HMAC_LIVE, START, World, first_shard};

#[test]
fn a_remembered_signature_is_verified_anew_each_time() {
    let mut world = World::new();
    let lifetime = Lifetime { issued_at: START, expires_at: Some(START + 60) };
    let token = world.mint(&Claims { lifetime, ..world.claims(ED25519, 5) });
    let mut signature_cache = SignatureCache::new(8);
    let verifier = world.verifier();
    let now = world.this_update;
    for _ in 0..2 {
        assert!(
            verifier
                .verify_with(&mut signature_cache, &Policies::new(0), &token, &ANY, now)
                .is_ok()
        );
    }
    let end = now.plus_millis(60_000);
    let verdict = verifier.verify_with(&mut signature_cache, &Policies::new(0), &token, &ANY, end);
    assert_eq!(verdict.unwrap_err(), Refusal::Expired);

    first_shard(&mut world).revoked = vec![5];
    let verdict =
        world.verifier().verify_with(&mut signature_cache, &Policies::new(0), &token, &ANY, now);
    assert_eq!(verdict.unwrap_err(), Refusal::Revoked);

    // Another issuer's keyring has another key and another binding, so there is another signature
    // to verify.
    let stranger = World::with_seed(2);
    let verdict =
        stranger.verifier().verify_with(&mut signature_cache, &Policies::new(0), &token, &ANY, now);
    assert_eq!(verdict.unwrap_err(), Refusal::BadSignature);
}

#[test]
fn what_is_given_out_is_checked_and_what_comes_back_is_found() {
    let world = World::new();
    let verifier = world.verifier();
    let token = world.token(ED25519, 5);
    let mut signature_cache = SignatureCache::new(8);
    let ask = |signature_cache: &SignatureCache, token: &str| {
        Unverified::parse(token).unwrap().signature_to_check(
            verifier.keyring(),
            Purpose::Token,
            signature_cache,
        )
    };
    let signature = ask(&signature_cache, &token).unwrap().unwrap();
    let key = world.signing_key(ED25519).public().unwrap();
    assert_eq!(signature.key(), &key.to_bytes());
    assert!(!signature_cache.holds(&signature));
    signature_cache.insert(signature.clone().verified_by_host());
    assert!(signature_cache.holds(&signature));
    assert_eq!(ask(&signature_cache, &token), Ok(None));
    assert!(
        verifier
            .verify_with(&mut signature_cache, &Policies::new(0), &token, &ANY, world.this_update)
            .is_ok()
    );
    // Keys proved by an HMAC need no native verification, and bad ones get none.
    assert_eq!(ask(&signature_cache, &world.token(HMAC_LIVE, 5)), Ok(None));
    let stranger = World::with_seed(2).token(HMAC_LIVE, 5);
    assert_eq!(ask(&signature_cache, &stranger), Err(Refusal::BadSignature));
}

#[test]
fn a_signature_is_known_for_its_own_key_and_message_alone() {
    let world = World::new();
    let verifier = world.verifier();
    let unverified = Unverified::parse(&world.token(ED25519, 5)).unwrap();
    let mut signature_cache = SignatureCache::new(8);
    let asked = unverified.signature_to_check(verifier.keyring(), Purpose::Token, &signature_cache);
    let known = asked.unwrap().unwrap();
    signature_cache.insert(known.clone().verified_by_host());
    assert!(signature_cache.holds(&known));
    let others = [(0, 0), (1, 54), (2, 63)].map(|(part, at)| {
        let (mut key, mut message, mut signature) =
            (*known.key(), *known.message(), *known.signature());
        match part {
            0 => key[at] ^= 1,
            1 => message[at] ^= 1,
            // A byte that doesn't influence the place in the cache.
            _ => signature[at] ^= 1,
        }
        PendingSignature::from_parts(key, message, signature).unwrap()
    });
    assert!(!others.iter().any(|other| signature_cache.holds(other)));
    // One that is not strict is refused before it can be verified.
    assert_eq!(PendingSignature::from_parts(*known.key(), *known.message(), [0xFF; 64]), None);
}

#[test]
fn what_is_known_needs_no_ed25519_and_nothing_else_is_known() {
    let world = World::new();
    let verifier = world.verifier();
    let mut signature_cache = SignatureCache::new(8);
    let known = |signature_cache: &SignatureCache, token: &str, purpose| {
        let unverified = Unverified::parse(token).unwrap();
        let authentic =
            unverified.authenticate_known(signature_cache, verifier.keyring(), purpose)?;
        Some(authentic.name().to_string())
    };
    let (secret, publishable) = (world.token(HMAC_LIVE, 5), world.token(ED25519, 5));
    let name = verifier.verify(&secret, &ANY, world.this_update).unwrap().name().to_string();
    assert_eq!(known(&signature_cache, &secret, Purpose::Token), Some(name.clone()));
    assert_eq!(known(&signature_cache, &publishable, Purpose::Token), None);
    assert!(
        verifier
            .verify_with(
                &mut signature_cache,
                &Policies::new(0),
                &publishable,
                &ANY,
                world.this_update
            )
            .is_ok()
    );
    assert_eq!(known(&signature_cache, &publishable, Purpose::Token), Some(name));
    for token in [secret, publishable] {
        assert_eq!(known(&signature_cache, &token, Purpose::Admin), None);
    }
    for kid in [HMAC_LIVE, ED25519] {
        assert_eq!(
            known(&signature_cache, &World::with_seed(2).token(kid, 5), Purpose::Token),
            None
        );
    }
}

#[test]
fn a_memo_is_bounded_and_forged_keys_never_get_in() {
    let world = World::new();
    let verifier = world.verifier();
    let mut signature_cache = SignatureCache::new(4);
    let stranger = World::with_seed(2);
    let forged: Vec<String> = (0..50).map(|slot| stranger.token(ED25519, slot)).collect();
    let is_unknown = |signature_cache: &SignatureCache, token: &String| {
        let unverified = Unverified::parse(token).unwrap();
        let asked =
            unverified.signature_to_check(verifier.keyring(), Purpose::Token, signature_cache);
        matches!(asked, Ok(Some(_)))
    };
    for token in &forged {
        for _ in 0..2 {
            assert!(
                verifier
                    .verify_with(
                        &mut signature_cache,
                        &Policies::new(0),
                        token,
                        &ANY,
                        world.this_update
                    )
                    .is_err()
            );
            assert!(is_unknown(&signature_cache, token), "nothing has pushed it out yet");
        }
    }
    for slot in 0..50 {
        let token = world.token(ED25519, slot);
        assert!(
            verifier
                .verify_with(
                    &mut signature_cache,
                    &Policies::new(0),
                    &token,
                    &ANY,
                    world.this_update
                )
                .is_ok()
        );
        assert!(
            verifier
                .verify_with(
                    &mut signature_cache,
                    &Policies::new(0),
                    &token,
                    &ANY,
                    world.this_update
                )
                .is_ok()
        );
    }
    assert!(forged.iter().all(|token| is_unknown(&signature_cache, token)));
}

#[test]
fn signatures_that_share_their_places_push_out_the_oldest_alone() {
    let world = World::new();
    let verifier = world.verifier();
    let signature = |slot| {
        let token = world.token(ED25519, slot);
        let unverified = Unverified::parse(&token).unwrap();
        let asked = unverified
            .signature_to_check(verifier.keyring(), Purpose::Token, &SignatureCache::new(0))
            .unwrap();
        asked.unwrap()
    };
    let signatures: Vec<_> = (0..5).map(signature).collect();
    let mut signature_cache = SignatureCache::new(4);
    for (at, signature) in signatures[..4].iter().enumerate() {
        signature_cache.insert(signature.clone().verified_by_host());
        signature_cache.insert(signature.clone().verified_by_host());
        assert!(signatures[..=at].iter().all(|signature| signature_cache.holds(signature)), "{at}");
    }
    signature_cache.insert(signatures[4].clone().verified_by_host());
    assert!(!signature_cache.holds(&signatures[0]));
    assert!(signatures[1..].iter().all(|signature| signature_cache.holds(signature)));
    // A capacity that is not a multiple of four is still an upper bound.
    for capacity in [0, 1, 3, 5, 7] {
        let mut signature_cache = SignatureCache::new(capacity);
        signatures
            .iter()
            .for_each(|signature| signature_cache.insert(signature.clone().verified_by_host()));
        let held = signatures.iter().filter(|signature| signature_cache.holds(signature)).count();
        assert!(held <= capacity && (held > 0) == (capacity > 0), "{capacity}: {held}");
    }
}

#[test]
fn signatures_are_spread_over_all_places() {
    let world = World::new();
    let keyring = world.verifier().keyring().clone();
    let mut signature_cache = SignatureCache::new(1024);
    let tokens: Vec<String> = (0..64).map(|slot| world.token(ED25519, slot)).collect();
    for token in &tokens {
        let unverified = Unverified::parse(token).unwrap();
        unverified.authenticate_with(&mut signature_cache, &keyring, Purpose::Token).unwrap();
    }
    let known = tokens.iter().filter(|token| {
        let unverified = Unverified::parse(token).unwrap();
        unverified.authenticate_known(&signature_cache, &keyring, Purpose::Token).is_some()
    });
    assert_eq!(known.count(), tokens.len());
}
