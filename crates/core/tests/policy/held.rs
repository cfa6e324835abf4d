//! The files that a verifier holds, and what it finds in them.

use std::collections::BTreeMap;

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{PolicyDraft, PolicyTree, SaltKey, name_file};
use portcullis_core::list::{FileName, ListError, Part};
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
        let wanted = policies.wants_all(&[directory]).unwrap();
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
    // With too little room for everything, the verifier reports it before it fetches anything in
    // vain, and it still reaches every policy, one path at a time.
    let mut small = Policies::new(0);
    let mut rounds = 0;
    let no_room = loop {
        match small.wants_all(&[directory]) {
            Ok(wanted) => drop(shelf.fetch(&mut small, &wanted)),
            Err(no_room) => break no_room,
        }
        rounds += 1;
        assert!(rounds <= 4, "it never ends");
    };
    assert!(no_room.needed > 1 << 17);
    assert!(small.bytes() < policies.bytes());
    for number in numbers.keys() {
        assert!(shelf.look_up(&mut small, directory, *number).0);
        assert!(small.bytes() <= 1 << 17);
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
    let verifier = world.verifier();
    let head = verifier.list().unwrap().head();
    assert_eq!(head.public_policies(), world.public_policies);
    assert_eq!(head.private_policies(), world.private_policies);

    let mut policies = Policies::new(1 << 20);
    let unavailable = policies.find(head, Kind::Secret, 9).unwrap_err();
    assert_eq!(unavailable, NoPolicy::Unavailable(world.private_policies));
    assert_eq!(unavailable.code(), "policy_unavailable");
    for directory in [world.public_policies, world.private_policies] {
        while let [name, ..] = policies.wants_all(&[directory]).unwrap()[..] {
            shelf.fetch(&mut policies, &[name]);
        }
    }
    let found = |kind| PolicyDraft::from(&policies.find(head, kind, 9).unwrap());
    assert_eq!(found(Kind::Publishable), sorted(storefront()));
    assert_eq!(found(Kind::Secret), sorted(backend()));
    let missing = policies.find(head, Kind::Secret, 8).unwrap_err();
    assert_eq!(missing.code(), "policy_missing");

    // The next list has no policies, so the held files don't count under it.
    let next = World { public_policies: FileName::NONE, number: 2, ..world.clone() };
    let verifier = next.verifier();
    let head = verifier.list().unwrap().head();
    assert_eq!(policies.find(head, Kind::Publishable, 9).unwrap_err(), NoPolicy::Missing);
    policies.retain(&[next.public_policies, next.private_policies]);
    assert!(policies.find(head, Kind::Secret, 9).is_ok());
    assert!(policies.find_under(world.public_policies, Visibility::Public, 9).is_err());
}

/// A public directory with the given ranges: the first number of each, and the file for it.
fn directory(level: u8, ranges: &[(u32, FileName)]) -> (FileName, Vec<u8>) {
    let mut file = vec![b'P', b'C', b'D', 1, 1, level];
    file.extend(u16::try_from(ranges.len()).unwrap().to_be_bytes());
    for (first, name) in ranges {
        file.extend(first.to_be_bytes());
        file.extend(name.len.to_be_bytes());
        file.extend(name.digest.0);
    }
    (name_file(&file), file)
}

/// The public body that holds [`storefront`] as policy 9.
fn body() -> (FileName, Vec<u8>) {
    let mut tree = PolicyTree::public();
    tree.set(9, &storefront()).unwrap();
    tree.write().unwrap().files.swap_remove(0)
}

