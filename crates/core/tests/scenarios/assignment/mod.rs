//! The scenarios of `tests/vectors/assignment`: keys with an assignment, and the files that hold it.

mod build;
mod changes;
mod example;
mod files;
mod lists;
mod order;
mod trees;

use portcullis_core::assignment::{Assignment, Change};
use portcullis_core::issue::name_file;
use portcullis_core::list::FileName;

use super::shape::{Offer, Vector, encode};
use super::{Scenario, scenario};
use crate::support::{World, first_shard};
use build::{EXPIRES_AT, OWNER, POLICY, PRIVATE, PUBLIC, body, directory, elsewhere, record};

pub(crate) fn all() -> Vec<Vector> {
    let parts =
        [example::all(), changes::all(), order::all(), files::all(), trees::all(), lists::all()];
    parts.into_iter().flatten().collect()
}

/// The serial of the key that most scenarios verify.
const SERIAL: u64 = 42;

impl Scenario {
    /// Offers a file that must be taken.
    fn hold(self, file: &[u8]) -> Self {
        self.offer_file(name_file(file), file, None)
    }

    fn offer_file(self, name: FileName, file: &[u8], refused: Option<&str>) -> Self {
        let offer = offer(name, file, refused);
        self.with(|vector| vector.files.push(offer))
    }

    /// Accepts the key with what this assigns.
    fn assigned(mut self, assignment: Assignment) -> Vector {
        self.claims = assignment.apply(&self.claims);
        self.accepted()
    }
}

/// An offer of this file under a name.
fn offer(name: FileName, file: &[u8], refused: Option<&str>) -> Offer {
    Offer {
        digest: encode(&name.digest.0),
        length: name.len,
        bytes: encode(file),
        refused: refused.map(Into::into),
    }
}

/// A list that says that these slots are assigned, with these directories, public and private, and
/// a signer that may change everything.
fn assigning(slots: &[u32], [public, private]: [FileName; 2]) -> World {
    let amend = |keyring: &mut portcullis_core::issue::KeyringDraft| {
        keyring.entries[4].changes = portcullis_core::assignment::Changes::ALL;
    };
    let mut world =
        World { public_assignments: public, private_assignments: private, amend, ..World::new() };
    first_shard(&mut world).assigned = slots.to_vec();
    world
}

/// The live secret key of slot 42, which has this record.
fn saying(name: &str, about: &str, record: &[u8]) -> Scenario {
    saying_in(name, about, record, |_| ())
}

/// The same, in a list that is changed before it is published.
fn saying_in(name: &str, about: &str, record: &[u8], change: impl FnOnce(&mut World)) -> Scenario {
    let (mut world, files) = of_slot_42(record);
    change(&mut world);
    files.iter().fold(scenario(name, about, &world), |scenario, file| scenario.hold(file))
}

/// A list in which slot 42 has this record, and its files: directory and body.
fn of_slot_42(record: &[u8]) -> (World, [Vec<u8>; 2]) {
    let body = body(PRIVATE, &[(SERIAL, record)]);
    let directory = directory(PRIVATE, 0, &[(0, name_file(&body))]);
    (assigning(&[42], [FileName::NONE, name_file(&directory)]), [directory, body])
}

fn policy(number: u32) -> Assignment {
    let policy = Change::To(core::num::NonZeroU32::new(number));
    Assignment { policy, ..Assignment::default() }
}

fn owner(number: u32) -> Assignment {
    let owner = Change::To(core::num::NonZeroU32::new(number));
    Assignment { owner, ..Assignment::default() }
}

fn end(second: u32) -> Assignment {
    let expires_at = Change::To(Some(second).filter(|second| *second != 0));
    Assignment { expires_at, ..Assignment::default() }
}
