//! The jobs. Each is idempotent and may run at any time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use portcullis_core::time::Time;
use serde::Serialize;
use serde_json::json;

use super::{Lease, rotate};
use crate::actions::{Idle, prune_usage_days};
use crate::error::Error;
use crate::events::{Retention, Trimmed};
use crate::issuer::Issuer;
use crate::publish::RETENTION_SECS;
use crate::settings::Class;
use crate::store::events::EventType;
use crate::store::jobs as table;
use crate::store::{shards, state, webhooks};
use crate::view::seconds;

/// The days before expiry at which a key's notices are given, once each.
pub const NOTICE_DAYS: [u32; 3] = [14, 3, 1];
/// The default age in days from which a signing key is reported.
pub const DEFAULT_KEY_AGE_DAYS: u32 = 365;
/// The most notices in one transaction.
const BATCH: u32 = 500;
pub(super) const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
/// How many days finished deliveries remain visible.
const DELIVERED_DAYS: u64 = 7;

/// A job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Gives notice of keys that expire in 14, 3 and 1 days.
    ExpiryNotices,
    /// Deletes data that is no longer needed.
    Prune,
    /// Reports signing keys that should be rotated for their age, or rotates them.
    KeyAge,
    /// Suspends keys that were unused for the number of days in the settings.
    IdleKeys,
    /// Removes the trail's oldest events, if a retention is set.
    TrimEvents,
}

impl Job {
    /// All jobs.
    pub const ALL: [Self; 5] =
        [Self::ExpiryNotices, Self::Prune, Self::KeyAge, Self::IdleKeys, Self::TrimEvents];

    /// The job's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExpiryNotices => "expiry-notices",
            Self::Prune => "prune",
            Self::KeyAge => "key-age",
            Self::IdleKeys => "idle-keys",
            Self::TrimEvents => "trim-events",
        }
    }

    /// The job with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.name() == name)
    }

    /// The time from a job's end until it is due again, in milliseconds.
    #[must_use]
    pub const fn period_millis(self) -> u64 {
        match self {
            Self::ExpiryNotices => 10 * 60 * 1000,
            Self::Prune | Self::IdleKeys => 60 * 60 * 1000,
            Self::KeyAge | Self::TrimEvents => DAY_MILLIS,
        }
    }

    /// Whether the scheduler runs it.
    pub(super) const fn is_wanted(self, options: &Options) -> bool {
        match self {
            Self::TrimEvents => options.retention.is_some(),
            Self::ExpiryNotices | Self::Prune | Self::KeyAge | Self::IdleKeys => true,
        }
    }
}

/// The options of jobs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The age in days from which a signing key is reported.
    pub key_age_days: u32,
    /// The root key's file. If set, old signing keys are rotated, not only reported.
    pub rotate_with: Option<PathBuf>,
    /// The events to remove; `None` keeps all.
    pub retention: Option<Retention>,
}

impl Default for Options {
    fn default() -> Self {
        Self { key_age_days: DEFAULT_KEY_AGE_DAYS, rotate_with: None, retention: None }
    }
}

/// The result of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "job", rename_all = "kebab-case")]
pub enum Done {
    /// Notices were given.
    ExpiryNotices {
        /// The number of notices.
        notices: u64,
    },
    /// Rows were deleted.
    Prune {
        /// Expired idempotency keys.
        idempotency: u64,
        /// Records of notices.
        notices: u64,
        /// Deliveries made a week ago or earlier.
        deliveries: u64,
    },
    /// These signing keys have reached the age limit.
    KeyAge {
        /// The age limit in days.
        days: u32,
        /// The age in days of each, by kid.
        old: BTreeMap<u16, u64>,
        /// Successors that were made and announced.
        announced: Vec<u16>,
        /// Successors that took over.
        promoted: Vec<u16>,
        /// Successors that wait until an operator has distributed their secrets.
        waiting: Vec<u16>,
    },
    /// Idle keys were suspended.
    IdleKeys {
        /// The number of keys of each kind.
        suspended: BTreeMap<&'static str, u64>,
        /// The kinds without suspensions, and the reason.
        waits: BTreeMap<&'static str, String>,
    },
    /// Events were removed.
    TrimEvents(Trimmed),
}

