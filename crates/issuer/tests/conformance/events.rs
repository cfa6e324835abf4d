//! The audit trail: what is written can be read, and alterations are detected.

use std::time::Duration;

use portcullis_core::crypto::Digest;
use portcullis_core::keyring::State;
use portcullis_issuer::actions::{NewKey, When};
use portcullis_issuer::events::{Anchor, EventQuery, ExportLine, Report, check_export, types};
use portcullis_issuer::schedule::{Done, Job, Options};
use portcullis_issuer::store::events::{EventType, Filter, Line};
use portcullis_test_support::{Bench, START};

conformance! {
    a_trail_that_nobody_touched_is_sound,
    what_was_altered_is_found_and_named,
    a_trail_that_was_cut_off_is_found,
    a_trail_made_anew_is_found_by_its_anchor,
    events_are_filtered_and_paged,
    an_export_is_checked_without_the_database,
    each_notice_of_expiry_is_given_once,
    what_a_job_does_by_itself_is_its_own_doing,
    a_job_runs_in_one_place_at_a_time,
    what_has_had_its_time_is_pruned,
    signing_keys_are_reported_by_their_age,
    signing_keys_are_rotated_where_the_root_key_is_lent,
}

/// A trail of some length: three keys, one of them revoked.
async fn some_trail(bench: &Bench) -> String {
    let mut ids = Vec::new();
    for title in ["a", "b", "c"] {
        bench.clock.advance(1000);
        ids.push(
            bench.issuer.keys().create(&NewKey::titled(title)).await.unwrap().record.id.clone(),
        );
    }
    let id = ids.remove(1);
    bench.revoke(&id, When::Now).await.unwrap();
    id
}

async fn alter(bench: &Bench, sql: &'static str) {
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    let done = sqlx::query(sql).execute(&mut *writing).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
    writing.save().await.unwrap();
}

fn found(report: &Report) -> Vec<(i64, &'static str)> {
    report.findings.iter().map(|finding| (finding.id, finding.code)).collect()
}

pub(crate) async fn a_trail_that_nobody_touched_is_sound(bench: Bench) {
    some_trail(&bench).await;
    let report = bench.issuer.trail().verify(&[]).await.unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.events, 7, "two lists, four keys, one revocation");
    let anchor = report.newest.unwrap();
    assert_eq!(Anchor::parse(&anchor.to_string()), Some(anchor));
    bench.issuer.keys().create(&NewKey::titled("later")).await.unwrap();
    let later = bench.issuer.trail().verify(&[anchor]).await.unwrap();
    assert!(later.is_sound() && later.newest.unwrap().id == anchor.id + 1);
}

pub(crate) async fn what_was_altered_is_found_and_named(bench: Bench) {
    some_trail(&bench).await;
    for (sql, expected) in [
        ("UPDATE events SET on_behalf_of = 'mallory' WHERE id = 4", vec![(4, "changed")]),
        ("UPDATE events SET on_behalf_of = NULL WHERE id = 4", vec![]),
        ("UPDATE events SET principal = principal || '!' WHERE id = 4", vec![(4, "changed")]),
        (
            "UPDATE events SET principal = substr(principal, 1, length(principal) - 1) WHERE id = 4",
            vec![],
        ),
        // As if the event dated from before principals existed.
        (
            "UPDATE events SET on_behalf_of = principal, principal = NULL WHERE id = 4",
            vec![(4, "changed")],
        ),
        ("UPDATE events SET principal = on_behalf_of, on_behalf_of = NULL WHERE id = 4", vec![]),
        ("UPDATE events SET at_ms = at_ms + 1 WHERE id = 4", vec![(4, "changed")]),
        ("UPDATE events SET at_ms = at_ms - 1 WHERE id = 4", vec![]),
        ("UPDATE events SET id = -id WHERE id IN (4, 5)", vec![(6, "missing")]),
        // Swap the two events.
        (
            "UPDATE events SET id = 9 + id WHERE id < 0",
            vec![(4, "changed"), (5, "changed"), (6, "changed")],
        ),
    ] {
        alter(&bench, sql).await;
        assert_eq!(found(&bench.issuer.trail().verify(&[]).await.unwrap()), expected, "{sql}");
    }
    alter(&bench, "DELETE FROM events WHERE id = 2").await;
    let report = bench.issuer.trail().verify(&[]).await.unwrap();
    assert_eq!(report.findings[0].id, 3);
    assert!(report.findings[0].message.contains("the event 3 does not follow the event 1"));
}

