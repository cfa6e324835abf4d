//! Lists, stamps and keyrings only move forward: the state held before is a floor.

use crate::support::{ANY, ED25519, HMAC_LIVE, Published, START, World, first_shard};
use portcullis_core::crypto::Digest;
use portcullis_core::issue::{HeadDraft, SigningKey, StampDraft, name_file};
use portcullis_core::keyring::KeyringError;
use portcullis_core::list::{Bundle, FileName, ListError, ShardLine};
use portcullis_core::time::Time;
use portcullis_core::verifier::{AdoptError, Verifier};
use portcullis_core::verify::Refusal;

#[test]
fn a_replica_never_goes_back() {
    let mut world = World::new();
    let first = world.publish();
    let mut verifier = world.verifier();
    first_shard(&mut world).revoked = vec![5];
    world.number = 2;
    world.previous = Digest::of(&first.head);
    let second = world.publish();
    let now = world.this_update;
    assert_eq!(verifier.adopt_bundle(&second.bundle(), now), Ok(true));
    assert_eq!(verifier.adopt_bundle(&second.bundle(), now), Ok(false));
    assert_eq!(verifier.list().unwrap().head().previous(), Digest::of(&first.head));

    let back = verifier.adopt_bundle(&first.bundle(), now);
    assert_eq!(back, Err(AdoptError::List(ListError::Rollback { held: 2, offered: 1 })));

    // The same number with other contents means that the issuer contradicts itself.
    first_shard(&mut world).revoked = vec![];
    let other = verifier.adopt_bundle(&world.publish().bundle(), now);
    assert_eq!(other, Err(AdoptError::List(ListError::Equivocation(2))));

    let verdict = verifier.verify(&world.token(HMAC_LIVE, 5), &ANY, now);
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
        let mut verifier = world.empty_replica();
        assert_eq!(verifier.restore(file, late), Ok(true));
        assert_eq!(verifier.restore(file, late), Ok(false));
        assert_eq!(verifier.list().is_some(), whole);
        let no_list = if whole { ListError::PastNextUpdate } else { ListError::Missing };
        assert_eq!(verifier.list_at(late).unwrap_err(), no_list, "nothing is verified by it");
        let refused = verifier.offer_stamp(&older().stamp, late).unwrap_err();
        assert_eq!(refused, ListError::Rollback { held: 7, offered: 6 });
        let refused = verifier.offer_stamp(&contradicting().stamp, late).unwrap_err();
        assert_eq!(refused, ListError::Equivocation(7));
        // The same head under a new stamp: either every file of it is held already, or none is.
        let mut list_version = world.list_version();
        (list_version.this_update, list_version.next_update) =
            (late, late.plus_millis(world.valid_millis));
        let stamp = StampDraft { list_version, head: name_file(&kept.head), keyring_version: 1 };
        let update = verifier.offer_stamp(&world.list_signer().sign_stamp(&stamp), late).unwrap();
        assert_eq!(update.is_none(), whole);
        if let Some(mut update) = update {
            update.offer_head(&kept.head, verifier.keyring(), late).unwrap();
            kept.bodies.iter().for_each(|body| update.offer_body(body).unwrap());
            verifier.commit(update).unwrap();
        }
        let verdict = verifier.verify(&world.token(HMAC_LIVE, 5), &ANY, late).unwrap_err();
        assert_eq!(verdict, Refusal::Revoked);
    }
}

