//! Retention: the oldest events are removed, the rest still verifies, and nothing is removed that
//! is still needed.

use std::time::Duration;

use portcullis_core::time::Time;
use portcullis_issuer::actions::{NewKey, When};
use portcullis_issuer::actor::{Actor, Who};
use portcullis_issuer::events::{Age, EventQuery, Report, Retention, Trimmed};
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::schedule::{Done, Job, Options};
use portcullis_issuer::store::events::{self, Event, EventType, Filter};
use portcullis_issuer::webhooks::{NewWebhook, Reach, Replay, WebhookChange};
use portcullis_issuer::{Error, Issuer};
use portcullis_test_support::Bench;
use serde_json::{Value, json};

conformance! {
    what_is_old_goes_and_the_rest_verifies,
    nothing_young_goes_and_nothing_without_being_asked,
    what_a_webhook_needs_is_kept,
    what_the_list_does_not_know_of_is_kept,
    a_quiet_issuers_newest_head_may_be_told_of_by_no_event,
    a_removal_is_whole_or_nothing,
    two_who_trim_at_once_remove_each_event_once,
    a_restored_database_is_not_trimmed,
    what_a_key_made_is_found_when_its_events_are_gone,
}

pub(crate) const DAY: u64 = 24 * 60 * 60 * 1000;

/// Adds events with minimal contents.
pub(crate) async fn fill(bench: &Bench, count: usize) {
    let actor = Actor::part("test");
    let event = |number: usize| Event {
        event: EventType::Updated,
        key_id: None,
        who: Who::new(&actor, Some("zoë@example.com")),
        data: json!({ "number": number }),
    };
    let all: Vec<Event<'_>> = (0..count).map(event).collect();
    let writing = bench.issuer.store().bookkeeping().await.unwrap();
    let mut change = writing.into_change_at(Who::new(&actor, None), bench.issuer.now());
    change.events(&all).await.unwrap();
    change.save().await.unwrap();
}

pub(crate) fn keep(days: u64) -> Retention {
    let age = Age::Keep(Duration::from_millis(days * DAY));
    Retention { age, archive: None, even_if_broken: false }
}

pub(crate) async fn trim(issuer: &Issuer, retention: &Retention) -> Result<Trimmed, Error> {
    let options = Options { retention: Some(retention.clone()), ..Options::default() };
    let done = issuer.jobs().run(Job::TrimEvents, &options).await?;
    let Done::TrimEvents(trimmed) = done else { panic!("{done:?}") };
    Ok(trimmed)
}

/// Ten events, then thirty days and a list that covers them.
pub(crate) async fn old_trail(bench: &Bench) {
    bench.clock.advance(1_000);
    fill(bench, 10).await;
    bench.clock.advance(30 * DAY);
    bench.issuer.list().publish().await.unwrap();
}

pub(crate) async fn sound(bench: &Bench) -> Report {
    let report = bench.issuer.trail().verify(&[]).await.unwrap();
    assert_eq!(report.findings, []);
    report
}

pub(crate) async fn codes(bench: &Bench) -> Vec<&'static str> {
    let report = bench.issuer.trail().verify(&[]).await.unwrap();
    report.findings.iter().map(|finding| finding.code).collect()
}

pub(crate) async fn run(bench: &Bench, sql: &'static str) {
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    sqlx::query(sql).execute(&mut *writing).await.unwrap();
    writing.save().await.unwrap();
}

