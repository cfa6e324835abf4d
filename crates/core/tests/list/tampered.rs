//! Lists that were altered, or signed by a key that may not sign them.

use crate::support::{ANY, ED25519, HMAC_LIVE, LIST, START, World, first_shard};
use portcullis_core::error::{FileKind, WireError};
use portcullis_core::issue::{StampDraft, name_file};
use portcullis_core::list::{
    BulkEntry, BulkScope, BulkState, IssuedAt, ListError, Part, TimedSlot,
};
use portcullis_core::time::Time;
use portcullis_core::verifier::AdoptError;
use portcullis_core::verify::Refusal;

#[test]
fn what_is_restored_is_checked_like_any_other() {
    let world = World::new();
    let other = World::with_seed(2);
    let mut altered = world.publish();
    altered.stamp[100] ^= 1;
    let mut short = world.publish();
    short.bodies[0].pop();
    let mut early = world.clone();
    early.this_update = early.this_update.plus_millis(10_001);
    let mut long = world.clone();
    long.valid_millis = 86_400_001;
    for (file, code) in [
        (other.publish().bundle(), "keyring_not_signed_by_root"),
        (altered.bundle(), "list_bad_signature"),
        (short.bundle(), "list_wrong_digest"),
        (early.publish().bundle(), "list_from_the_future"),
        (long.publish().bundle(), "list_too_long_valid"),
        (b"PCZ".to_vec(), "list_unreadable"),
    ] {
        let mut verifier = world.empty_replica();
        assert_eq!(verifier.restore(&file, world.this_update).unwrap_err().code(), code);
        assert_eq!(verifier.list_at(world.this_update).unwrap_err(), ListError::Missing);
    }
}