impl Done {
    /// Whether there is something to report.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        match self {
            Self::ExpiryNotices { notices } => *notices > 0,
            Self::Prune { idempotency, notices, deliveries } => {
                idempotency + notices + deliveries > 0
            }
            Self::KeyAge { old, .. } => !old.is_empty(),
            Self::IdleKeys { suspended, .. } => suspended.values().any(|many| *many > 0),
            Self::TrimEvents(trimmed) => trimmed.removed > 0 || trimmed.held.is_some(),
        }
    }

    /// A summary as a sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::ExpiryNotices { notices } => format!("{notices} notices of expiry were given"),
            Self::Prune { idempotency, notices, deliveries } => format!(
                "{idempotency} answers of idempotency keys, {notices} notes of notices and \
                 {deliveries} deliveries were taken away"
            ),
            Self::KeyAge { days, old, .. } if old.is_empty() => {
                format!("no signing key is {days} days old")
            }
            Self::KeyAge { days, old, announced, promoted, waiting } => {
                let old = old.iter().map(|(kid, age)| format!("{kid} ({age} days)"));
                let old: Vec<String> = old.collect();
                let mut told = format!("signing keys of {days} days and more: {}", old.join(", "));
                // Append each list of kids that isn't empty.
                for (what, kids) in [
                    ("announced", announced),
                    ("promoted", promoted),
                    ("wait for `keyring export --gate` and `keyring promote`", waiting),
                ] {
                    let kids: Vec<String> = kids.iter().map(u16::to_string).collect();
                    if !kids.is_empty() {
                        told.push_str(&format!("; {what}: {}", kids.join(", ")));
                    }
                }
                told
            }
            Self::IdleKeys { suspended, waits } => {
                let many = suspended.iter().map(|(kind, many)| format!("{many} {kind} keys"));
                let mut told = match many.collect::<Vec<_>>().as_slice() {
                    [] => "no key was suspended".to_owned(),
                    many => format!("suspended as not used: {}", many.join(", ")),
                };
                for (kind, why) in waits {
                    told.push_str(&format!("; no {kind} key is, because {why}"));
                }
                told
            }
            Self::TrimEvents(trimmed) => trimmed.summary(),
        }
    }
}

pub(super) async fn run(
    issuer: &Issuer,
    job: Job,
    options: &Options,
    lease: &mut Lease,
) -> Result<Done, Error> {
    match job {
        Job::ExpiryNotices => expiry_notices(issuer, lease).await,
        Job::Prune => prune(issuer).await,
        Job::KeyAge => rotate::key_age(issuer, options, lease).await,
        Job::IdleKeys => idle_keys(issuer, lease).await,
        Job::TrimEvents => match &options.retention {
            Some(retention) => Ok(Done::TrimEvents(issuer.trim(retention, lease).await?)),
            None => {
                let reason = "must say for how long events are kept, such as 400d";
                Err(Error::Invalid { field: "keep_events", reason })
            }
        },
    }
}

/// Gives the shortest notice first, so that a key with several overdue notices gets the most
/// accurate one. A key with a lifetime no longer than a notice period doesn't get that notice.
async fn expiry_notices(issuer: &Issuer, lease: &mut Lease) -> Result<Done, Error> {
    let mut notices = 0;
    for days in NOTICE_DAYS.into_iter().rev() {
        loop {
            if !lease.hold().await? {
                return Ok(Done::ExpiryNotices { notices });
            }
            // Each batch records its notices and appends their events in one transaction.
            let mut change = issuer.change(None).await?;
            let now = change.now();
            let due = table::expiring(&mut change, days, now.secs(), BATCH).await?;
            if due.is_empty() {
                break;
            }
            for key in &due {
                table::note_notice(&mut change, &key.id, days, now).await?;
                let expires_at = u32::try_from(key.expires_at).unwrap_or(u32::MAX);
                let data = json!({
                    "days": days,
                    "expires_at": expires_at,
                    "expires": seconds(expires_at),
                    "title": key.title,
                });
                change.event(EventType::Expiring, Some(&key.id), data).await?;
                notices += 1;
            }
            change.save().await?;
        }
    }
    Ok(Done::ExpiryNotices { notices })
}

/// Suspends idle keys batch by batch, each in its own transaction, and publishes once at the end.
/// If publishing fails, the next publication includes them.
async fn idle_keys(issuer: &Issuer, lease: &mut Lease) -> Result<Done, Error> {
    let (mut suspended, mut waits) = (BTreeMap::new(), BTreeMap::new());
    for class in Class::ALL {
        let mut after = Some(0);
        while let Some(place) = after {
            if !lease.hold().await? {
                break;
            }
            let (idle, next) = issuer.suspend_idle(class, place).await?;
            after = next;
            match idle {
                Idle::Off => {}
                Idle::Waits(why) => {
                    waits.insert(class.name(), why);
                }
                Idle::Keys(many) => *suspended.entry(class.name()).or_insert(0) += many,
            }
        }
    }
    if suspended.values().any(|many| *many > 0)
        && let Err(error) = issuer.publish().await
    {
        tracing::warn!(code = error.code(), "{}", error.chain());
    }
    Ok(Done::IdleKeys { suspended, waits })
}

async fn prune(issuer: &Issuer) -> Result<Done, Error> {
    let mut writing = issuer.store().bookkeeping().await?;
    let now = writing.now().await?;
    let back = |millis: u64| Time::from_millis(now.millis().saturating_sub(millis));
    let (idempotency, notices) = table::prune(&mut writing, now).await?;
    let deliveries = webhooks::prune(&mut writing, back(DELIVERED_DAYS * DAY_MILLIS)).await?;
    state::settle_counts(&mut writing, now.secs()).await?;
    shards::prune_bodies(&mut writing, back(u64::from(RETENTION_SECS) * 1000)).await?;
    prune_usage_days(&mut writing, now).await?;
    writing.save().await?;
    Ok(Done::Prune { idempotency, notices, deliveries })
}