pub(crate) async fn what_is_old_goes_and_the_rest_verifies(bench: Bench) {
    old_trail(&bench).await;
    let before = sound(&bench).await;
    let anchor = before.newest.unwrap();
    let job = bench.issuer.acting_as(Actor::part("trim-events"));
    let outlook = job.trail().preview_trim(keep(20).age).await.unwrap();
    let done = trim(&job, &keep(20)).await.unwrap();
    assert_eq!((outlook.events, outlook.through), (done.removed, done.through));
    assert_eq!(done.through, Some(anchor.id), "all that there was");

    let report = bench.issuer.trail().verify(&[anchor]).await.unwrap();
    assert_eq!(report.findings, []);
    assert_eq!((report.first, report.events), (Some(anchor.id + 1), 1));
    let start = report.start.unwrap();
    assert_eq!((start.last, start.removed), (anchor, done.removed));
    assert_eq!(start.at, bench.issuer.now());
    let told = bench.issuer.trail().after(anchor.id, 10).await.unwrap();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (told.event.as_str(), told.actor.as_deref()),
        ("trail.trimmed", Some("trim-events"))
    );
    let data: Value = serde_json::from_str(&told.data).unwrap();
    assert_eq!(data["through"], start.last.id);
    assert_eq!(data["digest"], start.last.digest.to_string());
    assert_eq!(
        (&data["removed"], &data["removed_in_all"]),
        (&json!(done.removed), &json!(done.removed))
    );

    // The personal data in removed events is gone.
    let said = Filter { on_behalf_of: Some("zoë@example.com".into()), ..Filter::default() };
    let query = EventQuery { filter: said, ..EventQuery::default() };
    let page = bench.issuer.trail().list(&query).await.unwrap();
    assert_eq!((page.events.len(), page.removed), (0, Some(start)));

    // Removal continues from there: again, and with more than one batch at a time.
    assert_eq!(trim(&job, &keep(20)).await.unwrap(), Trimmed::default(), "nothing is old any more");
    fill(&bench, 4_500).await;
    bench.clock.advance(30 * DAY);
    bench.issuer.list().publish().await.unwrap();
    let again = trim(&job, &keep(20)).await.unwrap();
    assert_eq!(again.removed, 4_501, "what told of the first removal as well");
    let report = sound(&bench).await;
    assert_eq!(report.start.unwrap().removed, done.removed + again.removed);
    assert_eq!(report.events, 3, "three batches were told of");
    let tail = bench.issuer.trail().verify_tail(1000).await.unwrap();
    assert_eq!((tail.findings, tail.events), (vec![], 3));
    assert!(bench.issuer.trail().verify_tail(2).await.unwrap().is_sound());
    bench.clock.advance(DAY);
    let text = bench.issuer.metrics_text().await.unwrap();
    let removed = done.removed + again.removed;
    assert!(text.contains(&format!("portcullis_trail_removed {removed}")), "{text}");
    assert!(text.contains("portcullis_trail_age_seconds 86400"), "{text}");
}

pub(crate) async fn nothing_young_goes_and_nothing_without_being_asked(bench: Bench) {
    old_trail(&bench).await;
    let ran = bench.issuer.jobs().run_due(&Options::default()).await.unwrap();
    assert!(ran.iter().all(|(job, _)| *job != Job::TrimEvents));
    let unsaid = bench.issuer.jobs().run(Job::TrimEvents, &Options::default()).await;
    assert_eq!(unsaid.unwrap_err().code(), "invalid");
    let now = bench.issuer.now();
    let days = |days: u64| Time::from_millis(now.millis() - days * DAY);
    for age in [
        keep(6).age,
        Age::Before(days(6)),
        Age::Before(now),
        Age::Before(now.plus_millis(DAY)),
        Age::Keep(Duration::ZERO),
    ] {
        let error = bench.issuer.trail().preview_trim(age).await.unwrap_err();
        assert_eq!(error.code(), "invalid", "{age:?}");
        let retention = Retention { age, archive: None, even_if_broken: true };
        assert_eq!(trim(&bench.issuer, &retention).await.unwrap_err().code(), "invalid");
    }
    for age in [keep(40).age, Age::Before(days(31)), Age::Keep(Duration::MAX)] {
        assert_eq!(bench.issuer.trail().preview_trim(age).await.unwrap().events, 0, "{age:?}");
        let retention = Retention { age, archive: None, even_if_broken: false };
        assert_eq!(trim(&bench.issuer, &retention).await.unwrap().removed, 0);
    }
    let report = sound(&bench).await;
    assert_eq!((report.first, report.start), (Some(1), None));
    // A scheduler with a retention setting trims once a day.
    bench.clock.advance(DAY);
    let options = Options { retention: Some(keep(20)), ..Options::default() };
    let ran = bench.issuer.jobs().run_due(&options).await.unwrap();
    assert!(ran.iter().any(|(job, done)| *job == Job::TrimEvents && done.is_ok()));
    assert!(sound(&bench).await.start.is_some());
    let again = bench.issuer.jobs().run_due(&options).await.unwrap();
    assert!(again.iter().all(|(job, _)| *job != Job::TrimEvents));
}

