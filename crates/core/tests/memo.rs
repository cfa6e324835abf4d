//! The memo knows signatures, never verdicts; and the door for native verification lets nothing by.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use portcullis_core::keyring::Purpose;
use portcullis_core::memo::{Memo, SignatureToCheck};
use portcullis_core::token::{Claims, Lifetime};
use portcullis_core::verify::{Refusal, Unverified};
use support::{ANY, ED25519, HMAC_LIVE, START, World, first_shard};

#[test]
fn a_remembered_signature_is_judged_anew_each_time() {
    let mut world = World::new();
    let lifetime = Lifetime { issued_at: START, expires_at: Some(START + 60) };
    let token = world.mint(&Claims { lifetime, ..world.claims(ED25519, 5) });
    let mut memo = Memo::new(8);
    let replica = world.replica();
    let now = world.this_update;
    for _ in 0..2 {
        assert!(replica.verify_with(&mut memo, &token, &ANY, now).is_ok());
    }
    let end = now.plus_millis(60_000);
    let verdict = replica.verify_with(&mut memo, &token, &ANY, end);
    assert_eq!(verdict.unwrap_err(), Refusal::Expired);

    first_shard(&mut world).revoked = vec![5];
    let verdict = world.replica().verify_with(&mut memo, &token, &ANY, now);
    assert_eq!(verdict.unwrap_err(), Refusal::Revoked);

    // Another issuer's keyring: another key, another binding, so another signature to check.
    let stranger = World::with_seed(2);
    let verdict = stranger.replica().verify_with(&mut memo, &token, &ANY, now);
    assert_eq!(verdict.unwrap_err(), Refusal::BadSignature);
}

#[test]
fn what_is_given_out_is_checked_and_what_comes_back_is_found() {
    let world = World::new();
    let replica = world.replica();
    let token = world.token(ED25519, 5);
    let mut memo = Memo::new(8);
    let ask = |memo: &Memo, token: &str| {
        Unverified::parse(token).unwrap().signature_to_check(
            replica.keyring(),
            Purpose::Token,
            memo,
        )
    };
    let signature = ask(&memo, &token).unwrap().unwrap();
    let key = world.signing_key(ED25519).public().unwrap();
    assert_eq!(signature.key, key.to_bytes());
    assert!(!memo.holds(&signature));
    memo.insert(signature.clone());
    assert!(memo.holds(&signature));
    assert_eq!(ask(&memo, &token), Ok(None));
    assert!(replica.verify_with(&mut memo, &token, &ANY, world.this_update).is_ok());
    // Keys that are proved by an HMAC need no native help, and bad ones get none.
    assert_eq!(ask(&memo, &world.token(HMAC_LIVE, 5)), Ok(None));
    let stranger = World::with_seed(2).token(HMAC_LIVE, 5);
    assert_eq!(ask(&memo, &stranger), Err(Refusal::BadSignature));
}

#[test]
fn a_signature_is_known_for_its_own_key_and_message_alone() {
    let world = World::new();
    let replica = world.replica();
    let unverified = Unverified::parse(&world.token(ED25519, 5)).unwrap();
    let mut memo = Memo::new(8);
    let asked = unverified.signature_to_check(replica.keyring(), Purpose::Token, &memo);
    let known = asked.unwrap().unwrap();
    memo.insert(known.clone());
    assert!(memo.holds(&known));
    let mut others = [known.clone(), known.clone(), known];
    others[0].key[0] ^= 1;
    others[1].message[54] ^= 1;
    // Of the bytes that choose no place.
    others[2].signature[63] ^= 1;
    assert!(!others.iter().any(|other: &SignatureToCheck| memo.holds(other)));
}

