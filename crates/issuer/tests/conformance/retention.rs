//! Retention: the oldest events go, and what is kept verifies; nothing goes that is needed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{ListSigner, SigningKey};
use portcullis_core::time::Time;
use portcullis_issuer::actor::{Actor, Who};
use portcullis_issuer::events::{
    Age, Anchor, EventQuery, ExportLine, Report, Retention, Start, Trimmed, check_files,
};
use portcullis_issuer::issuer::DEFAULT_VALID_FOR;
use portcullis_issuer::rules::{Moment, NewKey};
use portcullis_issuer::schedule::{Done, Job, Options};
use portcullis_issuer::store::events::{self, Event, EventType, Filter};
use portcullis_issuer::store::retention;
use portcullis_issuer::webhooks::{NewWebhook, Reach, Replay, WebhookChange};
use portcullis_issuer::{Error, Issuer};
use serde_json::{Value, json};

use crate::common::Bench;

conformance! {
    what_is_old_goes_and_the_rest_verifies,
    nothing_young_goes_and_nothing_without_being_asked,
    who_cuts_off_the_beginning_is_found,
    a_start_is_signed_by_a_signer_of_lists,
    what_a_webhook_needs_is_kept,
    what_the_list_does_not_know_of_is_kept,
    a_quiet_issuers_newest_head_may_be_told_of_by_no_event,
    exports_and_the_rest_are_one_chain,
    a_broken_chain_is_not_removed_unless_that_is_said,
    a_removal_is_whole_or_nothing,
    two_who_trim_at_once_remove_each_event_once,
    who_asks_behind_removed_events_is_told,
    a_restored_database_is_not_trimmed,
    what_a_key_made_is_found_when_its_events_are_gone,
}

pub(crate) const DAY: u64 = 24 * 60 * 60 * 1000;

/// Adds events that say next to nothing.
pub(crate) async fn fill(bench: &Bench, count: usize) {
    let actor = Actor::part("test");
    let mut writing = bench.issuer.store().write().await.unwrap();
    let event = |number: usize| Event {
        event: EventType::Updated,
        key_id: None,
        who: Who::new(&actor, Some("zoë@example.com")),
        data: json!({ "number": number }),
    };
    let all: Vec<Event<'_>> = (0..count).map(event).collect();
    events::append_all(&mut writing, bench.issuer.now(), &all).await.unwrap();
    writing.commit().await.unwrap();
}

pub(crate) fn keep(days: u64) -> Retention {
    let age = Age::Keep(Duration::from_millis(days * DAY));
    Retention { age, archive: None, even_if_broken: false }
}

pub(crate) async fn trim(issuer: &Issuer, retention: &Retention) -> Result<Trimmed, Error> {
    let options = Options { retention: Some(retention.clone()), ..Options::default() };
    let done = issuer.run_job(Job::TrimEvents, &options).await?;
    let Done::TrimEvents(trimmed) = done else { panic!("{done:?}") };
    Ok(trimmed)
}

/// Ten events, then thirty days and a list that knows of them.
async fn old_trail(bench: &Bench) {
    bench.clock.advance(1_000);
    fill(bench, 10).await;
    bench.clock.advance(30 * DAY);
    bench.issuer.publish().await.unwrap();
}

async fn sound(bench: &Bench) -> Report {
    let report = bench.issuer.verify_trail(&[]).await.unwrap();
    assert_eq!(report.findings, []);
    report
}

async fn codes(bench: &Bench) -> Vec<&'static str> {
    let report = bench.issuer.verify_trail(&[]).await.unwrap();
    report.findings.iter().map(|finding| finding.code).collect()
}

async fn run(bench: &Bench, sql: &'static str) {
    let mut writing = bench.issuer.store().write().await.unwrap();
    sqlx::query(sql).execute(&mut *writing).await.unwrap();
    writing.commit().await.unwrap();
}

async fn file(bench: &Bench) -> Vec<u8> {
    retention::start(&mut bench.issuer.store().read().await.unwrap()).await.unwrap().unwrap()
}

async fn set_file(bench: &Bench, file: &[u8]) {
    let mut writing = bench.issuer.store().write().await.unwrap();
    retention::set_start(&mut writing, file).await.unwrap();
    writing.commit().await.unwrap();
}