pub(crate) async fn what_a_webhook_needs_is_kept(bench: Bench) {
    let reach = Reach { http: false, private: true };
    let new = NewWebhook {
        url: "https://127.0.0.1:1/".into(),
        description: String::new(),
        types: vec![EventType::Updated],
        by: None,
    };
    fill(&bench, 3).await;
    let id = bench.issuer.webhooks().create(&new, reach).await.unwrap().webhook.id;
    let known = bench.issuer.webhooks().show(&id).await.unwrap().position;
    old_trail(&bench).await;

    // The endpoint has no deliveries yet for later events, so it holds them, whether it is enabled
    // or not.
    for enabled in [true, false] {
        let change = WebhookChange { enabled: Some(enabled), ..WebhookChange::default() };
        bench.issuer.webhooks().update(&id, &change, None, reach).await.unwrap();
        let outlook = bench.issuer.trail().preview_trim(keep(20).age).await.unwrap();
        let held = outlook.held.unwrap();
        assert_eq!((held.from, &held.by), (known + 1, &id));
        assert!(held.to_string().contains("enable it, mend its endpoint, or delete it"));
        let done = trim(&bench.issuer, &keep(20)).await.unwrap();
        assert_eq!(done.through, enabled.then_some(known));
        assert_eq!(done.held, Some(held));
        sound(&bench).await;
    }
    let change = WebhookChange { enabled: Some(true), ..WebhookChange::default() };
    bench.issuer.webhooks().update(&id, &change, None, reach).await.unwrap();

    // The deliveries exist but are pending: the first one holds all events behind it.
    let dispatcher = bench.issuer.webhooks().dispatcher(reach);
    let made = dispatcher.unwrap().fan_out().await.unwrap();
    assert!(made >= 10, "{made}");
    let pending = bench.issuer.webhooks().deliveries(&id, None, None, None).await.unwrap();
    let first = pending.iter().map(|delivery| delivery.event_id).min().unwrap();
    let done = trim(&bench.issuer, &keep(20)).await.unwrap();
    assert_eq!(done.held.unwrap().from, first);
    let mut reading = bench.issuer.store().read().await.unwrap();
    for delivery in &pending {
        assert!(events::find(&mut reading, delivery.event_id).await.unwrap().is_some());
    }
    drop(reading);

    // A delivery that succeeded or was given up is removed with its event, and can't be retried
    // without it.
    run(&bench, "UPDATE deliveries SET state = 'dead' WHERE id % 2 = 0").await;
    run(&bench, "UPDATE deliveries SET state = 'delivered' WHERE id % 2 = 1").await;
    let done = trim(&bench.issuer, &keep(20)).await.unwrap();
    assert!(done.removed >= 10 && done.held.is_none(), "{done:?}");
    let left = bench.issuer.webhooks().deliveries(&id, None, None, None).await.unwrap();
    assert!(left.iter().all(|delivery| delivery.event_id > done.through.unwrap()));
    sound(&bench).await;
    let replay = async |after: i64| bench.issuer.webhooks().replay(&id, Replay::After(after)).await;
    assert_eq!(replay(1).await.unwrap_err().code(), "events_removed");
    replay(0).await.unwrap();
    replay(done.through.unwrap()).await.unwrap();
}

pub(crate) async fn what_the_list_does_not_know_of_is_kept(bench: Bench) {
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let known = bench.issuer.list().publish().await.unwrap().position;
    assert!(known > 0);
    fill(&bench, 5).await;
    bench.clock.advance(30 * DAY);
    let done = trim(&bench.issuer, &keep(20)).await.unwrap();
    assert_eq!(done.through, Some(known));
    let held = done.held.unwrap();
    assert_eq!((held.from, held.by.as_str()), (known + 1, "list"));
    assert!(held.to_string().contains("until the list that knows of them is published"));
    bench.issuer.list().publish().await.unwrap();
    assert!(trim(&bench.issuer, &keep(20)).await.unwrap().removed > 0);
    sound(&bench).await;
}

pub(crate) async fn a_quiet_issuers_newest_head_may_be_told_of_by_no_event(bench: Bench) {
    old_trail(&bench).await;
    let lists = Filter { types: vec![EventType::ListPublished], ..Filter::default() };
    trim(&bench.issuer, &keep(20)).await.unwrap();
    let query = EventQuery { filter: lists, ..EventQuery::default() };
    assert_eq!(bench.issuer.trail().list(&query).await.unwrap().events, []);
    let start = sound(&bench).await.start.unwrap();
    assert!(start.head.is_some());
    // Each new start carries the head over from the previous start.
    fill(&bench, 3).await;
    bench.clock.advance(30 * DAY);
    bench.issuer.list().publish().await.unwrap();
    trim(&bench.issuer, &keep(20)).await.unwrap();
    assert_eq!(sound(&bench).await.start.unwrap().head, start.head);
    // If neither an event nor the start records a head, it is detected that the end was cut off.
    bench.revoke(&bench.made.admin.id, When::Now).await.unwrap();
    sound(&bench).await;
    run(&bench, "DELETE FROM events WHERE type = 'list.published'").await;
    assert!(codes(&bench).await.contains(&"truncated"));
}