#[test]
fn stamps_with_impossible_times_are_refused() {
    let refused = |change: fn(&mut World)| {
        let world = World::new();
        let mut verifier = world.empty_replica();
        let mut liar = world.clone();
        change(&mut liar);
        match verifier.adopt_bundle(&liar.publish().bundle(), world.this_update) {
            Err(AdoptError::List(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        refused(|w| w.this_update = w.this_update.plus_millis(10_001)),
        ListError::FromTheFuture
    );
    assert_eq!(refused(|w| w.valid_millis = 0), ListError::FromTheFuture);
    assert_eq!(refused(|w| w.valid_millis = 86_400_001), ListError::TooLongValid);
    assert_eq!(
        refused(|w| w.this_update = Time::from_millis(w.this_update.millis() - w.valid_millis)),
        ListError::PastNextUpdate
    );
}

#[test]
fn a_list_whose_signer_is_retired_verifies_nothing_any_more() {
    let world = World::new();
    let mut verifier = world.verifier();
    let mut draft = world.keyring_draft();
    draft.version = 2;
    for entry in draft.entries.iter_mut().filter(|entry| entry.kid == LIST) {
        entry.state = portcullis_core::keyring::State::Retired;
    }
    assert_eq!(verifier.offer_keyring(&draft.sign(&world.root()).unwrap()), Ok(true));
    let verdict = verifier.verify(&world.token(HMAC_LIVE, 1), &ANY, world.this_update).unwrap_err();
    assert_eq!(verdict, Refusal::List(ListError::NotAListKey(LIST)));
}

#[test]
fn a_list_on_its_way_in_is_not_taken_under_a_keyring_that_refuses_it() {
    let world = World::new();
    let now = world.this_update;
    let published = world.publish();
    let mut verifier = world.empty_replica();
    let mut update = verifier.offer_stamp(&published.stamp, now).unwrap().unwrap();
    update.offer_head(&published.head, &verifier.keyring().clone(), now).unwrap();
    update.offer_body(&published.bodies[0]).unwrap();

    // Another issuer's replica refuses the update too.
    let mut stranger = World::with_seed(2).empty_replica();
    assert_eq!(stranger.commit(update.clone()), Err(ListError::ForeignIssuer));

    // The key was stolen, and is retired before the thief's list arrives.
    let mut draft = world.keyring_draft();
    draft.version = 2;
    for entry in draft.entries.iter_mut().filter(|entry| entry.kid == LIST) {
        entry.state = portcullis_core::keyring::State::Retired;
    }
    assert_eq!(verifier.offer_keyring(&draft.sign(&world.root()).unwrap()), Ok(true));
    assert_eq!(verifier.commit(update.clone()), Err(ListError::NotAListKey(LIST)));

    (draft.version, draft.epoch) = (3, 2);
    for entry in &mut draft.entries {
        entry.state = portcullis_core::keyring::State::Active;
    }
    assert_eq!(verifier.offer_keyring(&draft.sign(&world.root()).unwrap()), Ok(true));
    let verdict = verifier.commit(update);
    assert_eq!(verdict, Err(ListError::WrongEpoch { held: 2, offered: 1 }));
    assert!(verifier.list().is_none());
}

#[test]
fn every_cut_flip_and_added_byte_of_every_file_is_refused() {
    let mut world = World::new();
    let facts = first_shard(&mut world);
    facts.revoked = vec![1, 2, 30_000];
    facts.timed = vec![TimedSlot { slot: 3, from: START + 10 }];
    world.bulk = vec![BulkEntry {
        scope: BulkScope::Owner(1),
        state: BulkState::Revoked,
        issued: IssuedAt::ANY,
    }];
    let bundle = world.publish().bundle();
    let empty = world.empty_replica();
    let refused = |bytes: &[u8]| {
        let mut verifier = empty.clone();
        let verdict = verifier.adopt_bundle(bytes, world.this_update);
        verdict.is_err() && verifier.list().is_none()
    };
    assert!(!refused(&bundle));
    for len in 0..bundle.len() {
        assert!(refused(&bundle[..len]), "cut at {len}");
    }
    assert!(refused(&[&bundle[..], &[0]].concat()));
    for bit in 0..bundle.len() * 8 {
        let mut flipped = bundle.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(refused(&flipped), "bit {bit}");
    }
}

#[test]
fn lists_signed_by_another_key_or_for_another_issuer_are_refused() {
    let world = World::new();
    let mut verifier = world.empty_replica();
    let stranger = World::with_seed(2).publish();
    assert_eq!(
        verifier.offer_stamp(&stranger.stamp, world.this_update).unwrap_err(),
        ListError::ForeignIssuer
    );
    let mut signer = world.list_signer();
    signer.key = world.signing_key(ED25519);
    let draft = StampDraft {
        list_version: world.list_version(),
        head: name_file(b"head"),
        keyring_version: 1,
    };
    let now = world.this_update;
    assert_eq!(
        verifier.offer_stamp(&signer.sign_stamp(&draft), now).unwrap_err(),
        ListError::BadSignature
    );
    // A token key under its own kid: its purpose does not include lists.
    signer.kid = ED25519;
    assert_eq!(
        verifier.offer_stamp(&signer.sign_stamp(&draft), now).unwrap_err(),
        ListError::NotAListKey(ED25519)
    );
    signer.kid = LIST;
    signer.key = world.signing_key(LIST);
    let good = signer.sign_stamp(&draft);
    assert!(verifier.offer_stamp(&good, now).unwrap().is_some());
    assert_eq!(good.len(), portcullis_core::list::Stamp::LEN);
    assert_eq!(
        verifier.offer_stamp(&world.publish().keyring, now).unwrap_err(),
        ListError::Wire {
            part: Part::Stamp,
            error: WireError::WrongFile { expected: FileKind::Stamp }
        }
    );
}

#[test]
fn a_list_of_another_issuer_verifies_nothing() {
    let world = World::new();
    let mut other = world.clone();
    other.issuer.0[5] ^= 1;
    let (mine, theirs) = (world.verifier(), other.verifier());
    let token = world.token(HMAC_LIVE, 1);
    let unverified = portcullis_core::verify::Unverified::parse(&token).unwrap();
    let authentic =
        unverified.authenticate(mine.keyring(), portcullis_core::keyring::Purpose::Token).unwrap();
    let verdict = authentic.current(&theirs.list_at(world.this_update).unwrap());
    assert_eq!(verdict.unwrap_err(), Refusal::ForeignList);
}