/// Writes the events behind `after` to a file, as `audit export` does.
async fn export(bench: &Bench, name: &str, after: i64) -> PathBuf {
    let path = bench.folder.path().join(name);
    let filter = Filter { ascending: true, ..Filter::default() };
    let query = EventQuery { filter, limit: Some(1000), ..EventQuery::default() };
    let page = bench.issuer.list_events(&query).await.unwrap();
    let events = page.events.iter().filter(|event| event.id > after);
    let lines = events.map(|event| serde_json::to_string(&ExportLine::from(event)).unwrap() + "\n");
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    path
}

pub(crate) async fn what_is_old_goes_and_the_rest_verifies(bench: Bench) {
    old_trail(&bench).await;
    let before = sound(&bench).await;
    let anchor = before.newest.unwrap();
    let job = bench.issuer.acting_as(Actor::part("trim-events"));
    let outlook = job.preview_trim(keep(20).age).await.unwrap();
    let done = trim(&job, &keep(20)).await.unwrap();
    assert_eq!((outlook.events, outlook.through), (done.removed, done.through));
    assert_eq!(done.through, Some(anchor.id), "all that there was");

    let report = bench.issuer.verify_trail(&[anchor]).await.unwrap();
    assert_eq!(report.findings, []);
    assert_eq!((report.first, report.events), (Some(anchor.id + 1), 1));
    let start = report.start.unwrap();
    assert_eq!((start.last, start.removed), (anchor, done.removed));
    assert_eq!(start.at, bench.issuer.now());
    let told = bench.issuer.events_after(anchor.id, 10).await.unwrap();
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

    // What was said of people is gone with them.
    let said = Filter { on_behalf_of: Some("zoë@example.com".into()), ..Filter::default() };
    let query = EventQuery { filter: said, ..EventQuery::default() };
    let page = bench.issuer.list_events(&query).await.unwrap();
    assert_eq!((page.events.len(), page.removed), (0, Some(start)));

    // It goes on from there: again, and more than a batch at a time.
    assert_eq!(trim(&job, &keep(20)).await.unwrap(), Trimmed::default(), "nothing is old any more");
    fill(&bench, 4_500).await;
    bench.clock.advance(30 * DAY);
    bench.issuer.publish().await.unwrap();
    let again = trim(&job, &keep(20)).await.unwrap();
    assert_eq!(again.removed, 4_501, "what told of the first removal as well");
    let report = sound(&bench).await;
    assert_eq!(report.start.unwrap().removed, done.removed + again.removed);
    assert_eq!(report.events, 3, "three batches were told of");
    let tail = bench.issuer.verify_tail(1000).await.unwrap();
    assert_eq!((tail.findings, tail.events), (vec![], 3));
    assert!(bench.issuer.verify_tail(2).await.unwrap().is_sound());
    bench.clock.advance(DAY);
    let text = bench.issuer.metrics_text().await.unwrap();
    let removed = done.removed + again.removed;
    assert!(text.contains(&format!("portcullis_trail_removed {removed}")), "{text}");
    assert!(text.contains("portcullis_trail_age_seconds 86400"), "{text}");
}

pub(crate) async fn nothing_young_goes_and_nothing_without_being_asked(bench: Bench) {
    old_trail(&bench).await;
    let ran = bench.issuer.run_due_jobs(&Options::default()).await.unwrap();
    assert!(ran.iter().all(|(job, _)| *job != Job::TrimEvents));
    let unsaid = bench.issuer.run_job(Job::TrimEvents, &Options::default()).await;
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
        let error = bench.issuer.preview_trim(age).await.unwrap_err();
        assert_eq!(error.code(), "invalid", "{age:?}");
        let retention = Retention { age, archive: None, even_if_broken: true };
        assert_eq!(trim(&bench.issuer, &retention).await.unwrap_err().code(), "invalid");
    }
    for age in [keep(40).age, Age::Before(days(31)), Age::Keep(Duration::MAX)] {
        assert_eq!(bench.issuer.preview_trim(age).await.unwrap().events, 0, "{age:?}");
        let retention = Retention { age, archive: None, even_if_broken: false };
        assert_eq!(trim(&bench.issuer, &retention).await.unwrap().removed, 0);
    }
    let report = sound(&bench).await;
    assert_eq!((report.first, report.start), (Some(1), None));
    // A scheduler that is told does it once a day.
    bench.clock.advance(DAY);
    let options = Options { retention: Some(keep(20)), ..Options::default() };
    let ran = bench.issuer.run_due_jobs(&options).await.unwrap();
    assert!(ran.iter().any(|(job, done)| *job == Job::TrimEvents && done.is_ok()));
    assert!(sound(&bench).await.start.is_some());
    let again = bench.issuer.run_due_jobs(&options).await.unwrap();
    assert!(again.iter().all(|(job, _)| *job != Job::TrimEvents));
}

