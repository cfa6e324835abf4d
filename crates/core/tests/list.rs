//! The list as a verifier lives with it: revocation, time, and every way to lie about it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use portcullis_core::WireError;
use portcullis_core::crypto::Digest;
use portcullis_core::issue::{
    HeadDraft, ShardFacts, SigningKey, StampDraft, encode_body, name_file,
};
use portcullis_core::keyring::KeyringError;
use portcullis_core::list::{
    Bundle, FileName, IssuedAt, ListError, ShardLine, TimedSlot, WideEntry, WideScope, WideState,
};
use portcullis_core::replica::{AdoptError, Replica};
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Lifetime, Serial};
use portcullis_core::verify::Refusal;
use support::{ANY, ED25519, HMAC_LIVE, HMAC_TEST, LIST, START, World, first_shard};

fn refusal(world: &World, token: &str, now: Time) -> Option<&'static str> {
    world.replica().verify(token, &ANY, now).err().map(Refusal::code)
}

#[test]
fn revoked_suspended_and_timed_each_strike_in_their_way() {
    let mut world = World::new();
    let facts = first_shard(&mut world);
    facts.revoked = vec![1];
    facts.suspended = vec![2];
    facts.timed = vec![TimedSlot { slot: 3, from: START + 10 }];
    let replica = world.replica();
    let at = |slot, millis| {
        let now = world.this_update.plus_millis(millis);
        replica.verify(&world.token(HMAC_LIVE, slot), &ANY, now).err().map(Refusal::code)
    };
    assert_eq!(at(0, 0), None);
    assert_eq!(at(1, 0), Some("revoked"));
    assert_eq!(at(2, 0), Some("suspended"));
    assert_eq!(at(3, 9_999), None);
    assert_eq!(at(3, 10_000), Some("revoked"));
}

#[test]
fn what_the_list_does_not_cover_is_its_own_outcome() {
    let mut world = World::new();
    first_shard(&mut world).capacity = 100;
    let now = world.this_update;
    assert_eq!(refusal(&world, &world.token(HMAC_LIVE, 99), now), None);
    assert_eq!(refusal(&world, &world.token(HMAC_LIVE, 100), now), Some("not_covered"));
    let claims = Claims { serial: Serial::at(1, 0).unwrap(), ..world.claims(HMAC_LIVE, 0) };
    assert_eq!(refusal(&world, &world.mint(&claims), now), Some("not_covered"));
}

#[test]
fn wide_entries_strike_many_keys_at_once() {
    let cases = [
        (WideScope::Owner(7), IssuedAt::ANY, [true, true, false]),
        (WideScope::Kid(HMAC_LIVE), IssuedAt::ANY, [true, false, true]),
        (WideScope::Environment(Environment::Test), IssuedAt::ANY, [false, true, false]),
        (
            WideScope::Serials {
                first: Serial::at(0, 0).unwrap(),
                last: Serial::at(0, 1).unwrap(),
            },
            IssuedAt::ANY,
            [true, true, false],
        ),
        // `before` excludes its own second.
        (WideScope::Owner(7), IssuedAt { from: 0, before: START }, [false, false, false]),
        (WideScope::Owner(7), IssuedAt { from: START, before: START + 1 }, [true, true, false]),
    ];
    for (scope, issued, struck) in cases {
        for (state, code) in [(WideState::Revoked, "revoked"), (WideState::Suspended, "suspended")]
        {
            let mut world = World::new();
            world.wide = vec![WideEntry { scope, state, issued }];
            let keys = [
                world.claims(HMAC_LIVE, 0),
                world.claims(HMAC_TEST, 1),
                Claims { owner: 8, ..world.claims(HMAC_LIVE, 2) },
            ];
            for (claims, struck) in keys.iter().zip(struck) {
                let verdict = refusal(&world, &world.mint(claims), world.this_update);
                assert_eq!(verdict, struck.then_some(code), "{scope:?}");
            }
        }
    }
}

