//! A list arrives in parts, each announced by the one before.

use crate::support::{ANY, HMAC_LIVE, LIST, World, first_shard};
use portcullis_core::error::{FileKind, WireError};
use portcullis_core::issue::{HeadDraft, ShardContents, StampDraft, encode_body, name_file};
use portcullis_core::list::{FileName, Head, ListError, Part, ShardLine, Stamp};
use portcullis_core::token::{Claims, Serial};
use portcullis_core::verify::Refusal;

#[test]
fn parts_must_be_the_ones_that_were_announced() {
    let mut world = World::new();
    let mut verifier = world.empty_replica();
    let published = world.publish();
    let now = world.this_update;
    first_shard(&mut world).revoked = vec![1];
    let other = world.publish();

    let mut update = verifier.offer_stamp(&published.stamp, now).unwrap().unwrap();
    let keyring = verifier.keyring().clone();
    assert_eq!(
        update.offer_head(&other.head, &keyring, now),
        Err(ListError::WrongDigest(Part::Head))
    );
    assert!(update.wants_bodies().is_empty() && update.head().is_none());
    assert_eq!(update.wants_head().map(|name| name.len as usize), Some(published.head.len()));
    update.offer_head(&published.head, &keyring, now).unwrap();
    assert_eq!(update.head().map(Head::file), Some(published.head.as_slice()));
    assert_eq!((update.wants_head(), update.wants_bodies().len()), (None, 1));
    assert_eq!(update.offer_body(&other.bodies[0]), Err(ListError::WrongDigest(Part::Body)));
    assert_eq!(verifier.commit(update.clone()), Err(ListError::WrongDigest(Part::Body)));
    update.offer_body(&published.bodies[0]).unwrap();
    assert!(update.wants_bodies().is_empty());
    assert_eq!(verifier.commit(update.clone()), Ok(()));
    assert!(matches!(verifier.commit(update), Err(ListError::Rollback { .. })));
}

#[test]
fn a_file_says_who_signed_it_and_under_which_keyring() {
    let mut world = World::new();
    world.keyring_version = 7;
    let published = world.publish();
    let verifier = world.empty_replica();
    let stamp = Stamp::open(&published.stamp, verifier.keyring(), world.this_update).unwrap();
    assert_eq!((stamp.keyring_version(), stamp.issuer()), (7, world.issuer));
    assert_eq!(Head::signer_of(&published.head), Ok(LIST));
    assert_eq!(
        Head::signer_of(&published.stamp),
        Err(WireError::WrongFile { expected: FileKind::ListHead })
    );
    assert_eq!(Head::signer_of(&[]), Err(WireError::Truncated));
}

#[test]
fn a_body_is_wanted_once_and_in_the_order_in_which_the_head_names_it() {
    let mut world = World::new();
    let empty = world.shards[0].1.clone();
    let one = |slot| ShardContents { revoked: vec![slot], ..empty.clone() };
    world.shards =
        vec![(0, one(5)), (1, empty.clone()), (4, one(1)), (5, empty.clone()), (9, one(5))];
    let published = world.publish();
    let mut verifier = world.empty_replica();
    let now = world.this_update;
    let mut update = verifier.offer_stamp(&published.stamp, now).unwrap().unwrap();
    update.offer_head(&published.head, &verifier.keyring().clone(), now).unwrap();
    let names: Vec<_> = published.bodies.iter().map(|body| name_file(body)).collect();
    assert_eq!(update.wants_bodies(), names);
    update.offer_body(&published.bodies[1]).unwrap();
    assert_eq!(update.wants_bodies(), [names[0], names[2]]);
    // Offering a body that is held already changes nothing.
    update.offer_body(&published.bodies[1]).unwrap();
    assert_eq!(update.wants_bodies(), [names[0], names[2]]);
    update.offer_body(&published.bodies[0]).unwrap();
    update.offer_body(&published.bodies[2]).unwrap();
    verifier.commit(update).unwrap();

    // The next list wants only the bodies that the previous list lacked.
    world.number = 2;
    world.shards.push((10, one(7)));
    let next = world.publish();
    let mut update = verifier.offer_stamp(&next.stamp, now).unwrap().unwrap();
    update.offer_head(&next.head, &verifier.keyring().clone(), now).unwrap();
    assert_eq!(update.wants_bodies(), [name_file(&next.bodies[3])]);
    update.offer_body(&next.bodies[3]).unwrap();
    verifier.commit(update).unwrap();
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
        let verdict = verifier.verify(&token, &ANY, now).err().map(Refusal::code);
        assert_eq!(verdict, code, "{shard}/{slot}");
    }
}

/// Ten thousand million comparisons would be needed if each line were searched for among all the
/// others.
#[test]
fn a_head_of_a_hundred_thousand_shards_is_taken_in_a_moment() {
    let world = World::new();
    let empty = world.shards[0].1.clone();
    let published = world.publish();
    let body = |shard: u32| {
        let revoked = vec![shard];
        encode_body(&ShardContents { revoked, ..empty.clone() }).unwrap()
    };
    // A hundred thousand shards, each with its own revoked slot.
    let bodies: Vec<Vec<u8>> = (0..100_000).map(body).collect();
    let shards = bodies.iter().zip(0..).map(|(body, shard)| ShardLine::new(shard, body)).collect();
    let draft = HeadDraft {
        epoch: world.epoch,
        number: world.number,
        this_update: world.this_update,
        previous: world.previous,
        public_policies: FileName::NONE,
        private_policies: FileName::NONE,
        public_assignments: FileName::NONE,
        private_assignments: FileName::NONE,
        shards,
        bulk: vec![],
    };
    let (signer, now) = (world.list_signer(), world.this_update);
    let head = signer.sign_head(&draft).unwrap();
    let stamp = StampDraft {
        list_version: world.list_version(),
        head: name_file(&head),
        keyring_version: 1,
    };
    // A body that the head does not name is refused; the others arrive in reverse order.
    let mut verifier = world.empty_replica();
    let mut update = verifier.offer_stamp(&signer.sign_stamp(&stamp), now).unwrap().unwrap();
    update.offer_head(&head, &verifier.keyring().clone(), now).unwrap();
    assert_eq!(update.wants_bodies().len(), bodies.len());
    assert_eq!(update.offer_body(&published.bodies[0]), Err(ListError::WrongDigest(Part::Body)));
    for body in bodies.iter().rev() {
        update.offer_body(body).unwrap();
    }
    assert!(update.wants_bodies().is_empty());
    verifier.commit(update).unwrap();
    let serial = Serial::at(99_999, 99_999).unwrap();
    let token = world.mint(&Claims { serial, ..world.claims(HMAC_LIVE, 0) });
    assert_eq!(verifier.verify(&token, &ANY, now).unwrap_err(), Refusal::Revoked);
}