pub(crate) async fn who_cuts_off_the_beginning_is_found(bench: Bench) {
    old_trail(&bench).await;
    fill(&bench, 5).await;
    trim(&bench.issuer, &keep(20)).await.unwrap();
    fill(&bench, 5).await;
    let start = sound(&bench).await.start.unwrap();
    let first = file(&bench).await;

    // More is cut off than the start says.
    run(&bench, "UPDATE events SET id = -id WHERE id = (SELECT MIN(id) FROM events)").await;
    assert!(codes(&bench).await.contains(&"missing"));
    run(&bench, "UPDATE events SET id = -id WHERE id < 0").await;
    sound(&bench).await;

    // A start behind the cut, as who can write the database alone would write it.
    let kept = bench.issuer.events_after(start.last.id, 100).await.unwrap();
    let cut = &kept[2];
    let forged = Start { last: Anchor { id: cut.id, digest: cut.digest }, ..start };
    let mallory = || SigningKey::from_seed(&[9; 32]);
    let signer = ListSigner { issuer: start.issuer, kid: start.kid, key: mallory() };
    run(&bench, "UPDATE events SET id = -id WHERE id <= (SELECT MIN(id) + 2 FROM events)").await;
    set_file(&bench, &forged.sign(&signer)).await;
    assert!(codes(&bench).await.contains(&"start"));
    let tail = bench.issuer.verify_tail(1000).await.unwrap();
    assert!(!tail.is_sound(), "the doctor sees it");
    // Nothing is removed, and signed anew, on top of it.
    bench.clock.advance(60 * DAY);
    bench.issuer.publish().await.unwrap();
    assert_eq!(trim(&bench.issuer, &keep(20)).await.unwrap_err().code(), "trail_broken");
    run(&bench, "UPDATE events SET id = -id WHERE id < 0").await;

    // The start is another issuer's, half of one, none, or gone.
    let mut bit = first.clone();
    bit[40] ^= 1;
    for other in [bit.as_slice(), &first[1..], b"", b"PCT"] {
        set_file(&bench, other).await;
        assert!(codes(&bench).await.contains(&"start"), "{other:?}");
    }
    run(&bench, "DELETE FROM trail_start").await;
    let found = codes(&bench).await;
    assert!(found.contains(&"start") && found.contains(&"missing"), "{found:?}");
    set_file(&bench, &first).await;
    sound(&bench).await;

    // An older start of the issuer's own, when more was removed since.
    trim(&bench.issuer, &keep(20)).await.unwrap();
    sound(&bench).await;
    set_file(&bench, &first).await;
    let found = codes(&bench).await;
    assert!(found.contains(&"start") && found.contains(&"missing"), "{found:?}");
}

