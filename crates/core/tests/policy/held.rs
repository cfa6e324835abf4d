//! The files that a verifier holds, and what it finds in them.

use std::collections::BTreeMap;

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{PolicyDraft, PolicyTree, SaltKey};
use portcullis_core::list::{FileName, ListError};
use portcullis_core::policy::{NoPolicy, Policies, Policy, Visibility};
use portcullis_core::token::Kind;

use crate::support::World;
use crate::{Shelf, backend, numbered, sorted, storefront};

#[test]
fn every_number_is_found_through_every_level_and_no_other() {
    let mut tree = PolicyTree::public();
    let long = |index: u32| {
        let sales_channels = (0..100).map(|i| format!("{index:032}{i:032}")).collect();
        PolicyDraft { sales_channels, ..PolicyDraft::default() }
    };
    let numbers: BTreeMap<u32, u32> = (0..400).map(|index| (numbered(index).0, index)).collect();
    for (number, index) in &numbers {
        tree.set(*number, &long(*index)).unwrap();
    }
    let mut shelf = Shelf::default();
    let directory = shelf.put(tree.write().unwrap());
    let mut policies = Policies::new(8 << 20);
    loop {
        let wanted = policies.wants_all(directory);
        if wanted.is_empty() {
            break;
        }
        shelf.fetch(&mut policies, &wanted);
    }
    for (number, index) in &numbers {
        let policy = policies.find_under(directory, Visibility::Public, *number).unwrap();
        assert_eq!(PolicyDraft::from(&policy), long(*index));
        for other in [number.wrapping_sub(1), number.wrapping_add(1)] {
            let found = policies.find_under(directory, Visibility::Public, other);
            assert_eq!(found.is_ok(), other == 0 || numbers.contains_key(&other));
        }
    }
    let missing =
        policies.find_under(directory, Visibility::Private, *numbers.keys().next().unwrap());
    assert_eq!(missing.unwrap_err(), NoPolicy::Missing, "public policies are no secret key's");
    let none = policies.find_under(directory, Visibility::Private, 0);
    assert_eq!(none, Ok(Policy::NONE));
    // With too little room it still gets everywhere, one path at a time.
    let mut small = Policies::new(0);
    for number in numbers.keys() {
        assert!(shelf.look_up(&mut small, directory, *number).0);
        assert!(small.bytes() <= 1 << 16);
    }
}

#[test]
fn the_head_in_force_decides_and_private_policies_may_be_unavailable() {
    let mut public = PolicyTree::public();
    public.set(9, &storefront()).unwrap();
    let mut private = PolicyTree::private(SaltKey::new(&[7; 32]));
    private.set(9, &backend()).unwrap();
    let mut shelf = Shelf::default();
    let mut world = World::new();
    world.public_policies = shelf.put(public.write().unwrap());
    world.private_policies = shelf.put(private.write().unwrap());
    let replica = world.replica();
    let head = replica.list().unwrap().head();
    assert_eq!(head.public_policies(), world.public_policies);
    assert_eq!(head.private_policies(), world.private_policies);

    let mut policies = Policies::new(1 << 20);
    let unavailable = policies.find(head, Kind::Secret, 9).unwrap_err();
    assert_eq!(unavailable, NoPolicy::Unavailable(world.private_policies));
    assert_eq!(unavailable.code(), "policy_unavailable");
    for directory in [world.public_policies, world.private_policies] {
        while let [name, ..] = policies.wants_all(directory)[..] {
            shelf.fetch(&mut policies, &[name]);
        }
    }
    let found = |kind| PolicyDraft::from(&policies.find(head, kind, 9).unwrap());
    assert_eq!(found(Kind::Publishable), sorted(storefront()));
    assert_eq!(found(Kind::Secret), sorted(backend()));
    let missing = policies.find(head, Kind::Secret, 8).unwrap_err();
    assert_eq!(missing.code(), "policy_missing");

    // The next list has no policies: what is held doesn't count under it.
    let next = World { public_policies: FileName::NONE, number: 2, ..world.clone() };
    let replica = next.replica();
    let head = replica.list().unwrap().head();
    assert_eq!(policies.find(head, Kind::Publishable, 9).unwrap_err(), NoPolicy::Missing);
    policies.retain(&[next.public_policies, next.private_policies]);
    assert!(policies.find(head, Kind::Secret, 9).is_ok());
    assert!(policies.find_under(world.public_policies, Visibility::Public, 9).is_err());
}

#[test]
fn files_that_are_not_what_was_announced_are_refused() {
    let mut tree = PolicyTree::public();
    tree.set(9, &storefront()).unwrap();
    let written = tree.write().unwrap();
    let (name, body) = written.files[0].clone();
    let mut policies = Policies::new(0);
    let wrong = policies.offer(written.directory, &body).unwrap_err();
    assert_eq!(wrong, ListError::WrongDigest("policy file"));
    let junk = FileName { digest: Digest::of(b"junk"), len: 4 };
    assert_eq!(policies.offer(junk, b"junk").unwrap_err().code(), "list_unreadable");
    // A body in a directory's place, and a directory in a body's, hold no policy.
    policies.offer(name, &body).unwrap();
    let found = policies.find_under(name, Visibility::Public, 9);
    assert_eq!(found.unwrap_err(), NoPolicy::Missing);
    let mut loops = written.files[1].1.clone();
    let inner = Digest::of(&loops);
    policies.offer(FileName { digest: inner, len: 48 }, &loops).unwrap();
    loops[16..].copy_from_slice(&inner.0);
    let outer = FileName { digest: Digest::of(&loops), len: 48 };
    policies.offer(outer, &loops).unwrap();
    assert_eq!(policies.find_under(outer, Visibility::Public, 9).unwrap_err(), NoPolicy::Missing);
    assert!(policies.wants_all(outer).is_empty());
}
