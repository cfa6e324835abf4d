//! Retention and tampering: cuts, alterations and forgeries are detected, in the database and in
//! exports, and a reader can't miss events without noticing.

use std::path::{Path, PathBuf};

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{ListSigner, SigningKey};
use portcullis_issuer::Error;
use portcullis_issuer::events::{Anchor, EventQuery, ExportLine, Retention, Start, check_files};
use portcullis_issuer::store::events::{self, Filter};
use portcullis_issuer::store::retention;
use portcullis_test_support::Bench;
use serde_json::{Value, json};

use crate::retention::{DAY, codes, fill, keep, old_trail, run, sound, trim};

conformance! {
    who_cuts_off_the_beginning_is_found,
    a_start_is_signed_by_a_signer_of_lists,
    exports_and_the_rest_are_one_chain,
    a_broken_chain_is_not_removed_unless_that_is_said,
    who_asks_behind_removed_events_is_told,
}

/// Writes the events after `after` to a file, as `audit export` does.
async fn export(bench: &Bench, name: &str, after: i64) -> PathBuf {
    let path = bench.folder.path().join(name);
    let filter = Filter { ascending: true, ..Filter::default() };
    let query = EventQuery { filter, limit: Some(1000), ..EventQuery::default() };
    let page = bench.issuer.trail().list(&query).await.unwrap();
    let events = page.events.iter().filter(|event| event.id > after);
    let lines = events.map(|event| serde_json::to_string(&ExportLine::from(event)).unwrap() + "\n");
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    path
}

async fn file(bench: &Bench) -> Vec<u8> {
    retention::start(&mut bench.issuer.store().read().await.unwrap()).await.unwrap().unwrap()
}

async fn set_file(bench: &Bench, file: &[u8]) {
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    retention::set_start(&mut writing, file).await.unwrap();
    writing.save().await.unwrap();
}

pub(crate) async fn who_cuts_off_the_beginning_is_found(bench: Bench) {
    old_trail(&bench).await;
    fill(&bench, 5).await;
    trim(&bench.issuer, &keep(20)).await.unwrap();
    fill(&bench, 5).await;
    let start = sound(&bench).await.start.unwrap();
    let first = file(&bench).await;

    // More was cut off than the start records.
    run(&bench, "UPDATE events SET id = -id WHERE id = (SELECT MIN(id) FROM events)").await;
    assert!(codes(&bench).await.contains(&"missing"));
    run(&bench, "UPDATE events SET id = -id WHERE id < 0").await;
    sound(&bench).await;

    // A start that covers the cut, forged by an attacker who can only write the database.
    let kept = bench.issuer.trail().after(start.last.id, 100).await.unwrap();
    let cut = &kept[2];
    let forged = Start { last: Anchor { id: cut.id, digest: cut.digest }, ..start };
    let mallory = || SigningKey::from_seed(&[9; 32]);
    let signer = ListSigner { issuer: start.issuer, kid: start.kid, key: mallory() };
    run(&bench, "UPDATE events SET id = -id WHERE id <= (SELECT MIN(id) + 2 FROM events)").await;
    set_file(&bench, &forged.sign(&signer)).await;
    assert!(codes(&bench).await.contains(&"start"));
    let tail = bench.issuer.trail().verify_tail(1000).await.unwrap();
    assert!(!tail.is_sound(), "the doctor sees it");
    // A trim doesn't remove events and sign a new start on top of the forgery.
    bench.clock.advance(60 * DAY);
    bench.issuer.list().publish().await.unwrap();
    assert_eq!(trim(&bench.issuer, &keep(20)).await.unwrap_err().code(), "trail_broken");
    run(&bench, "UPDATE events SET id = -id WHERE id < 0").await;

    // The start is altered, cut off, empty, too short, or deleted.
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

    // The issuer's own older start, although more was removed since.
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
    // Signers with another purpose can't sign a start, although the same keyring lists them.
    for key in bench.issuer.keystore().keys().iter().filter(|key| key.kid != start.kid) {
        let (issuer, kid) = (start.issuer, key.kid);
        let signer = ListSigner { issuer, kid, key: SigningKey::from_seed(&key.secret) };
        set_file(&bench, &Start { kid, ..start }.sign(&signer)).await;
        assert_eq!(codes(&bench).await, ["start"], "{kid}");
    }
    // A key that no keyring lists, under the kid of a listed one; everything else is right.
    let mallory = SigningKey::from_seed(&[9; 32]);
    let forger = ListSigner { issuer: start.issuer, kid: start.kid, key: mallory };
    set_file(&bench, &start.sign(&forger)).await;
    assert_eq!(codes(&bench).await, ["start"]);
    bench.clock.advance(30 * DAY);
    bench.issuer.list().publish().await.unwrap();
    let refused = trim(&bench.issuer, &keep(20)).await.unwrap_err();
    assert_eq!(refused.code(), "trail_broken", "nothing is removed and signed on top of it");
    let signer = bench.issuer.keystore().list_signer().unwrap();
    let elsewhere = Start { issuer: portcullis_core::crypto::IssuerId([1; 16]), ..start };
    set_file(&bench, &elsewhere.sign(&signer)).await;
    assert_eq!(codes(&bench).await, ["start"]);
    // A start whose digest differs from that of the trail's own event at its position.
    let last = Anchor { digest: Digest([4; 32]), ..start.last };
    set_file(&bench, &Start { last, ..start }.sign(&signer)).await;
    assert_eq!(codes(&bench).await, ["start", "changed"]);
    set_file(&bench, &start.sign(&signer)).await;
    sound(&bench).await;
}