pub(crate) async fn a_removal_is_whole_or_nothing(bench: Bench) {
    old_trail(&bench).await;
    let before = bench.issuer.trail().after(0, 100).await.unwrap();
    // The last step of a removal fails: its event would have no actor.
    let nobody = bench.issuer.acting_as(Actor::nobody());
    let options = Options { retention: Some(keep(20)), ..Options::default() };
    let failed = nobody.jobs().run(Job::TrimEvents, &options).await.unwrap_err();
    assert_eq!(failed.code(), "no_actor");
    assert_eq!(bench.issuer.trail().after(0, 100).await.unwrap(), before);
    assert_eq!(bench.issuer.trail().start().await.unwrap(), None);
    // The archive folder doesn't exist, so nothing is removed either.
    let archive = Some(bench.folder.path().join("not/there"));
    let failed = trim(&bench.issuer, &Retention { archive, ..keep(20) }).await.unwrap_err();
    assert_eq!(failed.code(), "io");
    assert_eq!(bench.issuer.trail().after(0, 100).await.unwrap(), before);
    sound(&bench).await;
}

pub(crate) async fn two_who_trim_at_once_remove_each_event_once(bench: Bench) {
    fill(&bench, 9_000).await;
    bench.clock.advance(30 * DAY);
    bench.issuer.list().publish().await.unwrap();
    let other = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
    let all = bench.issuer.trail().last().await.unwrap();
    let run = async |issuer: &Issuer| {
        let mut removed = 0;
        for _ in 0..40 {
            // As if the lease had expired while its holder was frozen.
            let mut writing = issuer.store().bookkeeping().await.unwrap();
            let free = "UPDATE jobs SET holder = NULL, until_ms = 0";
            sqlx::query(free).execute(&mut *writing).await.unwrap();
            writing.save().await.unwrap();
            match trim(issuer, &keep(20)).await {
                Ok(done) => removed += done.removed,
                Err(error) => assert_eq!(error.code(), "job_taken"),
            }
        }
        removed
    };
    let (one, two) = tokio::join!(run(&bench.issuer), run(&other));
    let report = sound(&bench).await;
    let start = report.start.unwrap();
    assert_eq!(one + two, start.removed);
    assert!(start.last.id >= all, "{start:?}");
    assert_eq!(i64::try_from(start.removed).unwrap(), start.last.id, "without holes, from 1 on");
    other.store().close().await;
}

pub(crate) async fn a_restored_database_is_not_trimmed(bench: Bench) {
    old_trail(&bench).await;
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    let now = bench.issuer.now();
    let list_version = portcullis_issuer::store::targets::set_restored;
    list_version(&mut writing, "", Time::from_millis(0), now).await.unwrap();
    writing.save().await.unwrap();
    let error = trim(&bench.issuer, &keep(20)).await.unwrap_err();
    assert_eq!(error.code(), "restored_backup");
    assert_eq!(bench.issuer.trail().start().await.unwrap(), None);
    bench.issuer.recovery().recover_alone().await.unwrap();
    assert!(trim(&bench.issuer, &keep(20)).await.unwrap().removed > 0);
    sound(&bench).await;
    // Lists continue: keys revoked before the removal are revoked in the next list too.
    bench.issuer.list().publish().await.unwrap();
}

pub(crate) async fn what_a_key_made_is_found_when_its_events_are_gone(bench: Bench) {
    let admin = bench.issuer.acting_as(Actor::key(&bench.made.admin.id));
    let made = admin.keys().create(&NewKey::titled("theirs")).await.unwrap();
    let revoked = admin.keys().create(&NewKey::titled("revoked")).await.unwrap();
    bench.revoke(&revoked.record.id, When::Now).await.unwrap();
    bench.clock.advance(30 * DAY);
    bench.issuer.list().publish().await.unwrap();
    trim(&bench.issuer, &keep(20)).await.unwrap();
    assert_eq!(bench.events(&made.record.id).await, [""; 0]);
    let record = bench.issuer.keys().show(&made.record.id).await.unwrap();
    assert_eq!(record.maker.as_deref(), Some(bench.made.admin.id.as_str()));
    assert!(bench.verify(&revoked.token).await.is_err(), "revoked as before");
    assert!(bench.verify(&made.token).await.is_ok());
    // A list rebuilt from all records has the same contents.
    run(&bench, "UPDATE promise SET position = 0").await;
    bench.issuer.list().publish().await.unwrap();
    assert!(bench.verify(&revoked.token).await.is_err());
    sound(&bench).await;
}