#[test]
fn no_list_and_a_list_past_its_next_update_refuse_everything() {
    let world = World::new();
    let token = world.token(HMAC_LIVE, 1);
    let judge = |replica: &Replica, millis| {
        let now = world.this_update.plus_millis(millis);
        replica.verify(&token, &ANY, now).map(|_| ()).map_err(Refusal::code)
    };
    assert_eq!(judge(&world.empty_replica(), 0), Err("list_missing"));
    let replica = world.replica();
    assert_eq!(judge(&replica, world.valid_millis - 1), Ok(()));
    assert_eq!(judge(&replica, world.valid_millis), Err("list_past_next_update"));
    // A clock that was set back far behind the list is no clock to judge by.
    let before = Time::from_millis(world.this_update.millis() - 10_001);
    let verdict = replica.verify(&token, &ANY, before).unwrap_err();
    assert_eq!(verdict, Refusal::List(ListError::FromTheFuture));
    assert!(Refusal::List(ListError::Missing).is_unavailable());
    assert!(!Refusal::Revoked.is_unavailable());
}

#[test]
fn a_replica_never_goes_back() {
    let mut world = World::new();
    let first = world.publish();
    let mut replica = world.replica();
    first_shard(&mut world).revoked = vec![5];
    world.number = 2;
    world.previous = Digest::of(&first.head);
    let second = world.publish();
    let now = world.this_update;
    assert_eq!(replica.adopt_bundle(&second.bundle(), now), Ok(true));
    assert_eq!(replica.adopt_bundle(&second.bundle(), now), Ok(false));
    assert_eq!(replica.list().unwrap().head().previous(), Digest::of(&first.head));

    let back = replica.adopt_bundle(&first.bundle(), now);
    assert_eq!(back, Err(AdoptError::List(ListError::Rollback { held: 2, offered: 1 })));

    // The same number with other contents: the issuer contradicts itself.
    first_shard(&mut world).revoked = vec![];
    let other = replica.adopt_bundle(&world.publish().bundle(), now);
    assert_eq!(other, Err(AdoptError::List(ListError::Equivocation(2))));

    let verdict = replica.verify(&world.token(HMAC_LIVE, 5), &ANY, now);
    assert_eq!(verdict.unwrap_err(), Refusal::Revoked);
}

#[test]
fn what_was_held_before_is_a_floor_and_needs_a_stamp_alone() {
    let mut world = World::new();
    world.number = 7;
    first_shard(&mut world).revoked = vec![5];
    let kept = world.publish();
    let late = world.this_update.plus_millis(world.valid_millis * 10);
    let older = || {
        let mut older = world.clone();
        (older.number, older.this_update) = (6, late);
        older.publish()
    };
    let contradicting = || {
        let mut other = world.clone();
        other.this_update = late;
        first_shard(&mut other).revoked = vec![];
        other.publish()
    };
    let without_bodies =
        Bundle { keyring: &kept.keyring, stamp: &kept.stamp, head: &kept.head, bodies: Vec::new() };
    let stamp_alone = Bundle { head: &[], ..without_bodies.clone() };
    let files = [kept.bundle(), without_bodies.encode(), stamp_alone.encode()];
    for (file, whole) in files.iter().zip([true, false, false]) {
        let mut replica = world.empty_replica();
        assert_eq!(replica.restore(file, late), Ok(true));
        assert_eq!(replica.restore(file, late), Ok(false));
        assert_eq!(replica.list().is_some(), whole);
        let no_list = if whole { ListError::PastNextUpdate } else { ListError::Missing };
        assert_eq!(replica.at(late).unwrap_err(), no_list, "nothing is judged by it");
        let refused = replica.offer_stamp(&older().stamp, late).unwrap_err();
        assert_eq!(refused, ListError::Rollback { held: 7, offered: 6 });
        let refused = replica.offer_stamp(&contradicting().stamp, late).unwrap_err();
        assert_eq!(refused, ListError::Equivocation(7));
        // The same head under a new stamp: all of it is here, or none.
        let mut mark = world.mark();
        (mark.this_update, mark.next_update) = (late, late.plus_millis(world.valid_millis));
        let stamp = StampDraft { mark, head: name_file(&kept.head), keyring_version: 1 };
        let update = replica.offer_stamp(&world.list_signer().sign_stamp(&stamp), late).unwrap();
        assert_eq!(update.is_none(), whole);
        if let Some(mut update) = update {
            update.offer_head(&kept.head, replica.keyring(), late).unwrap();
            kept.bodies.iter().for_each(|body| update.offer_body(body).unwrap());
            replica.commit(update).unwrap();
        }
        let verdict = replica.verify(&world.token(HMAC_LIVE, 5), &ANY, late).unwrap_err();
        assert_eq!(verdict, Refusal::Revoked);
    }
}

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
        let mut replica = world.empty_replica();
        assert_eq!(replica.restore(&file, world.this_update).unwrap_err().code(), code);
        assert_eq!(replica.at(world.this_update).unwrap_err(), ListError::Missing);
    }
}