pub(crate) async fn a_start_is_signed_by_a_signer_of_lists(bench: Bench) {
    old_trail(&bench).await;
    trim(&bench.issuer, &keep(20)).await.unwrap();
    let start = sound(&bench).await.start.unwrap();
    // Signers of other things sign no start, although the same keyring lists them.
    for key in bench.issuer.keystore().keys().iter().filter(|key| key.kid != start.kid) {
        let (issuer, kid) = (start.issuer, key.kid);
        let signer = ListSigner { issuer, kid, key: SigningKey::from_seed(&key.secret) };
        set_file(&bench, &Start { kid, ..start }.sign(&signer)).await;
        assert_eq!(codes(&bench).await, ["start"], "{kid}");
    }
    let signer = bench.issuer.keystore().list_signer().unwrap();
    let elsewhere = Start { issuer: portcullis_core::crypto::IssuerId([1; 16]), ..start };
    set_file(&bench, &elsewhere.sign(&signer)).await;
    assert_eq!(codes(&bench).await, ["start"]);
    // One that says something else of the same place than the trail's own event does.
    let last = Anchor { digest: Digest([4; 32]), ..start.last };
    set_file(&bench, &Start { last, ..start }.sign(&signer)).await;
    assert_eq!(codes(&bench).await, ["start", "changed"]);
    set_file(&bench, &start.sign(&signer)).await;
    sound(&bench).await;
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
    let id = bench.issuer.create_webhook(&new, reach).await.unwrap().webhook.id;
    let known = bench.issuer.show_webhook(&id).await.unwrap().position;
    old_trail(&bench).await;

    // It has no deliveries yet of what came after it, whether it is enabled or not.
    for enabled in [true, false] {
        let change = WebhookChange { enabled: Some(enabled), ..WebhookChange::default() };
        bench.issuer.update_webhook(&id, &change, None, reach).await.unwrap();
        let outlook = bench.issuer.preview_trim(keep(20).age).await.unwrap();
        let held = outlook.held.unwrap();
        assert_eq!((held.from, &held.by), (known + 1, &id));
        assert!(held.to_string().contains("enable it, mend its endpoint, or delete it"));
        let done = trim(&bench.issuer, &keep(20)).await.unwrap();
        assert_eq!(done.through, enabled.then_some(known));
        assert_eq!(done.held, Some(held));
        sound(&bench).await;
    }
    let change = WebhookChange { enabled: Some(true), ..WebhookChange::default() };
    bench.issuer.update_webhook(&id, &change, None, reach).await.unwrap();

    // It has them, and they are still to be made: the first one holds all behind it.
    let dispatcher = portcullis_issuer::webhooks::Dispatcher::new(bench.issuer.clone(), reach);
    let made = dispatcher.unwrap().fan_out().await.unwrap();
    assert!(made >= 10, "{made}");
    let pending = bench.issuer.list_deliveries(&id, None, None, None).await.unwrap();
    let first = pending.iter().map(|delivery| delivery.event_id).min().unwrap();
    let done = trim(&bench.issuer, &keep(20)).await.unwrap();
    assert_eq!(done.held.unwrap().from, first);
    let mut reading = bench.issuer.store().read().await.unwrap();
    for delivery in &pending {
        assert!(events::find(&mut reading, delivery.event_id).await.unwrap().is_some());
    }
    drop(reading);

    // What was delivered, or given up, goes with its event, and is not revived without it.
    run(&bench, "UPDATE deliveries SET state = 'dead' WHERE id % 2 = 0").await;
    run(&bench, "UPDATE deliveries SET state = 'delivered' WHERE id % 2 = 1").await;
    let done = trim(&bench.issuer, &keep(20)).await.unwrap();
    assert!(done.removed >= 10 && done.held.is_none(), "{done:?}");
    let left = bench.issuer.list_deliveries(&id, None, None, None).await.unwrap();
    assert!(left.iter().all(|delivery| delivery.event_id > done.through.unwrap()));
    sound(&bench).await;
    let replay = async |after: i64| bench.issuer.replay_webhook(&id, Replay::After(after)).await;
    assert_eq!(replay(1).await.unwrap_err().code(), "events_removed");
    replay(0).await.unwrap();
    replay(done.through.unwrap()).await.unwrap();
}

pub(crate) async fn what_the_list_does_not_know_of_is_kept(bench: Bench) {
    bench.issuer.create(&NewKey::titled("x")).await.unwrap();
    let known = bench.issuer.publish().await.unwrap().position;
    assert!(known > 0);
    fill(&bench, 5).await;
    bench.clock.advance(30 * DAY);
    let done = trim(&bench.issuer, &keep(20)).await.unwrap();
    assert_eq!(done.through, Some(known));
    let held = done.held.unwrap();
    assert_eq!((held.from, held.by.as_str()), (known + 1, "list"));
    assert!(held.to_string().contains("until the list that knows of them is published"));
    bench.issuer.publish().await.unwrap();
    assert!(trim(&bench.issuer, &keep(20)).await.unwrap().removed > 0);
    sound(&bench).await;
}

