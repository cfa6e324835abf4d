//! Calls that allocate nothing at all, and requests of any length.

use crate::asked;
use crate::support::{ANY, ED25519, HMAC_LIVE, HMAC_TEST, START, World, first_shard};
use portcullis_core::assertion;
use portcullis_core::crypto::PublicKey;
use portcullis_core::issue::{PolicyDraft, redact};
use portcullis_core::list::TimedSlot;
use portcullis_core::policy::{
    Policies, Policy, RequestFacts, decide, grant_covers, is_grant, is_path_pattern, is_scope,
};
use portcullis_core::signature_cache::{PendingSignature, SignatureCache};
use portcullis_core::token::{Label, Prefix};
use portcullis_core::verify::{Refusal, Unverified};

#[test]
fn a_verification_asks_for_no_memory() {
    let mut world = World::new();
    let facts = first_shard(&mut world);
    (facts.revoked, facts.suspended) = (vec![5], vec![6]);
    facts.timed = vec![TimedSlot { slot: 7, from: START }];
    let (verifier, now) = (world.verifier(), world.this_update);
    let mut signature_cache = SignatureCache::new(8);
    let publishable = world.token(ED25519, 1);
    let _ = verifier
        .verify_with(&mut signature_cache, &Policies::new(0), &publishable, &ANY, now)
        .unwrap();
    let stranger = World::with_seed(2).token(HMAC_LIVE, 1);
    for (token, code) in [
        (world.token(HMAC_LIVE, 1), None),
        (world.token(HMAC_TEST, 1), None),
        (publishable, None),
        (world.token(HMAC_LIVE, 5), Some("revoked")),
        (world.token(HMAC_LIVE, 6), Some("suspended")),
        (world.token(HMAC_LIVE, 7), Some("revoked")),
        (stranger, Some("bad_signature")),
        ("sk_live_".to_owned(), Some("malformed_length")),
        ("sk_live_".repeat(1 << 17), Some("malformed_too_long")),
    ] {
        let asked = asked(|| {
            let verdict =
                verifier.verify_with(&mut signature_cache, &Policies::new(0), &token, &ANY, now);
            assert_eq!(verdict.err().map(Refusal::code), code);
        });
        assert_eq!(asked, 0, "{code:?}");
    }
}

#[test]
fn a_memo_of_any_capacity_is_made_and_one_that_finds_no_room_keeps_nothing() {
    let world = World::new();
    let (verifier, now) = (world.verifier(), world.this_update);
    let token = world.token(ED25519, 1);
    for capacity in [usize::MAX, usize::MAX / 2, usize::MAX / 150, 0] {
        let mut signature_cache = SignatureCache::new(capacity);
        assert!(
            verifier
                .verify_with(&mut signature_cache, &Policies::new(0), &token, &ANY, now)
                .is_ok()
        );
        let unverified = Unverified::parse(&token).unwrap();
        let asked =
            unverified.signature_to_check(verifier.keyring(), ANY.purpose, &signature_cache);
        let signature: PendingSignature = asked.unwrap().expect("it was not kept");
        signature_cache.insert(signature.verified_by_host());
    }
}

#[test]
fn long_texts_are_refused_as_cheaply_as_short_ones() {
    let long = "a".repeat(1 << 20);
    let slashes = "/a".repeat(1 << 19);
    let colons = "a:".repeat(1 << 19) + "a";
    let keyring = World::new().empty_replica().keyring().clone();
    let now = World::new().this_update;
    let asked_for = asked(|| {
        for text in [&long, &slashes, &colons] {
            assert!(Label::new(text).is_err() && Prefix::parse(text.as_bytes()).is_none());
            assert!(PublicKey::from_text(text).is_err());
            assert!(assertion::verify(text, &keyring, "", now).is_err());
            assert!(!is_scope(text) && !is_grant(text));
            let _ = grant_covers(text, text);
            let _ = is_path_pattern(text.as_bytes());
        }
    });
    assert_eq!(asked_for, 0);
    assert!(asked(|| redact(&long)) < 64);
}

/// A path may have any number of segments; no pattern has more than 129.
#[test]
fn a_request_asks_for_little_however_long_it_is() {
    let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    let draft = PolicyDraft {
        paths: texts(&["/a/**", "/b/*/c"]),
        scopes: texts(&["a:*", "b:*:c"]),
        ..PolicyDraft::default()
    };
    let record = draft.encode().unwrap();
    let policy = Policy::decode(&record).unwrap();
    let (path, scope) = ("/a".repeat(1 << 19), "a:".repeat(1 << 19) + "a");
    let scopes = [scope.as_str()];
    for request in [
        RequestFacts { path: &path, ..RequestFacts::default() },
        RequestFacts { path: "/a/a", scopes: &scopes, ..RequestFacts::default() },
        RequestFacts { origin: Some(&path), method: &path, path: &path, ..RequestFacts::default() },
    ] {
        let asked = asked(|| decide(&policy, &request));
        assert!(asked <= 8192, "{asked}");
    }
}