#[test]
fn files_that_are_not_what_was_announced_are_refused() {
    let (name, body) = body();
    let (other, _) = directory(0, &[(0, name)]);
    let mut policies = Policies::new(0);
    let wrong_digest = ListError::WrongDigest(Part::PolicyFile);
    assert_eq!(policies.offer(other, &body), Err(wrong_digest));
    let longer = FileName { len: name.len + 1, ..name };
    assert_eq!(policies.offer(longer, &body), Err(wrong_digest));
    // The digest of another file with the same length.
    let forged = FileName { digest: Digest([9; 32]), ..name };
    assert_eq!(policies.offer(forged, &body), Err(wrong_digest));
    assert_eq!(policies.offer(name_file(b"junk"), b"junk").unwrap_err().code(), "list_unreadable");
    assert_eq!(policies.bytes(), 0);
    policies.offer(name, &body).unwrap();
    // The body is held, but a directory that names it with another length means a different file.
    let (outer, file) = directory(0, &[(0, longer)]);
    policies.offer(outer, &file).unwrap();
    let found = policies.find_under(outer, Visibility::Public, 9);
    assert_eq!(found.unwrap_err(), NoPolicy::Unavailable(longer));
    assert_eq!(policies.wants_all(&[outer]).unwrap(), [longer]);
}

#[test]
fn a_file_in_the_place_of_another_holds_no_policy() {
    let (name, body) = body();
    let mut policies = Policies::new(0);
    let mut offer = |(name, file): (FileName, Vec<u8>)| {
        policies.offer(name, &file).unwrap();
        name
    };
    offer((name, body));
    let low = offer(directory(0, &[(0, name)]));
    let trees = [
        name,
        offer(directory(1, &[(0, name)])),
        offer(directory(0, &[(0, low)])),
        offer(directory(2, &[(0, low)])),
    ];
    assert!(policies.find_under(low, Visibility::Public, 9).is_ok());
    for tree in trees {
        let found = policies.find_under(tree, Visibility::Public, 9);
        assert_eq!(found.unwrap_err(), NoPolicy::Missing);
        assert!(policies.wants_all(&[tree]).unwrap().is_empty());
    }
}

#[test]
fn the_longest_way_has_room_enough() {
    let mut shelf = Shelf::default();
    let mut put = |(name, file): (FileName, Vec<u8>)| {
        shelf.files.insert(name.digest, file);
        name
    };
    let mut name = put(body());
    // Every range except one leads to a file that doesn't exist.
    let full = |level, name| {
        let elsewhere = |first| (first, FileName { digest: Digest([9; 32]), len: 8192 });
        let mut ranges: Vec<_> = (0..128).map(|i| elsewhere(i << 25)).collect();
        ranges[0].1 = name;
        directory(level, &ranges)
    };
    for level in 0..4 {
        name = put(full(level, name));
    }
    let (deeper, file) = full(4, name);
    let mut policies = Policies::new(0);
    // So much is held already that all of it must be dropped along the way.
    for first in 0..25 {
        let ranges: Vec<_> = (0..128).map(|i| (first + i, name)).collect();
        let (name, file) = directory(0, &ranges);
        policies.offer(name, &file).unwrap();
    }
    let (found, fetches, bytes) = shelf.look_up(&mut policies, name, 9);
    assert!(found && fetches <= 2 * 5 && bytes <= 1 << 17, "{fetches} fetches of {bytes} bytes");
    assert!(policies.bytes() <= 1 << 17);
    assert_eq!(policies.offer(deeper, &file).unwrap_err().code(), "list_unreadable");
}

#[test]
fn a_file_that_is_named_often_is_wanted_once_and_held_once() {
    let (name, body) = body();
    let ranges: Vec<_> = (0..128).map(|i| (i << 25, name)).collect();
    let (outer, file) = directory(0, &ranges);
    let mut policies = Policies::new(0);
    policies.offer(outer, &file).unwrap();
    assert_eq!(policies.wants_all(&[outer]).unwrap(), [name]);
    policies.offer(name, &body).unwrap();
    assert!(policies.wants_all(&[outer]).unwrap().is_empty());
    for first in 1..=27 {
        let (other, file) = directory(0, &ranges[first..]);
        policies.offer(other, &file).unwrap();
    }
    let held = policies.bytes();
    assert!(held + file.len() > 1 << 17);
    // A file that is held already needs no room.
    policies.offer(outer, &file).unwrap();
    assert_eq!(policies.bytes(), held);
    assert!(policies.find_under(outer, Visibility::Public, 9).is_ok());
}