pub(crate) async fn a_quiet_issuers_newest_head_may_be_told_of_by_no_event(bench: Bench) {
    old_trail(&bench).await;
    let lists = Filter { types: vec![EventType::ListPublished], ..Filter::default() };
    trim(&bench.issuer, &keep(20)).await.unwrap();
    let query = EventQuery { filter: lists, ..EventQuery::default() };
    assert_eq!(bench.issuer.list_events(&query).await.unwrap().events, []);
    let start = sound(&bench).await.start.unwrap();
    assert!(start.head.is_some());
    // Handed on from start to start.
    fill(&bench, 3).await;
    bench.clock.advance(30 * DAY);
    bench.issuer.publish().await.unwrap();
    trim(&bench.issuer, &keep(20)).await.unwrap();
    assert_eq!(sound(&bench).await.start.unwrap().head, start.head);
    // A head that neither tells of is still found: the end was cut off.
    bench.revoke(&bench.made.admin.id, Moment::Now).await.unwrap();
    sound(&bench).await;
    run(&bench, "DELETE FROM events WHERE type = 'list.published'").await;
    assert!(codes(&bench).await.contains(&"truncated"));
}

pub(crate) async fn exports_and_the_rest_are_one_chain(bench: Bench) {
    old_trail(&bench).await;
    fill(&bench, 5).await;
    let anchor = sound(&bench).await.newest.unwrap();
    let early =
        Anchor::parse(&format!("4:{}", bench.issuer.events_after(3, 1).await.unwrap()[0].digest))
            .unwrap();
    let whole = export(&bench, "whole.jsonl", 0).await;
    let archive = bench.folder.path().join("archive");
    std::fs::create_dir(&archive).unwrap();
    let retention = Retention { archive: Some(archive.clone()), ..keep(20) };
    let done = trim(&bench.issuer, &retention).await.unwrap();
    let [first] = done.files.as_slice() else { panic!("{done:?}") };
    fill(&bench, 2_500).await;
    bench.clock.advance(30 * DAY);
    bench.issuer.publish().await.unwrap();
    let files = trim(&bench.issuer, &retention).await.unwrap().files;
    let [second, third] = files.as_slice() else { panic!("{files:?}") };
    assert!(first < second && second < third, "their names are in the order of their events");

    let issuer = &bench.issuer;
    let check = async |files: &[&Path], anchors: &[Anchor]| {
        let files: Vec<PathBuf> = files.iter().map(|file| file.to_path_buf()).collect();
        let report = issuer.verify_trail_behind(&files, anchors).await.unwrap();
        (report.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), report)
    };
    let (found, report) = check(&[first, second, third], &[early, anchor]).await;
    assert_eq!(found, [""; 0]);
    assert_eq!(report.first, Some(1));
    let newest = report.newest.unwrap();
    assert_eq!(Some(newest), sound(&bench).await.newest);
    let total = report.events;
    // Without the files the anchor of before is not passed over in silence.
    assert_eq!(check(&[], &[early]).await.0, ["removed"]);
    assert_eq!(check(&[], &[newest]).await.0, [""; 0]);

    // An export of before the removal goes on where it ended, and each event counts once.
    let (found, report) = check(&[&whole, second, third], &[early, anchor]).await;
    assert_eq!((found, report.events), (vec![], total));
    let (found, report) = check(&[first, &whole, second, third], &[early, anchor]).await;
    assert_eq!((found, report.events), (vec![], total));
    let live = export(&bench, "live.jsonl", 0).await;
    let (found, report) = check(&[first, second, third, &live], &[]).await;
    assert_eq!((found, report.events), (vec![], total));
    let alone = [first, second, third, &live].map(Clone::clone);
    let report = check_files(&alone, &[early, anchor, newest]).unwrap();
    assert_eq!((report.findings, report.events), (vec![], total));

    // What is missing, in another order, or altered.
    assert_eq!(check(&[first, second], &[]).await.0, ["truncated"]);
    assert!(check(&[first, third], &[]).await.0.contains(&"missing"));
    assert_ne!(check(&[second, first, third], &[]).await.0, [""; 0]);
    assert_eq!(check(&[second, third], &[early]).await.0, ["missing"]);
    let (found, report) = check(&[second, third], &[]).await;
    assert_eq!(found, [""; 0]);
    assert!(report.first > Some(1), "it says from where on");
    let altered = bench.folder.path().join("altered.jsonl");
    let text = std::fs::read_to_string(third).unwrap();
    for (from, to) in [("zo\u{eb}@", "joe@"), ("\"at_ms\":1", "\"at_ms\":2")] {
        assert!(text.contains(from), "{from}");
        std::fs::write(&altered, text.replacen(from, to, 1)).unwrap();
        assert_ne!(check(&[first, second, &altered], &[]).await.0, [""; 0], "{from}");
    }
    // Made anew from an altered event on, digests and all.
    let mut digest = report.start.map(|_| Digest([0; 32])).unwrap();
    let mut lines = Vec::new();
    for line in std::fs::read_to_string(first).unwrap().lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if line["id"] == 4 {
            line["on_behalf_of"] = json!("joe");
        }
        let text = |name: &str| line[name].as_str();
        let event = events::Line {
            at_ms: line["at_ms"].as_i64().unwrap(),
            event: text("type").unwrap(),
            key_id: text("key_id"),
            actor: text("actor"),
            on_behalf_of: text("on_behalf_of"),
            data: text("data").unwrap(),
        };
        digest = event.digest(digest);
        line["digest"] = json!(digest.to_string());
        lines.push(line.to_string());
    }
    std::fs::write(&altered, lines.join("\n")).unwrap();
    assert!(check_files(std::slice::from_ref(&altered), &[]).unwrap().is_sound(), "by itself");
    assert_ne!(check(&[&altered, second, third], &[]).await.0, [""; 0]);
    let missing = [bench.folder.path().join("none.jsonl")];
    assert_eq!(issuer.verify_trail_behind(&missing, &[]).await.unwrap_err().code(), "io");
}

