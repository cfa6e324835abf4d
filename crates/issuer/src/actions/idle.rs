//! Suspends keys that were unused for the number of days in the settings.
//!
//! Gates report the uses. A missing report doesn't prove that a key was unused, so keys of a kind
//! are suspended only if reports cover the whole window:
//!
//! - reports of uses of that kind arrived on each day of the window, and
//! - each admin key that reports has reported on each day since it first did.
//!
//! A revoked or deleted admin key reports no more and is ignored. An expired admin key is still
//! awaited: a gate may keep using it, and its reports are refused.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_core::list::BulkState;
use portcullis_core::time::Time;
use serde_json::json;

use crate::context::Context;
use crate::error::Error;
use crate::record::{KeyRecord, KeyState};
use crate::settings::{Class, KindSettings, idle_since};
use crate::store::bulk::{self, BulkRecord};
use crate::store::events::{Event, EventType};
use crate::store::settings::{self as table, Reported};
use crate::store::{self, Connection, keys};

/// The most keys that one transaction suspends.
pub const IDLE_BATCH: u32 = 200;
/// The number of records read at a time.
const PAGE: u32 = 1000;
pub(super) const DAY_SECS: u32 = 24 * 60 * 60;
/// How many days the report dates are kept: longer than any window.
const KEPT_DAYS: u32 = 400;

/// What is known about idle keys of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idle {
    /// The settings set no limit.
    Off,
    /// None is suspended, because of this gap in the reports.
    Waits(String),
    /// The number of keys that were unused for longer than the settings allow.
    Keys(u64),
}

/// The days that reports must cover.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// A key last used at this second or earlier is idle.
    cutoff: u32,
    /// The first day, that of the cutoff.
    first: u32,
    /// The end, exclusive: today, which isn't over.
    today: u32,
}

impl Window {
    fn new(days: u32, now: u32) -> Self {
        let cutoff = now.saturating_sub(days.saturating_mul(DAY_SECS));
        Self { cutoff, first: cutoff / DAY_SECS, today: now / DAY_SECS }
    }
}

/// Counts the keys of a class that the job would suspend now.
pub(super) async fn count(
    connection: &mut Connection,
    class: Class,
    settings: &KindSettings,
    now: Time,
) -> Result<Idle, Error> {
    let Some(days) = settings.idle_days else { return Ok(Idle::Off) };
    let window = Window::new(days, now.secs());
    if let Some(why) = gap(connection, class, window, now).await? {
        return Ok(Idle::Waits(why));
    }
    let (mut count, mut after) = (0, 0);
    loop {
        let (keys, last) = page(connection, class, window, now, after, PAGE).await?;
        count += u64::try_from(keys.len()).unwrap_or(u64::MAX);
        let Some(last) = last else { return Ok(Idle::Keys(count)) };
        after = last;
    }
}

/// Counts, per kind, the keys that the job would suspend now, or gives the reason that it
/// waits.
pub(crate) async fn preview_idle(context: &Context) -> Result<Vec<(Class, Idle)>, Error> {
    let mut reading = context.store().read().await?;
    let now = store::now(&mut reading, context.now()).await?;
    let settings = table::read(&mut reading).await?.settings;
    let mut all = Vec::new();
    for class in Class::ALL {
        all.push((class, count(&mut reading, class, settings.of(class), now).await?));
    }
    Ok(all)
}