pub(crate) async fn exports_and_the_rest_are_one_chain(bench: Bench) {
    old_trail(&bench).await;
    fill(&bench, 5).await;
    let anchor = sound(&bench).await.newest.unwrap();
    let early =
        Anchor::parse(&format!("4:{}", bench.issuer.trail().after(3, 1).await.unwrap()[0].digest))
            .unwrap();
    let whole = export(&bench, "whole.jsonl", 0).await;
    let archive = bench.folder.path().join("archive");
    std::fs::create_dir(&archive).unwrap();
    let retention = Retention { archive: Some(archive.clone()), ..keep(20) };
    let done = trim(&bench.issuer, &retention).await.unwrap();
    let [first] = done.files.as_slice() else { panic!("{done:?}") };
    fill(&bench, 2_500).await;
    bench.clock.advance(30 * DAY);
    bench.issuer.list().publish().await.unwrap();
    let files = trim(&bench.issuer, &retention).await.unwrap().files;
    let [second, third] = files.as_slice() else { panic!("{files:?}") };
    assert!(first < second && second < third, "their names are in the order of their events");

    let issuer = &bench.issuer;
    let check = async |files: &[&Path], anchors: &[Anchor]| {
        let files: Vec<PathBuf> = files.iter().map(|file| file.to_path_buf()).collect();
        let report = issuer.trail().verify_behind(&files, anchors).await.unwrap();
        (report.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), report)
    };
    let (found, report) = check(&[first, second, third], &[early, anchor]).await;
    assert_eq!(found, [""; 0]);
    assert_eq!(report.first, Some(1));
    let newest = report.newest.unwrap();
    assert_eq!(Some(newest), sound(&bench).await.newest);
    let total = report.events;
    // Without the files, an anchor from before the removal is reported, not ignored.
    assert_eq!(check(&[], &[early]).await.0, ["removed"]);
    assert_eq!(check(&[], &[newest]).await.0, [""; 0]);

    // An export from before the removal connects to its end, and each event counts once.
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

    // Missing files, files in another order, and an altered file.
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
    // Rebuilt from an altered event on, including the digests.
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
    assert_eq!(issuer.trail().verify_behind(&missing, &[]).await.unwrap_err().code(), "io");
}

pub(crate) async fn a_broken_chain_is_not_removed_unless_that_is_said(bench: Bench) {
    old_trail(&bench).await;
    run(&bench, "UPDATE events SET on_behalf_of = 'joe' WHERE id = 5").await;
    let error = trim(&bench.issuer, &keep(20)).await.unwrap_err();
    assert!(matches!(error, Error::TrailBroken { id: 5 }), "{error}");
    let report = bench.issuer.trail().verify(&[]).await.unwrap();
    assert_eq!((report.first, report.findings.len()), (Some(1), 1), "and it is still to be seen");
    run(&bench, "DELETE FROM events WHERE id = 2").await;
    assert!(trim(&bench.issuer, &keep(20)).await.is_err());
    let anyhow = Retention { even_if_broken: true, ..keep(20) };
    assert!(trim(&bench.issuer, &anyhow).await.unwrap().removed > 0);
    sound(&bench).await;
    let told = bench.issuer.trail().after(0, 100).await.unwrap();
    let data: Value = serde_json::from_str(&told.last().unwrap().data).unwrap();
    assert_eq!(data["broken_at"], 3, "the trail keeps that it was");
}

pub(crate) async fn who_asks_behind_removed_events_is_told(bench: Bench) {
    old_trail(&bench).await;
    let done = trim(&bench.issuer, &keep(20)).await.unwrap();
    let through = done.through.unwrap();
    let error = bench.issuer.trail().after(3, 10).await.unwrap_err();
    assert!(matches!(error, Error::EventsRemoved { after: 3, .. }), "{error}");
    assert!(error.to_string().contains(&format!("read on from {through}")), "{error}");
    for kept in [0, through, through + 1] {
        bench.issuer.trail().after(kept, 10).await.unwrap();
    }
    let page = async |ascending: bool, cursor: i64| {
        let filter = Filter { ascending, ..Filter::default() };
        let cursor = Some(cursor.to_string());
        let query = EventQuery { filter, cursor, limit: None };
        bench.issuer.trail().list(&query).await.map(|page| page.events.len())
    };
    assert_eq!(page(true, 3).await.unwrap_err().code(), "events_removed");
    assert_eq!(page(true, through).await.unwrap(), 1);
    assert_eq!(page(false, 3).await.unwrap(), 0, "newest first it is the end");
}
