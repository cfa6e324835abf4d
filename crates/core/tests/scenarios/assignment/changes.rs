//! What an assignment changes, and what the keyring lets it change.

use portcullis_core::assignment::{Assignment, Change, Changes};
use portcullis_core::issue::KeyringDraft;
use portcullis_core::keyring::State;
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Lifetime};

use super::{EXPIRES_AT, OWNER, POLICY, end, owner, policy, record, saying, saying_in};
use crate::scenarios::Scenario;
use crate::scenarios::shape::Vector;
use crate::support::{HMAC_LIVE, START, World};

pub(super) fn all() -> Vec<Vector> {
    [values(), ends(), allowed(), signers()].into_iter().flatten().collect()
}

const NEVER: u32 = 0;
/// The end of a token that has one.
const END: u32 = START + 100;

fn values() -> Vec<Vector> {
    let all = record(POLICY | OWNER | EXPIRES_AT, [11, 12, START + 60]);
    let of_all =
        Assignment { policy: policy(11).policy, owner: owner(12).owner, ..end(START + 60) };
    let none = Assignment { policy: Change::To(None), owner: Change::To(None), ..end(NEVER) };
    let largest = record(POLICY | OWNER | EXPIRES_AT, [u32::MAX; 3]);
    let most = u32::MAX;
    let of_largest =
        Assignment { policy: policy(most).policy, owner: owner(most).owner, ..end(most) };
    vec![
        saying("policy", "Another policy.", &record(POLICY, [11, 0, 0])).assigned(policy(11)),
        saying("policy-none", "No policy, which is not the token's.", &record(POLICY, [0; 3]))
            .assigned(policy(0)),
        saying("owner", "Another owner.", &record(OWNER, [0, 8, 0])).assigned(owner(8)),
        saying("owner-none", "No owner, which is not the token's.", &record(OWNER, [0; 3]))
            .assigned(owner(0)),
        saying("all", "All three at once.", &all).assigned(of_all),
        saying("all-none", "None of all three.", &record(7, [0; 3])).assigned(none),
        saying("largest", "The largest number of each.", &largest).assigned(of_largest),
        saying("own-values", "What the token says anyway.", &record(POLICY | OWNER, [9, 7, 0]))
            .accepted(),
    ]
}

/// The key ends at [`END`] by its token.
fn ending(name: &str, about: &str, assigned: u32, millis: u64) -> Scenario {
    saying(&format!("end-{name}"), about, &record(EXPIRES_AT, [0, 0, assigned]))
        .claims(ended(&World::new()))
        .at(millis)
}

fn ended(world: &World) -> Claims {
    let lifetime = Lifetime { issued_at: START, expires_at: Some(END) };
    Claims { lifetime, ..world.claims(HMAC_LIVE, 42) }
}

fn ends() -> Vec<Vector> {
    let (earlier, later) = (START + 50, START + 200);
    vec![
        ending("earlier", "An earlier end, in its last millisecond.", earlier, 49_999)
            .assigned(end(earlier)),
        ending("earlier-over", "The first instant of the earlier end.", earlier, 50_000)
            .refused("list", "expired"),
        ending("later", "A later end keeps a key that its token ended.", later, 199_999)
            .assigned(end(later)),
        ending("later-over", "The first instant of the later end.", later, 200_000)
            .refused("list", "expired"),
        ending("never", "No end.", NEVER, 299_999).assigned(end(NEVER)),
        ending("own", "The token's own end.", END, 99_999).accepted(),
        ending("own-over", "And its first instant.", END, 100_000).refused("list", "expired"),
        ending("before-issue", "An end before the key was issued.", 1, 0)
            .refused("list", "expired"),
        saying(
            "end-of-endless",
            "An end for a key that has none.",
            &record(EXPIRES_AT, [0, 0, END]),
        )
        .at(99_999)
        .assigned(end(END)),
        saying("end-of-endless-over", "And its first instant.", &record(EXPIRES_AT, [0, 0, END]))
            .at(100_000)
            .refused("list", "expired"),
        saying(
            "owner-of-ended",
            "A key that ended, with another owner.",
            &record(OWNER, [0, 8, 0]),
        )
        .claims(ended(&World::new()))
        .at(100_000)
        .refused("list", "expired"),
    ]
}

