//! A gate that is older than its issuer: what it doesn't know refuses one policy, or the list.

use portcullis_core::issue::PolicyDraft;
use portcullis_core::list::ListError;
use portcullis_core::policy::{NoPolicy, PolicyTooNew};
use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use portcullis_core::verify::Refusal;
use portcullis_gate::response::problem::Problem;
use portcullis_gate::response::refused::Reason;
use serde_json::Value;

use crate::harness::{Bench, get};
use crate::issuer::Newer;
use crate::policies::SECRET;

#[test]
fn a_policy_that_is_too_new_refuses_its_own_requests_alone() {
    let bench = Bench::new(SECRET);
    bench.issuer.newer.set(Some(Newer::Policy));
    let open = PolicyDraft::default();
    bench.publish_policies(5, &[(Kind::Secret, 8, open.clone()), (Kind::Secret, 9, open)]);
    for key in [bench.with_policy(9), bench.with_policy(0)] {
        bench.request(&key).unwrap();
    }
    let key = bench.with_policy(8);
    let refused = bench.request(&key).unwrap_err();
    assert_eq!(refused.reason, Reason::Policy(NoPolicy::TooNew(PolicyTooNew)));
    assert_eq!(refused.reason.code(), "policy_too_new");
    assert!(refused.name.is_some(), "the key is authentic");
    let problem = Problem::of(&refused, &bench.gate.borrow().shared_settings().rates);
    assert_eq!(problem.status(), 503, "the gate lacks something, not the key");
    assert!(!problem.body().contains("new"), "the client isn't told what");
    // The file is held: nobody makes the gate fetch it again.
    bench.world.fetches();
    assert_eq!(bench.ask(&get(&key)).unwrap_err().reason.code(), "policy_too_new");
    assert_eq!(bench.world.fetches(), 0);
    assert!(!bench.world.codes().contains(&"policy_failed".to_owned()));

    // The issuer takes the list out of the policy again.
    bench.issuer.newer.set(None);
    bench.world.pass_time(6_000);
    bench.publish_policies(6, &[(Kind::Secret, 8, PolicyDraft::default())]);
    bench.request(&key).unwrap();
}

#[test]
fn a_list_that_is_too_new_leaves_the_held_one_until_that_has_ended() {
    for newer in [Newer::Directory, Newer::Set] {
        let bench = Bench::new(&[]);
        bench.publish(5, &[], 60_000);
        let key = bench.issuer.key(1, |_| {});
        bench.request(&key).unwrap();
        bench.issuer.newer.set(Some(newer));
        bench.world.pass_time(10_000);
        bench.publish(6, &[1], 600_000);
        assert_eq!(bench.freshness(&key), "stale", "{newer:?}");
        assert!(bench.world.codes().contains(&"list_too_new".to_owned()));
        let status = || -> Value {
            let now = Time::from_millis(bench.world.now.get());
            serde_json::from_str(&bench.gate.borrow().status(now)).unwrap()
        };
        assert_eq!(status()["sources"][0]["failed"]["code"], "list_too_new");
        assert_eq!((&status()["list"]["number"], &status()["in_force"]), (&5.into(), &true.into()));
        // Its next update is the bound, as if there were no other list.
        bench.world.pass_time(50_000);
        assert_eq!(bench.refusal(&key), Refusal::List(ListError::PastNextUpdate));
        assert_eq!(status()["in_force"], false);
        assert_eq!(status()["sources"][0]["failed"]["code"], "list_too_new");
    }
}

#[test]
fn a_gate_that_starts_with_a_list_that_is_too_new_accepts_nothing() {
    for newer in [Newer::Directory, Newer::Set] {
        let bench = Bench::new(&[]);
        bench.issuer.newer.set(Some(newer));
        bench.publish(6, &[], 60_000);
        let key = bench.issuer.key(1, |_| {});
        assert_eq!(bench.refusal(&key), Refusal::List(ListError::Missing));
        assert!(bench.world.codes().contains(&"list_too_new".to_owned()));
    }
}
