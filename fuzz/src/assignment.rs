//! Assignments: bodies and directories as bytes, and entries that are written and read back.

use std::num::NonZeroU32;

use portcullis_core::assignment::{Assignment, AssignmentBody, Change};
use portcullis_core::issue::{AssignmentTree, SaltKey};
use portcullis_core::policy::{Directory, Policies, Visibility};
use portcullis_core::token::{Kind, Serial};

use super::Source;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    if let Ok(body) = AssignmentBody::decode(bytes) {
        // The encoding is unique: writing what was read gives the same bytes.
        let mut tree = AssignmentTree::public();
        let mut known = true;
        for (serial, assignment) in body.assignments() {
            assert_eq!(body.find(serial), Some(assignment));
            // No writer here writes an assignment that is too new.
            match assignment {
                Ok(assignment) => tree.set(serial, &assignment).unwrap(),
                Err(_) => known = false,
            }
        }
        if known && body.visibility() == Visibility::Public {
            assert_eq!(tree.write().unwrap().files[0].1, bytes);
        }
    }
    if let Ok(directory) = Directory::decode(bytes) {
        for line in directory.ranges() {
            assert_eq!(directory.find(line.first), Some(line.file));
        }
    }
    look_up(bytes);
}

/// Entries with arbitrary values: each is found by its serial through directories and bodies, and no
/// other serial finds one.
fn look_up(bytes: &[u8]) {
    let mut source = Source(bytes);
    let kind = if source.u8() % 2 == 0 { Kind::Publishable } else { Kind::Secret };
    let mut tree = match kind {
        Kind::Publishable => AssignmentTree::public(),
        Kind::Secret => AssignmentTree::private(SaltKey::new(&[7; 32])),
    };
    let mut entries = std::collections::BTreeMap::new();
    while !source.0.is_empty() && entries.len() < 1000 {
        let fields = source.u8();
        let number = u64::from(source.u32()) << (fields >> 4) | u64::from(source.u16());
        let Some(serial) = Serial::new(number) else { continue };
        let mut change = |bit: u8| {
            if fields & bit == 0 { Change::Unchanged } else { Change::To(source.u32()) }
        };
        let some = |change: Change<u32>| match change {
            Change::Unchanged => Change::Unchanged,
            Change::To(number) => Change::To(NonZeroU32::new(number)),
        };
        let (policy, owner, end) = (some(change(1)), some(change(2)), some(change(4)));
        let expires_at = match end {
            Change::Unchanged => Change::Unchanged,
            Change::To(end) => Change::To(end.map(NonZeroU32::get)),
        };
        let assignment = Assignment { policy, owner, expires_at };
        assert_eq!(tree.set(serial, &assignment).is_err(), assignment == Assignment::default());
        if assignment != Assignment::default() {
            entries.insert(serial, assignment);
        }
    }
    let written = tree.write().unwrap();
    let mut files = Policies::new(1 << 20);
    for (name, file) in &written.files {
        files.offer(*name, file).unwrap();
    }
    for (serial, assignment) in &entries {
        let find = |serial| files.find_assignment_under(written.directory, kind, serial);
        assert_eq!(find(*serial).as_ref(), Ok(assignment));
        let other = Serial::new(serial.get() ^ 1).unwrap();
        assert_eq!(find(other).ok(), entries.get(&other).copied());
    }
    assert_eq!(files.wants_all(&[written.directory]), Ok(Vec::new()));
}
