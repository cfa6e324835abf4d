//! The worked example of the spec, as the writer produces it.

use core::num::NonZeroU32;

use portcullis_core::assignment::{Assignment, Change};
use portcullis_core::issue::{AssignmentTree, SaltKey};
use portcullis_core::list::FileName;
use portcullis_core::token::Serial;

use super::{SERIAL, assigning, policy, scenario};
use crate::scenarios::shape::Vector;
use crate::support::ED25519;

/// 2026-02-01T00:00:00Z
const END: u32 = 1_769_904_000;

pub(super) fn all() -> Vec<Vector> {
    let example = Assignment {
        policy: Change::To(NonZeroU32::new(11)),
        owner: Change::Unchanged,
        expires_at: Change::To(Some(END)),
    };
    let serial = |slot| Serial::new(slot).unwrap();
    let mut private = AssignmentTree::private(SaltKey::new(&[7; 32]));
    private.set(serial(SERIAL), &example).unwrap();
    let mut public = AssignmentTree::public();
    public.set(serial(43), &policy(12)).unwrap();
    let (private, public) = (private.write().unwrap(), public.write().unwrap());
    let both = assigning(&[42, 43], [public.directory, private.directory]);
    let secret = assigning(&[42], [FileName::NONE, private.directory]);
    let files = [private.files, public.files].concat();
    let with = |name: &str, about: &str, world| {
        let scenario = scenario(name, about, world);
        files.iter().fold(scenario, |scenario, (_, file)| scenario.hold(file))
    };
    vec![
        with("example-secret", "A secret key with another policy and an end.", &secret)
            .assigned(example),
        with("example-publishable", "A publishable key with another policy.", &both)
            .claims(both.claims(ED25519, 43))
            .assigned(policy(12)),
        with("example-neither", "A key without an assignment, of the same list.", &both)
            .slot(44)
            .accepted(),
    ]
}
