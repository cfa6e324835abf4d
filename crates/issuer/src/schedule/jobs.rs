//! What the jobs do. Each may be run at any time and as often as one likes: a second run finds
//! done what the first has done.

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
use crate::store::events::{self, Event, EventType};
use crate::store::jobs as table;
use crate::store::{shards, state, webhooks};
use crate::view::seconds;

/// So many days before a key expires a notice is given, once each.
pub const NOTICE_DAYS: [u32; 3] = [14, 3, 1];
/// From this age on a signing key is reported.
pub const DEFAULT_KEY_AGE_DAYS: u32 = 365;
/// How many notices are given in one transaction.
const BATCH: u32 = 500;
pub(super) const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
/// How long what was delivered stays to be looked at.
const DELIVERED_DAYS: u64 = 7;

/// A job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Tells of keys that expire in 14, 3 and 1 days.
    ExpiryNotices,
    /// Takes away what nobody asks for any more.
    Prune,
    /// Reports signing keys that are to be rotated by their age, or rotates them.
    KeyAge,
    /// Suspends keys that were not used for as long as the settings say.
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

    /// The job called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.name() == name)
    }

    /// How long after its end it is due again.
    #[must_use]
    pub const fn period_millis(self) -> u64 {
        match self {
            Self::ExpiryNotices => 10 * 60 * 1000,
            Self::Prune | Self::IdleKeys => 60 * 60 * 1000,
            Self::KeyAge | Self::TrimEvents => DAY_MILLIS,
        }
    }

    /// Whether it is done when it is due.
    pub(super) const fn is_wanted(self, options: &Options) -> bool {
        match self {
            Self::TrimEvents => options.retention.is_some(),
            Self::ExpiryNotices | Self::Prune | Self::KeyAge | Self::IdleKeys => true,
        }
    }
}

/// What jobs are told.
#[derive(Clone, Debug)]
pub struct Options {
    /// From this age on a signing key is reported.
    pub key_age_days: u32,
    /// The root key's file, where old signing keys are to be rotated and not only reported.
    pub rotate_with: Option<PathBuf>,
    /// Which events are removed; none if nothing is said.
    pub retention: Option<Retention>,
}

impl Default for Options {
    fn default() -> Self {
        Self { key_age_days: DEFAULT_KEY_AGE_DAYS, rotate_with: None, retention: None }
    }
}

/// What a job has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "job", rename_all = "kebab-case")]
pub enum Done {
    /// So many notices were given.
    ExpiryNotices {
        /// How many.
        notices: u64,
    },
    /// So many rows were taken away.
    Prune {
        /// Answers under idempotency keys whose window is over.
        idempotency: u64,
        /// Notes of notices.
        notices: u64,
        /// Deliveries that were made a week ago.
        deliveries: u64,
    },
    /// These signing keys are older than was said.
    KeyAge {
        /// From this age on.
        days: u32,
        /// Each by its kid, with its age in days.
        old: BTreeMap<u16, u64>,
        /// The successors that were made and announced.
        announced: Vec<u16>,
        /// The successors that took over.
        promoted: Vec<u16>,
        /// The successors that wait until somebody has handed out their secrets.
        waiting: Vec<u16>,
    },
    /// Keys that were not used were suspended.
    IdleKeys {
        /// How many of each kind.
        suspended: BTreeMap<&'static str, u64>,
        /// The kinds of which none is suspended, and why.
        waits: BTreeMap<&'static str, String>,
    },
    /// These events were removed.
    TrimEvents(Trimmed),
}

impl Done {
    /// Whether there is anything to say.
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

    /// What was done, as a sentence.
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

/// The shortest notice first: a key for which several are overdue gets the one that is true.
/// A key that lived no longer than the notice from its start gets none.
async fn expiry_notices(issuer: &Issuer, lease: &mut Lease) -> Result<Done, Error> {
    let mut notices = 0;
    for days in NOTICE_DAYS.into_iter().rev() {
        loop {
            if !lease.hold().await? {
                return Ok(Done::ExpiryNotices { notices });
            }
            let mut writing = issuer.store().write().await?;
            let now = writing.now().await?;
            let due = table::expiring(&mut writing, days, now.secs(), BATCH).await?;
            if due.is_empty() {
                break;
            }
            for key in &due {
                table::note_notice(&mut writing, &key.id, days, now).await?;
                let expires_at = u32::try_from(key.expires_at).unwrap_or(u32::MAX);
                let data = json!({
                    "days": days,
                    "expires_at": expires_at,
                    "expires": seconds(expires_at),
                    "title": key.title,
                });
                let (event, who) = (EventType::Expiring, issuer.who(None));
                let event = Event { event, key_id: Some(&key.id), who, data };
                events::append(&mut writing, now, &event).await?;
                notices += 1;
            }
            writing.commit().await?;
        }
    }
    Ok(Done::ExpiryNotices { notices })
}

/// Batch by batch, each a transaction of its own. What was suspended is published once, at the end;
/// should that fail, the next publication makes up for it.
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
    let mut writing = issuer.store().write().await?;
    let now = writing.now().await?;
    let back = |millis: u64| Time::from_millis(now.millis().saturating_sub(millis));
    let (idempotency, notices) = table::prune(&mut writing, now).await?;
    let deliveries = webhooks::prune(&mut writing, back(DELIVERED_DAYS * DAY_MILLIS)).await?;
    state::settle_counts(&mut writing, now.secs()).await?;
    shards::prune_bodies(&mut writing, back(u64::from(RETENTION_SECS) * 1000)).await?;
    prune_usage_days(&mut writing, now).await?;
    writing.commit().await?;
    Ok(Done::Prune { idempotency, notices, deliveries })
}
