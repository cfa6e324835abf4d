//! Keys whose assignment is held, withheld, older, or more than the keyring allows.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::num::NonZeroU32;

use portcullis_core::assignment::{Assignment, Change, Changes, NoAssignment};
use portcullis_core::issue::{AssignmentTree, KeyringDraft, PolicyFiles, SaltKey};
use portcullis_core::keyring::{Purpose, State};
use portcullis_core::policy::Policies;
use portcullis_core::signature_cache::SignatureCache;
use portcullis_core::token::{Claims, Kind, Serial};
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::{Refusal, Requirements};
use support::{ADMIN, ANY, HMAC_LIVE, START, World, first_shard};

fn policy(number: u32) -> Assignment {
    let policy = Change::To(NonZeroU32::new(number));
    Assignment { policy, ..Assignment::default() }
}

fn all(keyring: &mut KeyringDraft) {
    keyring.entries[4].changes = Changes::ALL;
}

/// A list in which slot 42 has this assignment, and its files.
fn assigning(number: u64, assignment: &Assignment) -> (World, PolicyFiles) {
    let mut world = World { number, amend: all, ..World::new() };
    let mut tree = AssignmentTree::private(SaltKey::new(&[7; 32]));
    tree.set(Serial::at(0, 42).unwrap(), assignment).unwrap();
    let written = tree.write().unwrap();
    world.private_assignments = written.directory;
    first_shard(&mut world).assigned = vec![42];
    (world, written)
}

fn holding(files: &PolicyFiles) -> Policies {
    let mut held = Policies::new(0);
    for (name, file) in &files.files {
        held.offer(*name, file).unwrap();
    }
    held
}

fn verify(verifier: &Verifier, files: &Policies, token: &str) -> Result<Claims, Refusal> {
    let now = World::new().this_update;
    let accepted = verifier.verify_with(&mut SignatureCache::new(0), files, token, &ANY, now);
    accepted.map(|accepted| *accepted.claims())
}

#[test]
fn a_key_whose_assignment_is_withheld_or_older_is_refused() {
    let (old, old_files) = assigning(1, &policy(11));
    let (new, new_files) = assigning(2, &policy(12));
    let token = old.token(HMAC_LIVE, 42);
    let mut verifier = old.verifier();
    let files = holding(&old_files);
    let effective = verify(&verifier, &files, &token).unwrap();
    assert_eq!(effective.policy, NonZeroU32::new(11));
    // The same key without the files, and under a newer list with the older files.
    let missed = |verifier: &Verifier, files: &Policies| match verify(verifier, files, &token) {
        Err(Refusal::Assignment(NoAssignment::Unavailable(missed))) => missed,
        other => panic!("{other:?}"),
    };
    let none = missed(&verifier, &Policies::new(0));
    assert_eq!(none.file, old.private_assignments);
    assert_eq!((none.kind, none.serial), (Kind::Secret, Serial::at(0, 42).unwrap()));
    verifier.adopt_bundle(&new.publish().bundle(), new.this_update).unwrap();
    assert_eq!(missed(&verifier, &files).file, new.private_assignments);
    let newest = verify(&verifier, &holding(&new_files), &token).unwrap();
    assert_eq!(newest.policy, NonZeroU32::new(12));
    // Without any file a host that knows no assignments refuses it as well, and no other key.
    assert!(verifier.verify(&token, &ANY, new.this_update).is_err());
    assert!(verifier.verify(&new.token(HMAC_LIVE, 43), &ANY, new.this_update).is_ok());
}

#[test]
fn an_assignment_changes_only_what_the_keyring_allows() {
    let own = World::new().claims(HMAC_LIVE, 42);
    let owner = Change::To(NonZeroU32::new(8));
    let end = |second| Assignment { expires_at: Change::To(second), ..Assignment::default() };
    let cases = [
        (policy(11), Changes::POLICY),
        (policy(0), Changes::POLICY),
        (Assignment { owner, ..Assignment::default() }, Changes::OWNER),
        (end(Some(START + 60)), Changes::EARLIER_END),
        (Assignment { owner, ..policy(11) }, Changes::POLICY.and(Changes::OWNER)),
        (policy(9), Changes::NONE),
        (end(None), Changes::NONE),
    ];
    for (assignment, needed) in cases {
        assert_eq!(assignment.changes(&own), needed);
        let (world, files) = assigning(1, &assignment);
        let files = holding(&files);
        for bits in 0..16 {
            let allowed = Changes::from_bits(bits).unwrap();
            let mut draft = world.keyring_draft();
            (draft.version, draft.entries[4].changes) = (2, allowed);
            let mut verifier = world.verifier();
            verifier.offer_keyring(&draft.sign(&world.root()).unwrap()).unwrap();
            let verdict = verify(&verifier, &files, &world.token(HMAC_LIVE, 42));
            let expected = if allowed.covers(needed) {
                Ok(assignment.apply(&own))
            } else {
                Err(Refusal::Assignment(NoAssignment::NotAllowed))
            };
            assert_eq!(verdict, expected, "{assignment:?} with {bits}");
        }
    }
}