pub(crate) async fn a_broken_chain_is_not_removed_unless_that_is_said(bench: Bench) {
    old_trail(&bench).await;
    run(&bench, "UPDATE events SET on_behalf_of = 'joe' WHERE id = 5").await;
    let error = trim(&bench.issuer, &keep(20)).await.unwrap_err();
    assert!(matches!(error, Error::TrailBroken { id: 5 }), "{error}");
    let report = bench.issuer.verify_trail(&[]).await.unwrap();
    assert_eq!((report.first, report.findings.len()), (Some(1), 1), "and it is still to be seen");
    run(&bench, "DELETE FROM events WHERE id = 2").await;
    assert!(trim(&bench.issuer, &keep(20)).await.is_err());
    let anyhow = Retention { even_if_broken: true, ..keep(20) };
    assert!(trim(&bench.issuer, &anyhow).await.unwrap().removed > 0);
    sound(&bench).await;
    let told = bench.issuer.events_after(0, 100).await.unwrap();
    let data: Value = serde_json::from_str(&told.last().unwrap().data).unwrap();
    assert_eq!(data["broken_at"], 3, "the trail keeps that it was");
}

pub(crate) async fn a_removal_is_whole_or_nothing(bench: Bench) {
    old_trail(&bench).await;
    let before = bench.issuer.events_after(0, 100).await.unwrap();
    // The last thing that a removal does fails: it is told of in nobody's name.
    let nobody = bench.issuer.acting_as(Actor::nobody());
    let options = Options { retention: Some(keep(20)), ..Options::default() };
    let failed = nobody.run_job(Job::TrimEvents, &options).await.unwrap_err();
    assert_eq!(failed.code(), "no_actor");
    assert_eq!(bench.issuer.events_after(0, 100).await.unwrap(), before);
    assert_eq!(bench.issuer.trail_start().await.unwrap(), None);
    // The folder for what is removed is not there: nothing is removed either.
    let archive = Some(bench.folder.path().join("not/there"));
    let failed = trim(&bench.issuer, &Retention { archive, ..keep(20) }).await.unwrap_err();
    assert_eq!(failed.code(), "io");
    assert_eq!(bench.issuer.events_after(0, 100).await.unwrap(), before);
    sound(&bench).await;
}

