//! Canaries: keys that nothing accepts, and whose use is an alarm.

use std::net::IpAddr;

use portcullis_core::time::Time;
use portcullis_core::verify::{Canary, Refusal, Unverified};
use serde_json::json;

use crate::actions::mint::sign_again;
use crate::context::Context;
use crate::error::Error;
use crate::names;
use crate::record::{KeyPurpose, KeyRecord};
use crate::store::events::{self, EventType, Filter};
use crate::store::keys::{self, Use};
use crate::store::{Change, Connection};

/// The most canaries in one report.
pub const MAX_CANARIES: usize = 100;
/// How long the same address is not reported again, and the span of [`MAX_EVENTS`].
const PERIOD_MILLIS: u64 = 60_000;
/// The most events of one canary by one gate's key in that time.
const MAX_EVENTS: usize = 10;

/// A gate's report about one canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryUse {
    /// The canary's id.
    pub key: String,
    /// How many requests with it the gate refused since the last report.
    pub uses: u32,
    /// The last of them, in seconds since 1970.
    pub last_used_at: u32,
    /// Where the last of them came from, if the gate knows.
    pub address: Option<IpAddr>,
}

/// Writes an event for each canary that a gate was sent, and adds its uses to the record. Returns
/// how many of the reported canaries exist and aren't revoked.
///
/// Gates report at most once a minute, but there may be many. So a canary's further uses from an
/// address are only counted for a minute, and no canary fills the trail.
pub(crate) async fn report(context: &Context, uses: &[CanaryUse]) -> Result<u64, Error> {
    if uses.len() > MAX_CANARIES {
        return Err(Error::Invalid { field: "canaries", reason: "must be 100 at most" });
    }
    if uses.is_empty() {
        return Ok(0);
    }
    let mut change = context.change(None).await?;
    let now = change.now();
    let mut known = 0;
    for one in uses {
        let Some(record) = keys::find(&mut change, &one.key).await? else { continue };
        // Revoking a canary ends its alarms. An expiry is for its looks alone.
        let is_armed = record.revoked_at.is_none_or(|at| now < Time::from_secs(at));
        if record.purpose != KeyPurpose::Canary || !is_armed {
            continue;
        }
        known += 1;
        keys::used(&mut change, &[one.counted()], record.purpose, now.secs()).await?;
        alarm(&mut change, context.actor().name(), &record, one).await?;
    }
    change.save().await?;
    Ok(known)
}

/// Writes the event, unless this gate's key has just written one. Another key's events don't count,
/// so that whoever stole one gate's key can't silence the others.
async fn alarm(
    change: &mut Change<'_>,
    gate: &str,
    record: &KeyRecord,
    one: &CanaryUse,
) -> Result<(), Error> {
    let now = change.now();
    let recent = Filter {
        types: vec![EventType::CanaryUsed],
        key_id: Some(record.id.clone()),
        actor: Some(gate.to_owned()),
        since: Some(Time::from_millis(now.millis().saturating_sub(PERIOD_MILLIS))),
        ..Filter::default()
    };
    let recent = events::list(change, &recent, 1_000).await?;
    let address = json!(one.address);
    let is_told = |data: &str| {
        let data: Option<serde_json::Value> = serde_json::from_str(data).ok();
        data.is_some_and(|data| data.get("address") == Some(&address))
    };
    if recent.len() >= MAX_EVENTS || recent.iter().any(|event| is_told(&event.data)) {
        return Ok(());
    }
    let used_at = one.last_used_at.min(now.secs());
    let data = json!({
        "title": record.title, "address": address, "uses": one.uses, "used_at": used_at,
    });
    Ok(change.event(EventType::CanaryUsed, Some(&record.id), data).await?)
}

impl CanaryUse {
    fn counted(&self) -> Use {
        Use { key: self.key.clone(), uses: self.uses, last_used_at: self.last_used_at }
    }
}

/// The record of the canary with this token, which was refused because of `refusal`.
pub(super) async fn find(
    context: &Context,
    connection: &mut Connection,
    token: &str,
    refusal: Refusal,
) -> Result<Option<KeyRecord>, Error> {
    let token = names::key_text(token);
    let Ok(unverified) = Unverified::parse(token) else { return Ok(None) };
    let view = context.published_state(connection).await?;
    let canary = Canary::recognise(&unverified, refusal, view.verifier().keyring());
    let Some(canary) = canary else { return Ok(None) };
    let record = keys::find(connection, &canary.name().to_string()).await?;
    let record = record.filter(|record| record.purpose == KeyPurpose::Canary);
    let Some(record) = record else { return Ok(None) };
    let same = *sign_again(context, &record)? == token;
    Ok(Some(record).filter(|_| same))
}

/// Refuses an act that would change what verifiers say of a canary.
pub(super) fn check_not_canary(record: &KeyRecord) -> Result<(), Error> {
    if record.purpose == KeyPurpose::Canary { Err(Error::Canary) } else { Ok(()) }
}