#[test]
fn what_is_known_needs_no_ed25519_and_nothing_else_is_known() {
    let world = World::new();
    let replica = world.replica();
    let mut memo = Memo::new(8);
    let known = |memo: &Memo, token: &str, purpose| {
        let unverified = Unverified::parse(token).unwrap();
        let authentic = unverified.authenticate_known(memo, replica.keyring(), purpose)?;
        Some(authentic.name().to_string())
    };
    let (secret, publishable) = (world.token(HMAC_LIVE, 5), world.token(ED25519, 5));
    let name = replica.verify(&secret, &ANY, world.this_update).unwrap().name().to_string();
    assert_eq!(known(&memo, &secret, Purpose::Token), Some(name.clone()));
    assert_eq!(known(&memo, &publishable, Purpose::Token), None);
    assert!(replica.verify_with(&mut memo, &publishable, &ANY, world.this_update).is_ok());
    assert_eq!(known(&memo, &publishable, Purpose::Token), Some(name));
    for token in [secret, publishable] {
        assert_eq!(known(&memo, &token, Purpose::Admin), None);
    }
    for kid in [HMAC_LIVE, ED25519] {
        assert_eq!(known(&memo, &World::with_seed(2).token(kid, 5), Purpose::Token), None);
    }
}

#[test]
fn a_memo_is_bounded_and_forged_keys_never_get_in() {
    let world = World::new();
    let replica = world.replica();
    let mut memo = Memo::new(4);
    let stranger = World::with_seed(2);
    let forged: Vec<String> = (0..50).map(|slot| stranger.token(ED25519, slot)).collect();
    let is_unknown = |memo: &Memo, token: &String| {
        let unverified = Unverified::parse(token).unwrap();
        let asked = unverified.signature_to_check(replica.keyring(), Purpose::Token, memo);
        matches!(asked, Ok(Some(_)))
    };
    for token in &forged {
        for _ in 0..2 {
            assert!(replica.verify_with(&mut memo, token, &ANY, world.this_update).is_err());
            assert!(is_unknown(&memo, token), "nothing has pushed it out yet");
        }
    }
    for slot in 0..50 {
        let token = world.token(ED25519, slot);
        assert!(replica.verify_with(&mut memo, &token, &ANY, world.this_update).is_ok());
        assert!(replica.verify_with(&mut memo, &token, &ANY, world.this_update).is_ok());
    }
    assert!(forged.iter().all(|token| is_unknown(&memo, token)));
}

#[test]
fn signatures_that_share_their_places_push_out_the_oldest_alone() {
    let world = World::new();
    let replica = world.replica();
    let signature = |slot| {
        let token = world.token(ED25519, slot);
        let unverified = Unverified::parse(&token).unwrap();
        let asked = unverified
            .signature_to_check(replica.keyring(), Purpose::Token, &Memo::new(0))
            .unwrap();
        asked.unwrap()
    };
    let signatures: Vec<_> = (0..5).map(signature).collect();
    let mut memo = Memo::new(4);
    for (at, signature) in signatures[..4].iter().enumerate() {
        memo.insert(signature.clone());
        memo.insert(signature.clone());
        assert!(signatures[..=at].iter().all(|signature| memo.holds(signature)), "{at}");
    }
    memo.insert(signatures[4].clone());
    assert!(!memo.holds(&signatures[0]));
    assert!(signatures[1..].iter().all(|signature| memo.holds(signature)));
    // A capacity that is no multiple of four is a bound all the same.
    for capacity in [0, 1, 3, 5, 7] {
        let mut memo = Memo::new(capacity);
        signatures.iter().for_each(|signature| memo.insert(signature.clone()));
        let held = signatures.iter().filter(|signature| memo.holds(signature)).count();
        assert!(held <= capacity && (held > 0) == (capacity > 0), "{capacity}: {held}");
    }
}

#[test]
fn signatures_are_spread_over_all_places() {
    let world = World::new();
    let keyring = world.replica().keyring().clone();
    let mut memo = Memo::new(1024);
    let tokens: Vec<String> = (0..64).map(|slot| world.token(ED25519, slot)).collect();
    for token in &tokens {
        let unverified = Unverified::parse(token).unwrap();
        unverified.authenticate_with(&mut memo, &keyring, Purpose::Token).unwrap();
    }
    let known = tokens.iter().filter(|token| {
        let unverified = Unverified::parse(token).unwrap();
        unverified.authenticate_known(&memo, &keyring, Purpose::Token).is_some()
    });
    assert_eq!(known.count(), tokens.len());
}
