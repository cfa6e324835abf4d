//! Verifies the chain of digests: no event was changed, removed, added or moved.
//!
//! The chain alone can't show that its end was cut off. Three other things do: an [`Anchor`] noted
//! earlier, the position in the promised list, and the signed heads. The signed [`Start`] proves
//! that retention, and not an attacker, removed the beginning.

use std::path::PathBuf;

use serde_json::Value;

use super::anchor::Anchor;
use super::exports::check_files;
use super::start::{Start, start_in};
use super::walk::{Report, Walk};
use crate::context::Context;
use crate::error::Error;
use crate::store::events::{self, EventRecord, EventType};
use crate::store::{Connection, lists};

const PAGE: u32 = 1000;

/// Verifies the whole trail, and checks its end against `anchors`, the promised list and the
/// signed heads.
pub(crate) async fn verify_trail(context: &Context, anchors: &[Anchor]) -> Result<Report, Error> {
    verify_trail_behind(context, &[], anchors).await
}

/// Like [`verify_trail`], with exports of removed events as the first part of the
/// chain. The files must be in the order of their events, and may overlap with the database.
pub(crate) async fn verify_trail_behind(
    context: &Context,
    archive: &[PathBuf],
    anchors: &[Anchor],
) -> Result<Report, Error> {
    let mut reading = context.store().read().await?;
    let mut found = Report::default();
    let start = check_start(context, &mut reading, &mut found).await?;
    let removed = start.map_or(0, |start| start.last.id);
    // Anchors among the removed events are checked against the archive, the others against the
    // database.
    let (mut of_archive, mut of_database): (Vec<Anchor>, Vec<Anchor>) =
        anchors.iter().partition(|anchor| anchor.id < removed);
    let mut whole = found;
    let mut ends = None;
    if archive.is_empty() {
        of_database.append(&mut of_archive);
    } else {
        let report = check_archive(archive, start.map(|start| start.last), of_archive)?;
        ends = report.newest;
        whole = whole.joined(report);
    }
    let mut walk = Walk::behind(&of_database, start.as_ref());
    if let Some(ends) = ends.filter(|ends| ends.id > removed) {
        walk.after(ends);
    }
    Ok(whole.joined(walk_kept(&mut reading, walk, start).await?))
}

/// Verifies only the newest `count` events.
pub(crate) async fn verify_tail(context: &Context, count: i64) -> Result<Report, Error> {
    let mut reading = context.store().read().await?;
    let mut found = Report::default();
    let start = check_start(context, &mut reading, &mut found).await?;
    let removed = start.map_or(0, |start| start.last.id);
    let position = events::position(&mut reading).await?.saturating_sub(count).max(0);
    let from_start = position <= removed;
    let mut walk = Walk::behind(&[], start.as_ref().filter(|_| from_start));
    let limit = u32::try_from(count).unwrap_or(u32::MAX);
    for event in events::after(&mut reading, position.max(removed), limit).await? {
        if walk.last.is_none() && !from_start {
            walk.begin(event.id, event.digest);
        } else {
            walk.step(event.id, event.line(), event.digest);
        }
    }
    let mut report = walk.end();
    report.start = start;
    check_end(&mut reading, &mut report).await?;
    Ok(found.joined(report))
}