type Amend = fn(&mut KeyringDraft);

/// What a list signer may change, by the bits of the keyring.
const BITS: [(&str, Amend); 6] = [
    ("nothing", |keyring| keyring.entries[4].changes = Changes::NONE),
    ("policy", |keyring| keyring.entries[4].changes = Changes::POLICY),
    ("owner", |keyring| keyring.entries[4].changes = Changes::OWNER),
    ("earlier", |keyring| keyring.entries[4].changes = Changes::EARLIER_END),
    ("later", |keyring| keyring.entries[4].changes = Changes::LATER_END),
    ("all-but-owner", |keyring| {
        keyring.entries[4].changes =
            Changes::POLICY.and(Changes::EARLIER_END).and(Changes::LATER_END);
    }),
];

fn allowed() -> Vec<Vector> {
    let records = [
        ("policy", policy(11), record(POLICY, [11, 0, 0])),
        ("owner", owner(8), record(OWNER, [0, 8, 0])),
        ("earlier", end(START + 50), record(EXPIRES_AT, [0, 0, START + 50])),
        ("later", end(START + 200), record(EXPIRES_AT, [0, 0, START + 200])),
        ("never", end(NEVER), record(EXPIRES_AT, [0, 0, NEVER])),
        ("own", end(END), record(EXPIRES_AT, [0, 0, END])),
    ];
    let each = BITS.iter().flat_map(|(may, amend)| {
        records.iter().map(move |(what, assignment, record)| {
            let scenario = saying_in(
                &format!("may-{may}-does-{what}"),
                "What is assigned against what the keyring allows.",
                record,
                |world| world.amend = *amend,
            )
            .claims(ended(&World::new()));
            let of_later = *what == "never" && *may == "later";
            let is_allowed = match *may {
                "all-but-owner" => *what != "owner",
                may => may == *what,
            };
            if is_allowed || of_later || *what == "own" {
                scenario.assigned(*assignment)
            } else {
                scenario.refused("list", "assignment_not_allowed")
            }
        })
    });
    let both = record(POLICY | OWNER, [11, 8, 0]);
    let half = saying_in("may-half", "One of two changes is allowed.", &both, |world| {
        world.amend = |keyring| keyring.entries[4].changes = Changes::POLICY;
    });
    each.chain([half.refused("list", "assignment_not_allowed")]).collect()
}

/// The head's signer counts, not that of the stamp.
fn signers() -> Vec<Vector> {
    let other = record(POLICY, [11, 0, 0]);
    let ran_out = |keyring: &mut KeyringDraft| {
        keyring.entries[4].changes = Changes::ALL;
        keyring.entries[4].validity.not_after = Time::from_secs(START + 20);
    };
    let retired = |keyring: &mut KeyringDraft| {
        keyring.version = 2;
        keyring.entries[4].changes = Changes::ALL;
        keyring.entries[4].state = State::Retired;
    };
    let less = |keyring: &mut KeyringDraft| {
        keyring.version = 2;
        keyring.entries[4].changes = Changes::OWNER;
    };
    let first = |name: &str, about: &str| saying(name, about, &other);
    let then = |scenario: Scenario, amend: Amend| {
        let root = World::new().root();
        let newer = World { amend, ..scenario.world.clone() }.keyring_draft().sign(&root).unwrap();
        let mut bundle = scenario.world.publish();
        bundle.keyring = newer;
        scenario.offer(&bundle, None)
    };
    vec![
        saying_in("may-no-more", "The signer ran out, and the list with it.", &other, |world| {
            world.amend = ran_out;
        })
        .at(20_000)
        .refused("list", "list_unknown_kid"),
        then(first("may-less-later", "A newer keyring allows less."), less)
            .refused("list", "assignment_not_allowed"),
        {
            let scenario = first("may-nothing-retired", "A newer keyring retires the signer.");
            let root = World::new().root();
            let world = World { amend: retired, ..scenario.world.clone() };
            let mut bundle = scenario.world.publish();
            bundle.keyring = world.keyring_draft().sign(&root).unwrap();
            scenario.offer(&bundle, Some("list_unknown_kid")).refused("list", "list_unknown_kid")
        },
    ]
}