#[test]
fn a_renewed_stamp_moves_the_times_and_an_older_one_does_not_move_them_back() {
    let world = World::new();
    let mut replica = world.replica();
    let head = world.publish().head;
    let stamp_at = |seconds: u64| {
        let this_update = world.this_update.plus_millis(seconds * 1000);
        let mut mark = world.mark();
        mark.this_update = this_update;
        mark.next_update = this_update.plus_millis(world.valid_millis);
        world.list_signer().sign_stamp(&StampDraft {
            mark,
            head: name_file(&head),
            keyring_version: 1,
        })
    };
    let now = world.this_update.plus_millis(20_000);
    assert!(replica.offer_stamp(&stamp_at(20), now).unwrap().is_none());
    assert!(replica.offer_stamp(&stamp_at(10), now).unwrap().is_none());
    let mark = replica.list().unwrap().mark();
    assert_eq!(mark.this_update, now);
    assert_eq!(mark.age_millis(now.plus_millis(7)), 7);
}

#[test]
fn stamps_with_impossible_times_are_refused() {
    let refused = |change: fn(&mut World)| {
        let world = World::new();
        let mut replica = world.empty_replica();
        let mut liar = world.clone();
        change(&mut liar);
        match replica.adopt_bundle(&liar.publish().bundle(), world.this_update) {
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
fn a_withheld_keyring_is_noticed_and_a_raised_epoch_lowers_the_floor() {
    let mut world = World::new();
    world.number = u64::MAX;
    let mut replica = world.replica();
    let now = world.this_update;

    // The issuer moved on to a keyring that somebody keeps from this replica.
    let mut next = world.clone();
    next.keyring_version = 2;
    let published = next.publish();
    assert_eq!(
        replica.offer_stamp(&published.stamp, now).unwrap_err(),
        ListError::KeyringBehind { held: 1, needed: 2 }
    );

    // A stolen list key signed the largest number: only the root can undo that.
    next.epoch = 2;
    next.number = 1;
    let published = next.publish();
    assert_eq!(replica.offer_keyring(&published.keyring), Ok(true));
    assert!(replica.list().is_none(), "a list of a lower epoch is let go");
    assert_eq!(replica.adopt_bundle(&published.bundle(), now), Ok(true));
    assert_eq!(
        replica.adopt_bundle(&world.publish().bundle(), now),
        Err(AdoptError::List(ListError::WrongEpoch { held: 2, offered: 1 }))
    );
    // The secrets came along with the keyring.
    assert!(replica.verify(&next.token(HMAC_LIVE, 1), &ANY, now).is_ok());
}

#[test]
fn keyrings_only_move_forward_and_only_by_the_root() {
    let world = World::new();
    let mut replica = world.replica();
    let sign = |version, epoch, root: &SigningKey, successor| {
        let mut draft = world.keyring_draft();
        (draft.version, draft.epoch, draft.successor) = (version, epoch, successor);
        draft.sign(root).unwrap()
    };
    let (root, heir) = (world.root(), SigningKey::from_seed(&[0xAA; 32]));
    let stranger = World::with_seed(2);
    assert_eq!(
        replica.offer_keyring(&stranger.publish().keyring),
        Err(KeyringError::NotSignedByRoot)
    );
    let v3 = sign(3, 1, &root, Some(heir.public().unwrap()));
    assert_eq!(replica.offer_keyring(&v3), Ok(true));
    assert_eq!(replica.offer_keyring(&v3), Ok(false));
    assert_eq!(
        replica.offer_keyring(&sign(2, 1, &root, None)),
        Err(KeyringError::Older { held: 3, offered: 2 })
    );
    assert_eq!(replica.offer_keyring(&sign(3, 1, &root, None)), Err(KeyringError::Equivocation));
    assert_eq!(replica.offer_keyring(&sign(4, 0, &root, None)), Err(KeyringError::Equivocation));
    // The successor that version 3 names may sign version 4; nobody else may.
    assert_eq!(replica.offer_keyring(&sign(4, 1, &heir, None)), Ok(true));
    // From then on it is the root, and the old one signs nothing any more.
    assert_eq!(replica.offer_keyring(&sign(5, 1, &root, None)), Err(KeyringError::NotSignedByRoot));
    assert_eq!(replica.offer_keyring(&sign(5, 1, &heir, None)), Ok(true));
    let mut foreign = world.keyring_draft();
    foreign.version = 9;
    foreign.issuer.0[0] ^= 1;
    assert_eq!(
        replica.offer_keyring(&foreign.sign(&heir).unwrap()),
        Err(KeyringError::ForeignIssuer)
    );
}

#[test]
fn a_list_whose_signer_is_retired_judges_nothing_any_more() {
    let world = World::new();
    let mut replica = world.replica();
    let mut draft = world.keyring_draft();
    draft.version = 2;
    for entry in draft.entries.iter_mut().filter(|entry| entry.kid == LIST) {
        entry.state = portcullis_core::keyring::State::Retired;
    }
    assert_eq!(replica.offer_keyring(&draft.sign(&world.root()).unwrap()), Ok(true));
    let verdict = replica.verify(&world.token(HMAC_LIVE, 1), &ANY, world.this_update).unwrap_err();
    assert_eq!(verdict, Refusal::List(ListError::NotAListKey(LIST)));
}

#[test]
fn an_expired_keyring_closes_the_replica() {
    let mut world = World::new();
    world.this_update = Time::from_secs(START + 365 * 86_400 - 1);
    let replica = world.replica();
    let token = world.token(ED25519, 1);
    assert!(replica.verify(&token, &ANY, world.this_update).is_ok());
    let end = world.this_update.plus_millis(1_000);
    let verdict = replica.verify(&token, &ANY, end).unwrap_err();
    assert_eq!(verdict, Refusal::List(ListError::KeyringExpired));
}

#[test]
fn parts_must_be_the_ones_that_were_announced() {
    let mut world = World::new();
    let mut replica = world.empty_replica();
    let published = world.publish();
    let now = world.this_update;
    first_shard(&mut world).revoked = vec![1];
    let other = world.publish();

    let mut update = replica.offer_stamp(&published.stamp, now).unwrap().unwrap();
    let keyring = replica.keyring().clone();
    assert_eq!(update.offer_head(&other.head, &keyring, now), Err(ListError::WrongDigest("head")));
    assert!(update.wants_bodies().is_empty());
    assert_eq!(update.wants_head().map(|name| name.len as usize), Some(published.head.len()));
    update.offer_head(&published.head, &keyring, now).unwrap();
    assert_eq!(update.wants_bodies().len(), 1);
    assert_eq!(update.offer_body(&other.bodies[0]), Err(ListError::WrongDigest("body")));
    assert_eq!(replica.commit(update.clone()), Err(ListError::WrongDigest("body")));
    update.offer_body(&published.bodies[0]).unwrap();
    assert!(update.wants_bodies().is_empty());
    assert_eq!(replica.commit(update.clone()), Ok(()));
    assert!(matches!(replica.commit(update), Err(ListError::Rollback { .. })));
}

#[test]
fn a_body_is_wanted_once_and_in_the_order_in_which_the_head_names_it() {
    let mut world = World::new();
    let empty = world.shards[0].1.clone();
    let one = |slot| ShardFacts { revoked: vec![slot], ..empty.clone() };
    world.shards =
        vec![(0, one(5)), (1, empty.clone()), (4, one(1)), (5, empty.clone()), (9, one(5))];
    let published = world.publish();
    let mut replica = world.empty_replica();
    let now = world.this_update;
    let mut update = replica.offer_stamp(&published.stamp, now).unwrap().unwrap();
    update.offer_head(&published.head, &replica.keyring().clone(), now).unwrap();
    let names: Vec<_> = published.bodies.iter().map(|body| name_file(body)).collect();
    assert_eq!(update.wants_bodies(), names);
    update.offer_body(&published.bodies[1]).unwrap();
    assert_eq!(update.wants_bodies(), [names[0], names[2]]);
    // One that is held already changes nothing.
    update.offer_body(&published.bodies[1]).unwrap();
    assert_eq!(update.wants_bodies(), [names[0], names[2]]);
    update.offer_body(&published.bodies[0]).unwrap();
    update.offer_body(&published.bodies[2]).unwrap();
    replica.commit(update).unwrap();

    // The next list wants only what the one before had not.
    world.number = 2;
    world.shards.push((10, one(7)));
    let next = world.publish();
    let mut update = replica.offer_stamp(&next.stamp, now).unwrap().unwrap();
    update.offer_head(&next.head, &replica.keyring().clone(), now).unwrap();
    assert_eq!(update.wants_bodies(), [name_file(&next.bodies[3])]);
    update.offer_body(&next.bodies[3]).unwrap();
    replica.commit(update).unwrap();
    for (shard, slot, code) in [
        (0, 5, Some("revoked")),
        (4, 5, None),
        (4, 1, Some("revoked")),
        (5, 1, None),
        (10, 7, Some("revoked")),
        (11, 7, Some("not_covered")),
    ] {
        let serial = Serial::at(shard, slot).unwrap();
        let token = world.mint(&Claims { serial, ..world.claims(HMAC_LIVE, 0) });
        let verdict = replica.verify(&token, &ANY, now).err().map(Refusal::code);
        assert_eq!(verdict, code, "{shard}/{slot}");
    }
}

/// Ten thousand million comparisons would be needed where each line is looked for among all others.
#[test]
fn a_head_of_a_hundred_thousand_shards_is_taken_in_a_moment() {
    let world = World::new();
    let empty = world.shards[0].1.clone();
    let published = world.publish();
    let body = |shard: u32| {
        let revoked = vec![shard];
        encode_body(&ShardFacts { revoked, ..empty.clone() }).unwrap()
    };
    let bodies: Vec<Vec<u8>> = (0..100_000).map(body).collect();
    let shards = bodies.iter().zip(0..).map(|(body, shard)| ShardLine::new(shard, body)).collect();
    let draft = HeadDraft {
        epoch: world.epoch,
        number: world.number,
        this_update: world.this_update,
        previous: world.previous,
        public_policies: FileName::NONE,
        private_policies: FileName::NONE,
        shards,
        wide: vec![],
    };
    let (signer, now) = (world.list_signer(), world.this_update);
    let head = signer.sign_head(&draft).unwrap();
    let stamp = StampDraft { mark: world.mark(), head: name_file(&head), keyring_version: 1 };
    let mut replica = world.empty_replica();
    let mut update = replica.offer_stamp(&signer.sign_stamp(&stamp), now).unwrap().unwrap();
    update.offer_head(&head, &replica.keyring().clone(), now).unwrap();
    assert_eq!(update.wants_bodies().len(), bodies.len());
    assert_eq!(update.offer_body(&published.bodies[0]), Err(ListError::WrongDigest("body")));
    for body in bodies.iter().rev() {
        update.offer_body(body).unwrap();
    }
    assert!(update.wants_bodies().is_empty());
    replica.commit(update).unwrap();
    let serial = Serial::at(99_999, 99_999).unwrap();
    let token = world.mint(&Claims { serial, ..world.claims(HMAC_LIVE, 0) });
    assert_eq!(replica.verify(&token, &ANY, now).unwrap_err(), Refusal::Revoked);
}

#[test]
fn a_list_on_its_way_in_is_not_taken_under_a_keyring_that_refuses_it() {
    let world = World::new();
    let now = world.this_update;
    let published = world.publish();
    let mut replica = world.empty_replica();
    let mut update = replica.offer_stamp(&published.stamp, now).unwrap().unwrap();
    update.offer_head(&published.head, &replica.keyring().clone(), now).unwrap();
    update.offer_body(&published.bodies[0]).unwrap();

    // Another issuer's replica does not take it either.
    let mut stranger = World::with_seed(2).empty_replica();
    assert_eq!(stranger.commit(update.clone()), Err(ListError::ForeignIssuer));

    // The key was stolen, and retired while what the thief signed was still on its way.
    let mut draft = world.keyring_draft();
    draft.version = 2;
    for entry in draft.entries.iter_mut().filter(|entry| entry.kid == LIST) {
        entry.state = portcullis_core::keyring::State::Retired;
    }
    assert_eq!(replica.offer_keyring(&draft.sign(&world.root()).unwrap()), Ok(true));
    assert_eq!(replica.commit(update.clone()), Err(ListError::NotAListKey(LIST)));

    (draft.version, draft.epoch) = (3, 2);
    for entry in &mut draft.entries {
        entry.state = portcullis_core::keyring::State::Active;
    }
    assert_eq!(replica.offer_keyring(&draft.sign(&world.root()).unwrap()), Ok(true));
    let verdict = replica.commit(update);
    assert_eq!(verdict, Err(ListError::WrongEpoch { held: 2, offered: 1 }));
    assert!(replica.list().is_none());
}

#[test]
fn every_cut_flip_and_added_byte_of_every_file_is_refused() {
    let mut world = World::new();
    let facts = first_shard(&mut world);
    facts.revoked = vec![1, 2, 30_000];
    facts.timed = vec![TimedSlot { slot: 3, from: START + 10 }];
    world.wide = vec![WideEntry {
        scope: WideScope::Owner(1),
        state: WideState::Revoked,
        issued: IssuedAt::ANY,
    }];
    let bundle = world.publish().bundle();
    let empty = world.empty_replica();
    let refused = |bytes: &[u8]| {
        let mut replica = empty.clone();
        let verdict = replica.adopt_bundle(bytes, world.this_update);
        verdict.is_err() && replica.list().is_none()
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
    let mut replica = world.empty_replica();
    let stranger = World::with_seed(2).publish();
    assert_eq!(
        replica.offer_stamp(&stranger.stamp, world.this_update).unwrap_err(),
        ListError::ForeignIssuer
    );
    let mut signer = world.list_signer();
    signer.key = world.signing_key(ED25519);
    let draft = StampDraft { mark: world.mark(), head: name_file(b"head"), keyring_version: 1 };
    let now = world.this_update;
    assert_eq!(
        replica.offer_stamp(&signer.sign_stamp(&draft), now).unwrap_err(),
        ListError::BadSignature
    );
    // A token key, used under its own kid: its purpose is not lists.
    signer.kid = ED25519;
    assert_eq!(
        replica.offer_stamp(&signer.sign_stamp(&draft), now).unwrap_err(),
        ListError::NotAListKey(ED25519)
    );
    signer.kid = LIST;
    signer.key = world.signing_key(LIST);
    let good = signer.sign_stamp(&draft);
    assert!(replica.offer_stamp(&good, now).unwrap().is_some());
    assert_eq!(good.len(), portcullis_core::list::Stamp::LEN);
    assert_eq!(
        replica.offer_stamp(&world.publish().keyring, now).unwrap_err(),
        ListError::Wire { part: "stamp", error: WireError::WrongFile { expected: "stamp" } }
    );
}

#[test]
fn a_list_of_another_issuer_judges_nothing() {
    let world = World::new();
    let mut other = world.clone();
    other.issuer.0[5] ^= 1;
    let (mine, theirs) = (world.replica(), other.replica());
    let token = world.token(HMAC_LIVE, 1);
    let unverified = portcullis_core::verify::Unverified::parse(&token).unwrap();
    let authentic =
        unverified.authenticate(mine.keyring(), portcullis_core::keyring::Purpose::Token).unwrap();
    let verdict = authentic.current(&theirs.at(world.this_update).unwrap());
    assert_eq!(verdict.unwrap_err(), Refusal::ForeignList);
}

#[test]
fn a_key_that_is_revoked_and_expired_stays_refused() {
    let mut world = World::new();
    first_shard(&mut world).revoked = vec![1];
    let lifetime = Lifetime { issued_at: START, expires_at: Some(START + 1) };
    let token = world.mint(&Claims { lifetime, ..world.claims(HMAC_LIVE, 1) });
    assert_eq!(refusal(&world, &token, world.this_update), Some("revoked"));
    let later = world.this_update.plus_millis(5_000);
    assert_eq!(refusal(&world, &token, later), Some("revoked"));
}