pub(crate) async fn two_who_trim_at_once_remove_each_event_once(bench: Bench) {
    fill(&bench, 9_000).await;
    bench.clock.advance(30 * DAY);
    bench.issuer.publish().await.unwrap();
    let other = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
    let all = bench.issuer.last_event().await.unwrap();
    let run = async |issuer: &Issuer| {
        let mut removed = 0;
        for _ in 0..40 {
            // As if the lease had run out while its holder was frozen.
            let mut writing = issuer.store().write().await.unwrap();
            let free = "UPDATE jobs SET holder = NULL, until_ms = 0";
            sqlx::query(free).execute(&mut *writing).await.unwrap();
            writing.commit().await.unwrap();
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

pub(crate) async fn who_asks_behind_removed_events_is_told(bench: Bench) {
    old_trail(&bench).await;
    let done = trim(&bench.issuer, &keep(20)).await.unwrap();
    let through = done.through.unwrap();
    let error = bench.issuer.events_after(3, 10).await.unwrap_err();
    assert!(matches!(error, Error::EventsRemoved { after: 3, .. }), "{error}");
    assert!(error.to_string().contains(&format!("read on from {through}")), "{error}");
    for kept in [0, through, through + 1] {
        bench.issuer.events_after(kept, 10).await.unwrap();
    }
    let page = async |ascending: bool, cursor: i64| {
        let filter = Filter { ascending, ..Filter::default() };
        let cursor = Some(cursor.to_string());
        let query = EventQuery { filter, cursor, limit: None };
        bench.issuer.list_events(&query).await.map(|page| page.events.len())
    };
    assert_eq!(page(true, 3).await.unwrap_err().code(), "events_removed");
    assert_eq!(page(true, through).await.unwrap(), 1);
    assert_eq!(page(false, 3).await.unwrap(), 0, "newest first it is the end");
}

pub(crate) async fn a_restored_database_is_not_trimmed(bench: Bench) {
    old_trail(&bench).await;
    let mut writing = bench.issuer.store().write().await.unwrap();
    let now = bench.issuer.now();
    let mark = portcullis_issuer::store::targets::set_restored;
    mark(&mut writing, "", Time::from_millis(0), now).await.unwrap();
    writing.commit().await.unwrap();
    let error = trim(&bench.issuer, &keep(20)).await.unwrap_err();
    assert_eq!(error.code(), "restored_backup");
    assert_eq!(bench.issuer.trail_start().await.unwrap(), None);
    bench.issuer.recover_alone().await.unwrap();
    assert!(trim(&bench.issuer, &keep(20)).await.unwrap().removed > 0);
    sound(&bench).await;
    // Lists go on: what was revoked before the removal is revoked in the next one too.
    bench.issuer.publish().await.unwrap();
}

pub(crate) async fn what_a_key_made_is_found_when_its_events_are_gone(bench: Bench) {
    let admin = bench.issuer.acting_as(Actor::key(&bench.made.admin.id));
    let made = admin.create(&NewKey::titled("theirs")).await.unwrap();
    let revoked = admin.create(&NewKey::titled("revoked")).await.unwrap();
    bench.revoke(&revoked.record.id, Moment::Now).await.unwrap();
    bench.clock.advance(30 * DAY);
    bench.issuer.publish().await.unwrap();
    trim(&bench.issuer, &keep(20)).await.unwrap();
    assert_eq!(bench.events(&made.record.id).await, [""; 0]);
    let record = bench.issuer.show(&made.record.id).await.unwrap();
    assert_eq!(record.maker.as_deref(), Some(bench.made.admin.id.as_str()));
    assert!(bench.judge(&revoked.token).await.is_err(), "revoked as before");
    assert!(bench.judge(&made.token).await.is_ok());
    // A list that is made of all records anew says the same.
    run(&bench, "UPDATE promise SET position = 0").await;
    bench.issuer.publish().await.unwrap();
    assert!(bench.judge(&revoked.token).await.is_err());
    sound(&bench).await;
}