pub(crate) async fn a_trail_that_was_cut_off_is_found(bench: Bench) {
    some_trail(&bench).await;
    let anchor = bench.issuer.trail().verify(&[]).await.unwrap().newest.unwrap();
    alter(&bench, "DELETE FROM events WHERE id = 7").await;
    let by_list = bench.issuer.trail().verify(&[]).await.unwrap();
    assert_eq!(found(&by_list), [(7, "truncated")], "the signed list has no event");
    alter(&bench, "DELETE FROM events WHERE id = 6").await;
    let by_all = bench.issuer.trail().verify(&[anchor]).await.unwrap();
    assert!(found(&by_all).contains(&(7, "truncated")));
    assert!(by_all.findings.iter().any(|finding| finding.message.contains("its end was cut off")));
    alter(&bench, "DELETE FROM events").await;
    assert!(!bench.issuer.trail().verify(&[]).await.unwrap().is_sound());
}

pub(crate) async fn a_trail_made_anew_is_found_by_its_anchor(bench: Bench) {
    some_trail(&bench).await;
    let anchor = bench.issuer.trail().verify(&[]).await.unwrap().newest.unwrap();
    // An attacker who can write the database can recompute the digests.
    alter(&bench, "UPDATE events SET on_behalf_of = 'mallory' WHERE id = 4").await;
    let mut before = Digest([0; 32]);
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    for event in bench.issuer.trail().after(0, 100).await.unwrap() {
        before = event.line().digest(before);
        sqlx::query("UPDATE events SET digest = $1 WHERE id = $2")
            .bind(before.0.as_slice())
            .bind(event.id)
            .execute(&mut *writing)
            .await
            .unwrap();
    }
    writing.save().await.unwrap();
    assert!(bench.issuer.trail().verify(&[]).await.unwrap().is_sound());
    let report = bench.issuer.trail().verify(&[anchor]).await.unwrap();
    assert_eq!(found(&report), [(anchor.id, "anchor")]);
}