/// Suspends up to [`IDLE_BATCH`] idle keys of a class in one transaction, scanning from behind
/// the cursor `after`. Returns the outcome, and the cursor for the next call if there may be
/// more keys. Publishes nothing.
pub(crate) async fn suspend_idle(
    context: &Context,
    class: Class,
    after: i64,
) -> Result<(Idle, Option<i64>), Error> {
    let (ids, last) = {
        // Scan in a read transaction: it may cover millions of records and mustn't block
        // writers.
        let mut reading = context.store().read().await?;
        let now = store::now(&mut reading, context.now()).await?;
        let settings = table::read(&mut reading).await?.settings;
        let Some(days) = settings.of(class).idle_days else { return Ok((Idle::Off, None)) };
        let window = Window::new(days, now.secs());
        if let Some(why) = gap(&mut reading, class, window, now).await? {
            return Ok((Idle::Waits(why), None));
        }
        let (keys, last) = page(&mut reading, class, window, now, after, IDLE_BATCH).await?;
        (keys.into_iter().map(|key| key.id).collect::<Vec<_>>(), last)
    };
    if ids.is_empty() {
        return Ok((Idle::Keys(0), last));
    }
    let mut change = context.change(None).await?;
    let now = change.now();
    let settings = table::read(&mut change).await?.settings;
    let Some(days) = settings.of(class).idle_days else { return Ok((Idle::Off, None)) };
    let window = Window::new(days, now.secs());
    // Check the candidates again: they may have changed between the two transactions.
    let mut keys = keys::find_all(&mut change, &ids).await?;
    let entries = bulk::all(&mut change).await?;
    keys.retain(|key| is_idle(key, &entries, window, now));
    let reason = format!("not used for {days} days");
    let who = change.who().or_because(&reason);
    for key in &mut keys {
        key.suspended = Some(now);
        key.suspended_by = Some(who.shown().into());
        keys::update(&mut change, key, now).await?;
    }
    let event = |key| {
        let key: &KeyRecord = key;
        let data = json!({ "idle_days": days, "last_used_at": key.last_used_at });
        Event { event: EventType::Suspended, key_id: Some(key.id.as_str()), who, data }
    };
    let events: Vec<Event<'_>> = keys.iter().map(event).collect();
    change.events(&events).await?;
    change.save().await?;
    Ok((Idle::Keys(u64::try_from(keys.len()).unwrap_or(u64::MAX)), last))
}

/// Scans the next `limit` candidates. Returns the idle ones among them, and the cursor of the last
/// one scanned.
async fn page(
    connection: &mut Connection,
    class: Class,
    window: Window,
    now: Time,
    after: i64,
    limit: u32,
) -> Result<(Vec<KeyRecord>, Option<i64>), Error> {
    let when = (now.secs(), window.cutoff);
    let (mut keys, last) = table::idle(connection, class, when, after, limit).await?;
    let entries = bulk::all(connection).await?;
    keys.retain(|key| is_idle(key, &entries, window, now));
    Ok((keys, last))
}

/// Whether a key is active and was unused since the cutoff although it was usable.
fn is_idle(key: &KeyRecord, entries: &[BulkRecord], window: Window, now: Time) -> bool {
    // A bulk suspension in force after the cutoff made the key unusable.
    let held_back = |record: &BulkRecord| {
        record.entry.state == BulkState::Suspended
            && record.lifted.is_none_or(|lifted| lifted.secs() > window.cutoff)
            && record.entry.applies_to(&key.claims())
    };
    key.state(now) == KeyState::Active
        && idle_since(key) <= window.cutoff
        && !entries.iter().any(held_back)
}

/// The first gap in the reports that leaves it open whether a key of this class was used.
async fn gap(
    connection: &mut Connection,
    class: Class,
    window: Window,
    now: Time,
) -> Result<Option<String>, Error> {
    let reported = table::reported(connection).await?;
    let mut days: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for Reported { reporter, day, .. } in &reported {
        days.entry(reporter).or_default().insert(*day);
    }
    let of_class: BTreeSet<u32> =
        reported.iter().filter(|one| one.kind == class.name()).map(|one| one.day).collect();
    if let Some(day) = (window.first..window.today).find(|day| !of_class.contains(day)) {
        let (class, day) = (class.name(), date(day));
        return Ok(Some(format!("no use of a {class} key was reported on {day}")));
    }
    for (reporter, days) in days {
        let first = days.first().copied().unwrap_or(window.today).max(window.first);
        let Some(day) = (first..window.today).find(|day| !days.contains(day)) else { continue };
        if reporter.starts_with("apk_") {
            let Some(key) = keys::find(connection, reporter).await? else { continue };
            if bulk::effective(connection, key).await?.state(now) == KeyState::Revoked {
                continue;
            }
        }
        return Ok(Some(format!("{reporter} reported no use on {}", date(day))));
    }
    Ok(None)
}

/// Formats a day, such as `2026-01-31`.
fn date(day: u32) -> String {
    let text = crate::time_format::seconds(day.saturating_mul(DAY_SECS));
    text.get(..10).unwrap_or(&text).to_owned()
}

/// Records that a reporter's uses arrived today.
pub(super) async fn note(
    connection: &mut Connection,
    reporter: &str,
    uses: &[keys::Use],
    now: Time,
) -> Result<(), Error> {
    Ok(table::note_reported(connection, reporter, uses, now.secs() / DAY_SECS).await?)
}

/// Deletes report dates older than [`KEPT_DAYS`].
pub(crate) async fn prune(connection: &mut Connection, now: Time) -> Result<(), Error> {
    let day = (now.secs() / DAY_SECS).saturating_sub(KEPT_DAYS);
    Ok(table::prune_reported(connection, day).await?)
}