/// The head's signer may be another than the stamp's, and may have been retired since.
#[test]
fn a_head_of_a_signer_that_counts_no_more_assigns_nothing() {
    const OTHER: u16 = 7;
    let (world, files) = assigning(1, &policy(11));
    let mut draft = world.keyring_draft();
    let mut other = draft.entries[4].clone();
    other.kid = OTHER;
    other.changes = Changes::NONE;
    draft.entries.push(other.clone());
    let published = world.publish();
    // The other signer's stamp for the same head, under a keyring with both.
    let signer = portcullis_core::issue::ListSigner { kid: OTHER, ..world.list_signer() };
    let stamp = signer.sign_stamp(&portcullis_core::issue::StampDraft {
        list_version: world.list_version(),
        head: portcullis_core::issue::name_file(&published.head),
        keyring_version: 1,
    });
    let both = draft.sign(&world.root()).unwrap();
    let mut verifier = Verifier::new(world.root().public().unwrap(), &both).unwrap();
    verifier.hold_secret(HMAC_LIVE, &world.secret(HMAC_LIVE)).unwrap();
    let list = support::Published { keyring: both, stamp, ..published };
    verifier.adopt_bundle(&list.bundle(), world.this_update).unwrap();
    let token = world.token(HMAC_LIVE, 42);
    let files = holding(&files);
    assert_eq!(verify(&verifier, &files, &token).unwrap().policy, NonZeroU32::new(11));
    // The head's signer is retired, so its power ends, and the list's stamp still counts.
    (draft.version, draft.entries[4].state) = (2, State::Retired);
    verifier.offer_keyring(&draft.sign(&world.root()).unwrap()).unwrap();
    let refused = verify(&verifier, &files, &token);
    assert_eq!(refused, Err(Refusal::Assignment(NoAssignment::NotAllowed)));
    let beside = verify(&verifier, &files, &world.token(HMAC_LIVE, 43));
    assert_eq!(beside.unwrap().policy, NonZeroU32::new(9));
}

#[test]
fn an_admin_key_cannot_be_changed() {
    let (world, files) = assigning(1, &policy(9));
    let (verifier, files) = (world.verifier(), holding(&files));
    let token = world.token(ADMIN, 42);
    let requirements = Requirements { purpose: Purpose::Admin, ..ANY };
    let mut signatures = SignatureCache::new(0);
    let verdict =
        verifier.verify_with(&mut signatures, &files, &token, &requirements, world.this_update);
    assert_eq!(verdict.unwrap_err(), Refusal::Assignment(NoAssignment::NotAllowed));
}

#[test]
fn a_revoked_key_stays_revoked_whatever_is_assigned_to_it() {
    let end = Assignment { expires_at: Change::To(None), ..policy(11) };
    let (mut world, files) = assigning(1, &end);
    first_shard(&mut world).revoked = vec![42];
    let files = holding(&files);
    let verdict = verify(&world.verifier(), &files, &world.token(HMAC_LIVE, 42));
    assert_eq!(verdict, Err(Refusal::Revoked));
}

#[test]
fn a_hundred_thousand_assignments_are_found_each() {
    let mut tree = AssignmentTree::private(SaltKey::new(&[7; 32]));
    // A bijection on the slots of a shard that looks random.
    let serial = |index: u32| Serial::at(3, index.wrapping_mul(0x9E37_79B1) % (1 << 20)).unwrap();
    let count = 100_000;
    for index in 0..count {
        tree.set(serial(index), &policy(index + 1)).unwrap();
    }
    assert_eq!(tree.len(), count as usize);
    let written = tree.write().unwrap();
    let mut files = Policies::new(8 << 20);
    for (name, file) in &written.files {
        assert!(file.len() <= 8192);
        files.offer(*name, file).unwrap();
    }
    for index in 0..count {
        let found = files.find_assignment_under(written.directory, Kind::Secret, serial(index));
        assert_eq!(found, Ok(policy(index + 1)));
    }
    let none = files.find_assignment_under(written.directory, Kind::Secret, serial(count));
    assert_eq!(none, Err(NoAssignment::Missing));
    // An edit writes one body and the directories above it.
    tree.set(serial(5), &policy(1)).unwrap();
    let edit = tree.write().unwrap();
    let bytes: usize = edit.files.iter().map(|(_, file)| file.len()).sum();
    println!("{} files; an edit writes {} of {bytes} bytes", written.files.len(), edit.files.len());
    assert!(edit.files.len() <= 3 && bytes <= 8192 + 2 * 5384);
}
