//! Assignments at the gate: what they change, where they come from, and the response if they are
//! unavailable.

use std::num::NonZeroU32;
use std::rc::Rc;

use portcullis_core::assertion::verify;
use portcullis_core::assignment::{Assignment, Change, NoAssignment};
use portcullis_core::issue::{PolicyDraft, SigningKey};
use portcullis_core::policy::Denial;
use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use portcullis_core::verify::Refusal;
use portcullis_gate::identity::assertion_cache::AssertionText;
use portcullis_gate::response::problem::Problem;
use portcullis_gate::response::refused::Reason;

use crate::harness::{Bench, Incoming, get, identity_member};
use crate::issuer::{ASSERTION_KID, ED25519_KID, Issuer};
use crate::policies::{SECRET, texts};

/// Owner and policy, both by their numbers.
fn to(owner: u32, policy: u32) -> Assignment {
    Assignment {
        owner: Change::To(NonZeroU32::new(owner)),
        policy: Change::To(NonZeroU32::new(policy)),
        expires_at: Change::Unchanged,
    }
}

fn end(second: u32) -> Assignment {
    Assignment { expires_at: Change::To(Some(second)), ..Assignment::default() }
}

fn gets() -> PolicyDraft {
    PolicyDraft { methods: texts(&["GET"]), ..PolicyDraft::default() }
}

impl Bench {
    /// Publishes a list with these assignments, and the policies 8 (GET alone) and 9 (all).
    fn assign(&self, number: u64, assigned: &[(Kind, u32, Assignment)]) {
        *self.issuer.assigned.borrow_mut() = assigned.to_vec();
        let policies = [(Kind::Secret, 8, gets()), (Kind::Secret, 9, PolicyDraft::default())];
        self.publish_policies(number, &policies);
    }
}

#[test]
fn what_is_assigned_counts_from_its_list_on_without_a_wait() {
    let bench = Bench::new(&[SECRET, &[("FRESH_FOR", "1")]].concat());
    bench.assign(5, &[]);
    let key = bench.with_policy(9);
    let posts = Incoming { method: "POST", ..get(&key) };
    bench.ask(&posts).unwrap();
    bench.world.fetches();
    // Another owner, and a policy that allows less.
    bench.world.pass_time(1_001);
    bench.assign(6, &[(Kind::Secret, 1, to(77, 8))]);
    assert_eq!(bench.ask(&posts).unwrap_err().reason, Reason::Denied(Denial::Method));
    let forward = bench.request(&key).unwrap();
    assert_eq!(identity_member(&forward, "owner").as_deref(), Some("77"));
    assert_eq!(identity_member(&forward, "policy").as_deref(), Some("8"));
    bench.world.fetches();
    // A later assignment comes with its list: no request waits for it.
    bench.world.pass_time(1_001);
    bench.assign(7, &[(Kind::Secret, 1, to(78, 9))]);
    bench.ask(&posts).unwrap();
    // Stamp, head, and directory and body of the assignment: the shard's body stays as it is.
    assert_eq!(bench.world.fetches(), 4);
    let forward = bench.request(&key).unwrap();
    assert_eq!(identity_member(&forward, "owner").as_deref(), Some("78"));
    assert_eq!(bench.world.fetches(), 0);
    // An end that has come, and an end that has not.
    bench.world.pass_time(1_001);
    let now = u32::try_from(bench.world.now.get() / 1000).unwrap();
    bench.assign(8, &[(Kind::Secret, 1, end(now))]);
    assert_eq!(bench.refusal(&key), Refusal::Expired);
    bench.world.pass_time(1_001);
    bench.assign(9, &[(Kind::Secret, 1, end(now + 1_000))]);
    bench.request(&key).unwrap();
}