/// A verifier that went back to an older version can't read what it held before. That list still
/// counts as the floor.
#[test]
fn a_list_that_is_too_new_is_a_floor_all_the_same() {
    let mut older = World::new();
    let mut world = World { number: 7, ..older.clone() };
    first_shard(&mut world).revoked = vec![5];
    let now = world.this_update;
    for in_head in [true, false] {
        let mut kept = world.publish();
        if in_head {
            kept.head[146] |= 0x10;
            kept.head.insert(150, 255);
        } else {
            kept.bodies[0][4] |= 0x20;
            let draft = HeadDraft {
                epoch: world.epoch,
                number: world.number,
                this_update: now,
                previous: world.previous,
                public_policies: FileName::NONE,
                private_policies: FileName::NONE,
                public_assignments: FileName::NONE,
                private_assignments: FileName::NONE,
                shards: vec![ShardLine::new(0, &kept.bodies[0])],
                bulk: Vec::new(),
            };
            kept.head = world.list_signer().sign_head(&draft).unwrap();
        }
        let list_version = world.list_version();
        let stamp = StampDraft { list_version, head: name_file(&kept.head), keyring_version: 1 };
        kept.stamp = world.list_signer().sign_stamp(&stamp);
        let mut verifier = world.empty_replica();
        let refused = verifier.restore(&kept.bundle(), now).unwrap_err();
        assert_eq!(refused.code(), "list_too_new");
        older.number = 6;
        let refused = verifier.adopt_bundle(&older.publish().bundle(), now).unwrap_err();
        assert_eq!(refused, AdoptError::List(ListError::Rollback { held: 7, offered: 6 }));
        assert_eq!(verifier.list_at(now).unwrap_err(), ListError::Missing);
        // A verifier that isn't restored holds on to what it has.
        let mut verifier = older.verifier();
        assert!(verifier.adopt_bundle(&kept.bundle(), now).is_err());
        assert_eq!(verifier.list().unwrap().list_version().number, 6);
    }
}

#[test]
fn a_renewed_stamp_moves_the_times_and_an_older_one_does_not_move_them_back() {
    let world = World::new();
    let mut verifier = world.verifier();
    let head = world.publish().head;
    let stamp_at = |seconds: u64| {
        let this_update = world.this_update.plus_millis(seconds * 1000);
        let mut list_version = world.list_version();
        list_version.this_update = this_update;
        list_version.next_update = this_update.plus_millis(world.valid_millis);
        world.list_signer().sign_stamp(&StampDraft {
            list_version,
            head: name_file(&head),
            keyring_version: 1,
        })
    };
    let now = world.this_update.plus_millis(20_000);
    assert!(verifier.offer_stamp(&stamp_at(20), now).unwrap().is_none());
    assert!(verifier.offer_stamp(&stamp_at(10), now).unwrap().is_none());
    let list_version = verifier.list().unwrap().list_version();
    assert_eq!(list_version.this_update, now);
    assert_eq!(list_version.age_millis(now.plus_millis(7)), 7);
}

#[test]
fn a_withheld_keyring_is_noticed_and_a_raised_epoch_lowers_the_floor() {
    let mut world = World::new();
    world.number = u64::MAX;
    let mut verifier = world.verifier();
    let now = world.this_update;

    // The issuer moved on to a keyring that an attacker withholds from this replica.
    let mut next = world.clone();
    next.keyring_version = 2;
    let published = next.publish();
    assert_eq!(
        verifier.offer_stamp(&published.stamp, now).unwrap_err(),
        ListError::KeyringBehind { held: 1, needed: 2 }
    );

    // A stolen list key signed the largest number. Only a new epoch from the root undoes that.
    next.epoch = 2;
    next.number = 1;
    let published = next.publish();
    assert_eq!(verifier.offer_keyring(&published.keyring), Ok(true));
    assert!(verifier.list().is_none(), "a list of a lower epoch is let go");
    assert_eq!(verifier.adopt_bundle(&published.bundle(), now), Ok(true));
    assert_eq!(
        verifier.adopt_bundle(&world.publish().bundle(), now),
        Err(AdoptError::List(ListError::WrongEpoch { held: 2, offered: 1 }))
    );
    // The secrets were carried over to the new keyring.
    assert!(verifier.verify(&next.token(HMAC_LIVE, 1), &ANY, now).is_ok());
}

