//! Policies with lists that this version doesn't know. They refuse their own requests, and nothing
//! else.

use super::shape::PolicyVector;
use super::{
    EMPTY, METHODS, NUMBER, PRIVATE, PUBLIC, Scenario, body, body_refused, directory, directory_of,
    named, of_length, one_list, refused, saying, scenario,
};

pub(super) fn all() -> Vec<PolicyVector> {
    [bits(), others(), lengths()].into_iter().flatten().collect()
}

/// `policy` with this bit in its set of lists.
fn with_bit(bit: u32, policy: &[u8]) -> Vec<u8> {
    let mut policy = policy.to_vec();
    let set = u16::from_be_bytes([policy[0], policy[1]]) | 1 << bit;
    policy[..2].copy_from_slice(&set.to_be_bytes());
    policy
}

fn too_new(scenario: Scenario) -> PolicyVector {
    scenario.denied("policy_too_new")
}

fn bits() -> Vec<PolicyVector> {
    let each = (8..16).map(|bit| {
        let about = "A list that no version 1 reader knows: what it says may restrict.";
        let policy = [with_bit(bit, EMPTY), b"\0\x04\x03new".to_vec()].concat();
        too_new(saying(&format!("too-new-bit-{bit}"), about, &policy))
    });
    let methods = one_list(METHODS, &["GET"]);
    let case = |name: &str, about: &str, policy: &[u8]| {
        saying(&format!("too-new-{name}"), about, policy).method("GET")
    };
    let all = [
        case("alone", "The unknown bit without its list.", &with_bit(8, EMPTY)),
        case("all-bits", "Every bit, and nothing behind them.", &[0xFF; 2]),
        case("beside-known", "A known list beside it allows the request.", &with_bit(15, &methods)),
        case("known-cut", "The known list isn't read.", &with_bit(15, &methods[..4])),
        case("known-empty", "Nor refused where it is empty.", &with_bit(8, b"\0\x08\0\0")),
        case("trailing", "Any bytes may follow.", &with_bit(8, &[&methods[..], &[0; 9]].concat())),
    ];
    let denied = case("before-denied", "Before the restrictions.", &with_bit(8, &methods));
    each.chain(all.map(too_new)).chain([too_new(denied.method("PUT"))]).collect()
}

/// What else is in the same files.
fn others() -> Vec<PolicyVector> {
    let new = with_bit(8, b"\0\0any");
    let methods = one_list(METHODS, &["GET"]);
    let file = body(PUBLIC, &[(8, &methods), (NUMBER, &new), (10, &methods)]);
    let beside = |name: &str, about: &str, number| {
        scenario(&format!("too-new-{name}"), about)
            .hold(&file)
            .under(&directory(0, &[(0, &file)]))
            .number(number)
            .method("GET")
    };
    let salted = body(PRIVATE, &[(NUMBER, &new)]);
    let half = body(PUBLIC, &[(8, &new), (NUMBER, &methods[..4])]);
    vec![
        beside("one-before", "The policy before it counts.", 8).accepted(),
        too_new(beside("between", "The one between two others doesn't.", NUMBER)),
        beside("one-behind", "Nor is its end unknown: the index has it.", 10).accepted(),
        beside("one-behind-denied", "And restricts.", 10).method("PUT").denied("method_denied"),
        beside("number-0", "No policy is not too new.", 0).accepted(),
        beside("number-missing", "Nor is one that isn't there.", 11).missing(),
        too_new(
            scenario("too-new-private", "A policy of a secret key.")
                .private()
                .hold(&salted)
                .under(&directory_of(PRIVATE, 0, &[(0, named(&salted))])),
        ),
        body_refused("too-new-beside-unreadable", "A list of the next one is cut.", &half),
    ]
}

fn lengths() -> Vec<PolicyVector> {
    vec![
        too_new(saying("too-new-longest", "8000 bytes.", &with_bit(8, &of_length(8000)))),
        refused("too-new-too-long", "8001 bytes, for no version.", &with_bit(8, &of_length(8001))),
        refused("too-new-half-set", "One byte is no set of lists.", &[1]),
    ]
}
