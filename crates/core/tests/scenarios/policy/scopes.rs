//! Valid scopes, and which grants cover them.

use super::shape::PolicyVector;
use super::{EMPTY, SCOPES, one_list, refused, saying};

pub(super) fn all() -> Vec<PolicyVector> {
    [refusals(), covers(), needs()].into_iter().flatten().collect()
}

fn refusals() -> Vec<PolicyVector> {
    [
        ("empty", "A scope of no byte.", ""),
        ("colon", "Two empty segments.", ":"),
        ("first-empty", "An empty first segment.", ":read"),
        ("last-empty", "An empty last segment.", "orders:"),
        ("segment-empty", "An empty segment in between.", "orders::read"),
        ("uppercase", "A capital.", "Orders"),
        ("uppercase-later", "A capital in a later segment.", "orders:Read"),
        ("space", "A space, which separates scopes elsewhere.", "orders read"),
        ("slash", "A character that no scope has.", "orders/read"),
        ("not-ascii", "A letter that is not ASCII.", "\u{f6}rders"),
        ("wildcard-behind-text", "A wildcard for the end of a segment.", "orders:re*"),
        ("wildcard-before-text", "A wildcard for its beginning.", "orders:*d"),
        ("wildcard-double", "Two wildcards in a segment.", "orders:**"),
    ]
    .into_iter()
    .map(|(name, about, item)| {
        refused(&format!("grant-refused-{name}"), about, &one_list(SCOPES, &[item]))
    })
    .collect()
}

/// Whether one grant covers one required scope.
fn covers() -> Vec<PolicyVector> {
    [
        ("same", "orders:read", "orders:read", true),
        ("other", "orders:read", "orders:write", false),
        ("shorter-than-needed", "orders", "orders:read", false),
        ("longer-than-needed", "orders:read", "orders", false),
        ("deeper-is-needed", "orders:read", "orders:read:own", false),
        ("segment-beginning", "orders:re", "orders:read", false),
        ("segment-longer", "orders:read", "orders:re", false),
        ("last-wildcard-one", "orders:*", "orders:read", true),
        ("last-wildcard-two", "orders:*", "orders:read:own", true),
        ("last-wildcard-none", "orders:*", "orders", false),
        ("last-wildcard-other", "orders:*", "orders2:read", false),
        ("inner-wildcard", "orders:*:own", "orders:read:own", true),
        ("inner-wildcard-none", "orders:*:own", "orders:own", false),
        ("inner-wildcard-two", "orders:*:own", "orders:read:all:own", false),
        ("inner-wildcard-other-end", "orders:*:own", "orders:read:all", false),
        ("first-wildcard", "*:read", "orders:read", true),
        ("first-wildcard-deeper", "*:read", "orders:items:read", false),
        ("first-wildcard-longer", "*:read", "orders:read:own", false),
        ("wildcards-one", "*:*", "orders", false),
        ("wildcards-two", "*:*", "orders:read", true),
        ("wildcards-three", "*:*", "orders:read:own", true),
        ("all-one", "*", "orders", true),
        ("all-three", "*", "orders:read:own", true),
        ("every-character", "-_.az09:-_.az09", "-_.az09:-_.az09", true),
    ]
    .into_iter()
    .map(|(name, grant, needed, covered)| {
        let about = format!("`{grant}` and `{needed}`.");
        let scenario = saying(&format!("scope-{name}"), &about, &one_list(SCOPES, &[grant]));
        let scenario = scenario.scopes(&[needed]);
        if covered { scenario.accepted() } else { scenario.denied("scope_missing") }
    })
    .collect()
}

fn needs() -> Vec<PolicyVector> {
    let longest = "a".repeat(255);
    let too_long = "a".repeat(256);
    let all = one_list(SCOPES, &["*"]);
    let two = one_list(SCOPES, &["carts:*", "orders:read"]);
    let mut vectors: Vec<PolicyVector> = [
        ("wildcard", "What is needed has no wildcards.", "*"),
        ("wildcard-segment", "Nor in a segment.", "orders:*"),
        ("empty", "No scope.", ""),
        ("segment-empty", "An empty segment.", "orders::read"),
        ("last-empty", "An empty last segment.", "orders:"),
        ("uppercase", "A capital.", "Orders"),
        ("space", "Two scopes in one text.", "orders carts"),
        ("not-ascii", "A letter that is not ASCII.", "\u{f6}rders"),
        ("too-long", "256 bytes.", &too_long),
    ]
    .into_iter()
    .map(|(name, about, needed)| {
        saying(&format!("need-{name}"), about, &all).scopes(&[needed]).denied("scope_missing")
    })
    .collect();
    vectors.extend([
        saying("need-longest", "255 bytes.", &all).scopes(&[&longest]).accepted(),
        saying(
            "need-longest-granted",
            "255 bytes, granted as such.",
            &one_list(SCOPES, &[&longest]),
        )
        .scopes(&[&longest])
        .accepted(),
        saying("need-two", "Two scopes, each by a grant of its own.", &two)
            .scopes(&["orders:read", "carts:write"])
            .accepted(),
        saying("need-two-one-missing", "Two scopes, of which the second is not granted.", &two)
            .scopes(&["orders:read", "orders:write"])
            .denied("scope_missing"),
        saying("need-two-first-missing", "And of which the first is not.", &two)
            .scopes(&["orders:write", "orders:read"])
            .denied("scope_missing"),
        saying("need-none", "No scope is needed.", &two).accepted(),
        saying("need-none-granted", "An empty list grants nothing.", EMPTY)
            .scopes(&["orders:read"])
            .denied("scope_missing"),
    ]);
    vectors
}