#[test]
fn without_its_assignment_a_key_is_refused_and_nobody_waits_for_what_can_not_be_had() {
    let bench = Bench::new(SECRET);
    bench.assign(5, &[(Kind::Secret, 1, to(77, 9))]);
    bench.world.files.borrow_mut().retain(|name, _| !name.starts_with("private/"));
    let key = bench.with_policy(0);
    let arrived = bench.world.now.get();
    let refused = bench.request(&key).unwrap_err();
    let unavailable =
        |refusal| matches!(refusal, Refusal::Assignment(NoAssignment::Unavailable(_)));
    assert!(matches!(refused.reason, Reason::Key(refusal) if unavailable(refusal)));
    assert!(refused.name.is_some(), "the key is authentic");
    let problem = Problem::of(&refused, &bench.gate.borrow().shared_settings().rates);
    assert_eq!(problem.status(), 503, "the gate lacks something, not the key");
    assert!(bench.world.now.get() - arrived <= 25, "the failure ends the wait");
    assert!(bench.world.codes().contains(&"fetch_status".to_owned()));
    bench.world.fetches();
    for _ in 0..10 {
        assert!(unavailable(bench.refusal(&key)));
    }
    assert_eq!(bench.world.fetches(), 0, "a failure is remembered");
    // A key without an assignment is not affected.
    bench.request(&bench.issuer.key(2, |_| {})).unwrap();
    bench.world.pass_time(1_000);
    bench.assign(5, &[(Kind::Secret, 1, to(77, 9))]);
    let forward = bench.request(&key).unwrap();
    assert_eq!(identity_member(&forward, "owner").as_deref(), Some("77"));
}

#[test]
fn private_assignments_are_asked_for_only_where_there_is_a_credential() {
    let routes = r#"[{"path": "/store/**", "kinds": ["publishable"]}, {"path": "/**"}]"#;
    let bench = Bench::new(&[("ROUTES", routes)]);
    let both = [(Kind::Secret, 1, to(77, 0)), (Kind::Publishable, 2, to(78, 0))];
    bench.assign(5, &both);
    let refused = bench.request(&bench.with_policy(0)).unwrap_err();
    assert_eq!(refused.reason.code(), "assignment_unavailable");
    assert!(bench.world.codes().contains(&"fetch_no_credential".to_owned()));
    assert!(!bench.world.fetched.borrow().iter().any(|name| name.starts_with("private/")));
    // Those of publishable keys are for everybody.
    let publishable = bench.issuer.key(2, |claims| {
        (claims.kind, claims.kid) = (Kind::Publishable, ED25519_KID);
    });
    let request = Incoming {
        method: "GET",
        path: "/store/products",
        publishable_key: Some(&publishable),
        ..Incoming::default()
    };
    let forward = bench.ask(&request).unwrap();
    assert_eq!(identity_member(&forward, "owner").as_deref(), Some("78"));
}

#[test]
fn an_assertion_states_what_is_assigned_and_never_what_was() {
    let secrets = Issuer::new(9).asserting_keys(ASSERTION_KID);
    let settings = [("HMAC_KEYS", &*secrets), ("FRESH_FOR", "1")];
    let bench = Bench::new(&[SECRET, &settings].concat());
    let key = bench.with_policy(9);
    let signer = SigningKey::from_seed(&[25; 32]);
    for (number, owner, policy) in [(5, 7, 9), (6, 8, 9), (7, 8, 8), (8, 7, 9)] {
        bench.assign(number, &[(Kind::Secret, 1, to(owner, policy))]);
        let Some(AssertionText::Unsigned(known, unsigned)) = bench.request(&key).unwrap().assertion
        else {
            panic!("another assignment needs another assertion");
        };
        let text: Rc<str> = signer.assert(unsigned).into();
        bench.gate.borrow_mut().assertions_mut().keep(known, Rc::clone(&text));
        let now = Time::from_millis(bench.world.now.get());
        let gate = bench.gate.borrow();
        let keyring = gate.verifier().unwrap().keyring();
        let assertion = verify(&text, keyring, "origin.example", now).unwrap();
        let stated = assertion.read().unwrap();
        assert_eq!(stated.owner, NonZeroU32::new(owner));
        assert_eq!(stated.policy, NonZeroU32::new(policy));
        drop(gate);
        bench.world.pass_time(1_001);
    }
}