pub(crate) async fn events_are_filtered_and_paged(bench: Bench) {
    let id = some_trail(&bench).await;
    let ask = async |filter: Filter| {
        let query = EventQuery { filter, ..EventQuery::default() };
        let page = bench.issuer.trail().list(&query).await.unwrap();
        page.events.iter().map(|event| event.event.clone()).collect::<Vec<_>>()
    };
    let none = Filter::default;
    let of_key = ask(Filter { key_id: Some(id), ..none() }).await;
    assert_eq!(of_key, ["api-key.revoked", "api-key.created"], "newest first");
    let said = ask(Filter { on_behalf_of: Some("me".into()), ..none() }).await;
    assert_eq!(said, ["api-key.revoked"]);
    let done = ask(Filter { actor: Some(bench.issuer.actor().name().into()), ..none() }).await;
    assert_eq!((done.len(), ask(none()).await.len()), (7, 7), "one process did it all");
    assert_eq!(ask(Filter { actor: Some("me".into()), ..none() }).await.len(), 0);
    let lists = ask(Filter { types: types("list.published").unwrap(), ..none() }).await;
    assert_eq!(lists.len(), 2);
    let since = START.plus_millis(2000);
    assert_eq!(ask(Filter { since: Some(since), ..none() }).await.len(), 4);
    assert_eq!(ask(Filter { until: Some(since), ..none() }).await.len(), 3);
    assert_eq!(types("api-key.nonsense").unwrap_err().code(), "invalid");

    for ascending in [false, true] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let filter = Filter { ascending, ..none() };
            let query = EventQuery { filter, cursor, limit: Some(3) };
            let page = bench.issuer.trail().list(&query).await.unwrap();
            seen.extend(page.events.iter().map(|event| event.id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let mut expected: Vec<i64> = (1..=7).collect();
        if !ascending {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
    for (cursor, limit) in
        [(Some("x"), None), (Some("0"), None), (None, Some(0)), (None, Some(1001))]
    {
        let query = EventQuery { cursor: cursor.map(Into::into), limit, ..EventQuery::default() };
        assert_eq!(bench.issuer.trail().list(&query).await.unwrap_err().code(), "invalid");
    }
}

pub(crate) async fn an_export_is_checked_without_the_database(bench: Bench) {
    some_trail(&bench).await;
    let events = bench.issuer.trail().after(0, 100).await.unwrap();
    let lines = events.iter().map(|event| serde_json::to_string(&ExportLine::from(event)).unwrap());
    let lines: Vec<String> = lines.collect();
    let check = |lines: &[String]| check_export(lines.iter().cloned().map(Ok), &[]).unwrap();
    let whole = check(&lines);
    assert!(whole.is_sound());
    assert_eq!(whole.newest, bench.issuer.trail().verify(&[]).await.unwrap().newest);
    assert!(check(&lines[3..]).is_sound(), "a part of it too");
    let mut altered = lines.clone();
    altered[4] = altered[4].replace("\\\"c\\\"", "\\\"d\\\"");
    altered[5] = altered[5].replace("\\\"c\\\"", "\\\"d\\\"");
    assert_eq!(check(&altered).findings.len(), 1);
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    assert_eq!(found(&check(&swapped))[0], (4, "missing"));
    let mut without = lines.clone();
    without.remove(3);
    assert_eq!(found(&check(&without)), [(5, "missing")]);
    without[0] = "{}".into();
    assert!(check(&without).findings.iter().any(|finding| finding.message.contains("line 1")));
}

pub(crate) async fn what_a_job_does_by_itself_is_its_own_doing(bench: Bench) {
    let hour = Some(When::In(Duration::from_secs(3600)));
    let day = Some(When::In(Duration::from_secs(25 * 3600)));
    for expires in [hour, day] {
        bench
            .issuer
            .keys()
            .create(&NewKey { expires: expires.into(), ..NewKey::titled("x") })
            .await
            .unwrap();
    }
    bench.clock.advance(2 * 3_600_000);
    let actors = async || {
        let filter = Filter { types: vec![EventType::Expiring], ..Filter::default() };
        let query = EventQuery { filter, ..EventQuery::default() };
        let events = bench.issuer.trail().list(&query).await.unwrap().events;
        events.into_iter().map(|event| event.actor.unwrap()).collect::<Vec<_>>()
    };
    // A due job is its own actor; a manual run has the caller as its actor.
    bench.issuer.jobs().run_due(&Options::default()).await.unwrap();
    assert_eq!(actors().await, ["expiry-notices"]);
    let day = Some(When::In(Duration::from_secs(25 * 3600)));
    bench
        .issuer
        .keys()
        .create(&NewKey { expires: day.into(), ..NewKey::titled("y") })
        .await
        .unwrap();
    bench.clock.advance(2 * 3_600_000);
    bench.issuer.jobs().run(Job::ExpiryNotices, &Options::default()).await.unwrap();
    assert_eq!(actors().await, [bench.issuer.actor().name(), "expiry-notices"]);
}

pub(crate) async fn each_notice_of_expiry_is_given_once(bench: Bench) {
    let day = Duration::from_secs(24 * 60 * 60);
    let expiring = |title: &str, days: u32| NewKey {
        expires: Some(When::In(day * days)).into(),
        ..NewKey::titled(title)
    };
    let long = bench.issuer.keys().create(&expiring("long", 30)).await.unwrap().record.id.clone();
    let short = bench.issuer.keys().create(&expiring("short", 2)).await.unwrap().record.id.clone();
    let revoked =
        bench.issuer.keys().create(&expiring("revoked", 30)).await.unwrap().record.id.clone();
    bench.revoke(&revoked, When::Now).await.unwrap();
    // Runs the job on a day; returns the number of notices.
    let run = async |days: u64| {
        bench.clock.set(START.plus_millis(days * 24 * 60 * 60 * 1000));
        let done = bench.issuer.jobs().run(Job::ExpiryNotices, &Options::default()).await.unwrap();
        let Done::ExpiryNotices { notices } = done else { panic!("{done:?}") };
        notices
    };
    // The days in a key's notices, oldest first.
    let given = async |id: &str| {
        let filter = Filter {
            types: vec![EventType::Expiring],
            key_id: Some(id.into()),
            ascending: true,
            ..Filter::default()
        };
        let query = EventQuery { filter, ..EventQuery::default() };
        let events = bench.issuer.trail().list(&query).await.unwrap().events;
        let days = events.iter().map(|event| {
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            data["days"].as_u64().unwrap()
        });
        days.collect::<Vec<_>>()
    };
    assert_eq!(run(0).await, 0, "a key of two days is not told that it has three");
    assert_eq!(run(1).await, 1);
    assert_eq!(given(&short).await, [1]);
    assert_eq!(run(15).await, 0);
    assert_eq!((run(16).await, run(16).await), (1, 0));
    assert_eq!((run(27).await, run(29).await, run(29).await, run(31).await), (1, 1, 0, 0));
    assert_eq!(given(&long).await, [14, 3, 1]);
    assert_eq!(given(&revoked).await, [0_u64; 0]);

    let late = bench.issuer.keys().create(&expiring("late", 20)).await.unwrap().record.id.clone();
    assert_eq!(run(31 + 18).await, 1, "where several are overdue the shortest is given");
    assert_eq!((given(&late).await, run(31 + 18).await), (vec![3], 0));
}

pub(crate) async fn a_job_runs_in_one_place_at_a_time(bench: Bench) {
    let mut lease = bench.issuer.jobs().lease("prune");
    assert!(lease.hold().await.unwrap());
    let run = async || bench.issuer.jobs().run(Job::Prune, &Options::default()).await;
    assert_eq!(run().await.unwrap_err().code(), "job_taken");
    bench.clock.advance(20_000);
    assert!(lease.hold().await.unwrap(), "renewed");
    bench.clock.advance(20_000);
    assert_eq!(run().await.unwrap_err().code(), "job_taken");
    bench.clock.advance(30_000);
    run().await.unwrap();
    assert!(lease.hold().await.unwrap(), "given back by who took it over");
    lease.give_back().await;
    assert!(run().await.is_ok());

    let due = bench.issuer.jobs().run_due(&Options::default()).await.unwrap();
    let names: Vec<_> = due.iter().map(|(job, _)| job.name()).collect();
    assert_eq!(names, ["expiry-notices", "key-age", "idle-keys"], "pruning has just been done");
    assert!(bench.issuer.jobs().run_due(&Options::default()).await.unwrap().is_empty());
    bench.clock.advance(60 * 60 * 1000);
    let due = bench.issuer.jobs().run_due(&Options::default()).await.unwrap();
    assert_eq!(due.len(), 3, "the age of keys is looked at once a day");
}

pub(crate) async fn what_has_had_its_time_is_pruned(bench: Bench) {
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    for (name, expires) in [("old", 1_i64), ("new", 9_000_000_000_000)] {
        sqlx::query(
            "INSERT INTO idempotency (scope, name, request, key_ids, expires_ms) \
             VALUES ('s', $1, $2, '', $3)",
        )
        .bind(name)
        .bind(b"".as_slice())
        .bind(expires)
        .execute(&mut *writing)
        .await
        .unwrap();
    }
    writing.save().await.unwrap();
    let done = bench.issuer.jobs().run(Job::Prune, &Options::default()).await.unwrap();
    assert_eq!(done, Done::Prune { idempotency: 1, notices: 0, deliveries: 0 });
    let done = bench.issuer.jobs().run(Job::Prune, &Options::default()).await.unwrap();
    assert!(!done.is_notable());
}

pub(crate) async fn signing_keys_are_reported_by_their_age(bench: Bench) {
    let options = Options { key_age_days: 90, ..Options::default() };
    let run = async || bench.issuer.jobs().run(Job::KeyAge, &options).await;
    assert!(!run().await.unwrap().is_notable());
    bench.clock.advance(90 * 24 * 60 * 60 * 1000);
    let done = run().await.unwrap();
    let Done::KeyAge { old, .. } = &done else { panic!("{done:?}") };
    assert_eq!(
        old.iter().collect::<Vec<_>>(),
        [1, 2, 3, 4, 5].map(|kid| (kid, 90)).iter().map(|(k, a)| (k, a)).collect::<Vec<_>>()
    );
    assert!(done.summary().contains("5 (90 days)"));
}

pub(crate) async fn signing_keys_are_rotated_where_the_root_key_is_lent(bench: Bench) {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let rotate_with = Some(bench.home.root_key());
    let options = Options { key_age_days: 90, rotate_with, ..Options::default() };
    let run = async || {
        let done = bench.issuer.jobs().run(Job::KeyAge, &options).await.unwrap();
        let Done::KeyAge { old, announced, promoted, waiting, .. } = done else { panic!() };
        (old.into_keys().collect::<Vec<_>>(), announced, promoted, waiting)
    };
    assert_eq!(run().await, (vec![], vec![], vec![], vec![]));
    bench.clock.advance(90 * DAY);
    assert_eq!(run().await, (vec![1, 2, 3, 4, 5], vec![6, 7, 8, 9, 10], vec![], vec![]));
    // HMAC secrets must be handed out first; the other keys must have been announced for a day.
    assert_eq!(run().await, (vec![1, 2, 3, 4, 5], vec![], vec![], vec![6, 7]));
    // The store's clock may be milliseconds ahead.
    bench.clock.advance(DAY + 1_000);
    assert_eq!(run().await, (vec![1, 2, 3, 4, 5], vec![], vec![8, 9, 10], vec![6, 7]));
    assert_eq!(run().await, (vec![1, 2], vec![], vec![], vec![6, 7]));
    let state_of = async |kid| {
        let signers = bench.issuer.keyring().signers().await.unwrap().signers;
        signers.into_iter().find(|signer| signer.entry.kid == kid).unwrap().entry.state
    };
    for (kid, state) in [
        (1, State::Active),
        (6, State::Next),
        (3, State::Retiring),
        (8, State::Active),
        (5, State::Retiring),
        (10, State::Active),
    ] {
        assert_eq!(state_of(kid).await, state, "{kid}");
    }
    let rotate_with = Some("no/such/root.key".into());
    let nobody = Options { rotate_with, key_age_days: 1, ..Options::default() };
    assert!(bench.issuer.jobs().run(Job::KeyAge, &nobody).await.is_err());
}

/// The example of docs/audit.md.
#[test]
fn the_documented_example_is_true() {
    let text = include_str!("../../../../docs/audit.md");
    let first = Line {
        at_ms: 1_800_000_000_000,
        event: "list.published",
        key_id: None,
        actor: None,
        on_behalf_of: None,
        data: r#"{"epoch":1,"number":1}"#,
    };
    let second = Line {
        at_ms: 1_800_000_001_000,
        event: "api-key.revoked",
        key_id: Some("apk_0123456789abcdefghijkl"),
        actor: None,
        on_behalf_of: Some("zoë"),
        data: r#"{"revoked_at":1800000001}"#,
    };
    let third = Line {
        at_ms: 1_800_000_002_000,
        event: "api-key.revoked",
        key_id: Some("apk_0123456789abcdefghijkl"),
        actor: Some("apk_admin"),
        on_behalf_of: Some("zoë"),
        data: r#"{"revoked_at":1800000002}"#,
    };
    let one = first.digest(Digest([0; 32]));
    let two = second.digest(one);
    assert!(text.contains(&one.to_string()), "{one}");
    assert!(text.contains(&two.to_string()), "{two}");
    let three = third.digest(two);
    assert!(text.contains(&three.to_string()), "{three}");
    for line in [first, second, third] {
        assert!(text.contains(line.data) && text.contains(&line.at_ms.to_string()));
    }
}