/// Checks the start's signature, and that the newest `trail.trimmed` names the same event. An
/// unsigned start is a finding; verification continues from it to find further faults.
async fn check_start(
    context: &Context,
    connection: &mut Connection,
    report: &mut Report,
) -> Result<Option<Start>, Error> {
    let filter = events::Filter { types: vec![EventType::TrailTrimmed], ..Default::default() };
    let told = events::list(connection, &filter, 1).await?;
    let told = told.first().map(|event| (event.id, through(event)));
    let (start, is_signed) = match crate::events::start::signed_start(context, connection).await? {
        Some((Some(start), is_signed)) => (start, is_signed),
        Some((None, _)) => {
            let message = "what the database holds as the trail's start is none".to_owned();
            report.find(1, "start", message);
            return Ok(None);
        }
        None => {
            if let Some((id, _)) = told {
                let message = format!(
                    "the event {id} tells that events were removed, and the trail's signed \
                     start is missing"
                );
                report.find(id, "start", message);
            }
            return Ok(None);
        }
    };
    // Report an unsigned start, and one that differs from the last `trail.trimmed`.
    let id = start.last.id;
    if !is_signed {
        let message = format!(
            "no signer of lists of this issuer signed that the trail starts behind the event \
             {id}: its beginning was cut off"
        );
        report.find(id, "start", message);
    }
    if told.and_then(|(_, through)| through) != Some(start.last) {
        let message = format!(
            "the newest trail.trimmed does not tell that the events up to {id} were removed, \
             as the trail's start does"
        );
        report.find(id, "start", message);
    }
    Ok(Some(start))
}

/// Verifies the files of removed events. They must contain the last removed event.
fn check_archive(
    files: &[PathBuf],
    behind: Option<Anchor>,
    mut anchors: Vec<Anchor>,
) -> Result<Report, Error> {
    anchors.extend(behind);
    let mut report = check_files(files, &anchors)?;
    let ends = report.newest.map_or(0, |newest| newest.id);
    if let Some(behind) = behind.filter(|behind| ends < behind.id) {
        report.findings.retain(|finding| (finding.id, finding.code) != (behind.id, "truncated"));
        let message = format!(
            "the files end with the event {ends}, and those up to {} were removed: the files of \
             what stood between are missing",
            behind.id
        );
        report.find(behind.id, "truncated", message);
    }
    Ok(report)
}

/// The last removed event according to a `trail.trimmed`.
fn through(event: &EventRecord) -> Option<Anchor> {
    let data: Value = serde_json::from_str(&event.data).ok()?;
    let id = data.get("through")?.as_i64()?;
    Some(Anchor { id, digest: data.get("digest")?.as_str()?.parse().ok()? })
}

/// Verifies the trail in a database, without its start's signature.
pub(crate) async fn verify_in(
    reading: &mut Connection,
    anchors: &[Anchor],
) -> Result<Report, Error> {
    let start = start_in(reading).await?;
    walk_kept(reading, Walk::behind(anchors, start.as_ref()), start).await
}

/// Continues `walk` over all events in a database.
async fn walk_kept(
    reading: &mut Connection,
    mut walk: Walk,
    start: Option<Start>,
) -> Result<Report, Error> {
    let mut position = start.map_or(0, |start| start.last.id);
    loop {
        let page = events::after(reading, position, PAGE).await?;
        let Some(last) = page.last() else { break };
        position = last.id;
        for event in &page {
            walk.step(event.id, event.line(), event.digest);
        }
    }
    let mut report = walk.end();
    report.start = start;
    check_end(reading, &mut report).await?;
    Ok(report)
}

/// Checks the trail's end against the rest of the database.
async fn check_end(connection: &mut Connection, report: &mut Report) -> Result<(), Error> {
    let newest = report.newest.map_or(0, |anchor| anchor.id);
    if let Some(promise) = lists::promise(connection).await?
        && promise.position > newest
    {
        let message = format!(
            "the promised list knows of the event {}, and the trail ends at {newest}: its end was \
             cut off",
            promise.position
        );
        report.find(promise.position, "truncated", message);
    }
    let signed = lists::newest_head(connection).await?;
    if let Some(head) = signed {
        let filter = events::Filter { types: vec![EventType::ListPublished], ..Default::default() };
        let told = events::list(connection, &filter, 1).await?;
        let is_told = match told.first() {
            Some(event) => event.data.contains(&head.to_string()),
            // Nothing was published for so long that retention has removed the last
            // `list.published`.
            None => report.start.is_some_and(|start| start.head == Some(head)),
        };
        if !is_told {
            let message = format!("no event tells of the newest signed head {head}");
            report.find(newest.saturating_add(1), "truncated", message);
        }
    }
    Ok(())
}