#[test]
fn keyrings_only_move_forward_and_only_by_the_root() {
    let world = World::new();
    let mut verifier = world.verifier();
    let sign = |version, epoch, root: &SigningKey, successor| {
        let mut draft = world.keyring_draft();
        (draft.version, draft.epoch, draft.successor) = (version, epoch, successor);
        draft.sign(root).unwrap()
    };
    let (root, heir) = (world.root(), SigningKey::from_seed(&[0xAA; 32]));
    let stranger = World::with_seed(2);
    assert_eq!(
        verifier.offer_keyring(&stranger.publish().keyring),
        Err(KeyringError::NotSignedByRoot)
    );
    let v3 = sign(3, 1, &root, Some(heir.public().unwrap()));
    assert_eq!(verifier.offer_keyring(&v3), Ok(true));
    assert_eq!(verifier.offer_keyring(&v3), Ok(false));
    assert_eq!(
        verifier.offer_keyring(&sign(2, 1, &root, None)),
        Err(KeyringError::Older { held: 3, offered: 2 })
    );
    assert_eq!(verifier.offer_keyring(&sign(3, 1, &root, None)), Err(KeyringError::Equivocation));
    assert_eq!(verifier.offer_keyring(&sign(4, 0, &root, None)), Err(KeyringError::Equivocation));
    // Only the successor that version 3 names may sign version 4.
    assert_eq!(verifier.offer_keyring(&sign(4, 1, &heir, None)), Ok(true));
    // From then on the successor is the root, and the old root's signatures are refused.
    assert_eq!(
        verifier.offer_keyring(&sign(5, 1, &root, None)),
        Err(KeyringError::NotSignedByRoot)
    );
    assert_eq!(verifier.offer_keyring(&sign(5, 1, &heir, None)), Ok(true));
    let mut foreign = world.keyring_draft();
    foreign.version = 9;
    foreign.issuer.0[0] ^= 1;
    assert_eq!(
        verifier.offer_keyring(&foreign.sign(&heir).unwrap()),
        Err(KeyringError::ForeignIssuer)
    );
}

#[test]
fn an_expired_keyring_closes_the_replica() {
    let mut world = World::new();
    world.this_update = Time::from_secs(START + 365 * 86_400 - 1);
    let verifier = world.verifier();
    let token = world.token(ED25519, 1);
    assert!(verifier.verify(&token, &ANY, world.this_update).is_ok());
    let end = world.this_update.plus_millis(1_000);
    let verdict = verifier.verify(&token, &ANY, end).unwrap_err();
    assert_eq!(verdict, Refusal::List(ListError::KeyringExpired));
}

/// A floor is a stamp without its list. It refuses older lists that arrive late, and only a raised
/// epoch lowers it.
#[test]
fn a_floor_outlives_a_keyring_and_holds_back_what_was_on_its_way() {
    let mut world = World::new();
    let now = world.this_update;
    let numbered = |number, epoch, keyring_version| {
        let world = World { number, epoch, keyring_version, ..World::new() };
        world.publish()
    };
    let stamp_alone = |of: &Published| {
        let Published { keyring, stamp, .. } = of;
        Bundle { keyring, stamp, head: &[], bodies: Vec::new() }.encode()
    };
    let gather = |verifier: &mut Verifier, of: &Published| {
        let mut update = verifier.offer_stamp(&of.stamp, now)?.unwrap();
        update.offer_head(&of.head, verifier.keyring(), now)?;
        of.bodies.iter().try_for_each(|body| update.offer_body(body))?;
        Ok::<_, ListError>(update)
    };
    let mut verifier = world.empty_replica();
    let update = gather(&mut verifier, &numbered(6, 1, 1)).unwrap();
    assert_eq!(verifier.restore(&stamp_alone(&numbered(7, 1, 1)), now), Ok(true));
    let rollback = ListError::Rollback { held: 7, offered: 6 };
    assert_eq!(verifier.commit(update), Err(rollback));
    // The floor's own list and the one above it are accepted.
    for number in [7, 8] {
        let mut verifier = verifier.clone();
        let update = gather(&mut verifier, &numbered(number, 1, 1)).unwrap();
        assert_eq!(verifier.commit(update), Ok(()));
    }

    world.keyring_version = 2;
    assert_eq!(verifier.offer_keyring(&world.publish().keyring), Ok(true));
    assert_eq!(gather(&mut verifier, &numbered(6, 1, 1)).unwrap_err(), rollback);
    (world.keyring_version, world.epoch) = (3, 2);
    assert_eq!(verifier.offer_keyring(&world.publish().keyring), Ok(true));
    let update = gather(&mut verifier, &numbered(1, 2, 3)).unwrap();
    assert_eq!(verifier.commit(update), Ok(()));
}
