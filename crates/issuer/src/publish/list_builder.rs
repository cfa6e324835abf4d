//! Builds a list: the bodies from the records, and the head that names them.

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{HeadDraft, ListSigner, encode_body};
use portcullis_core::list::{FileName, ListVersion, ShardLine};
use portcullis_core::policy::Visibility;
use portcullis_core::time::Time;
use serde_json::json;

use crate::error::Error;
use crate::store::events::EventType;
use crate::store::lists::{self, Promise};
use crate::store::{Change, Connection, bulk, policies, shards};

/// How long an entry stays after its key has expired, so that a gate with a slow clock doesn't
/// accept the key again.
pub const RETENTION_SECS: u32 = 24 * 60 * 60;

/// Writes the bodies that have changed. Returns whether any has.
pub(super) async fn renew_bodies(
    connection: &mut Connection,
    last: Option<&Promise>,
    now: Time,
) -> Result<bool, Error> {
    let (position, since) = last
        .map_or((0, Time::from_millis(0)), |last| (last.position, last.list_version.this_update));
    let stale = shards::stale_shards(connection, position, since, now, RETENTION_SECS).await?;
    if stale.is_empty() {
        return Ok(false);
    }
    let mut changed = false;
    for shard in shards::shards(connection).await?.iter().filter(|s| stale.contains(&s.shard)) {
        let facts = shards::facts(connection, shard, now, RETENTION_SECS).await?;
        let body = encode_body(&facts)?;
        let line = ShardLine::new(shard.shard, &body);
        let before = shard.line.map(|line| line.body);
        if before == Some(line.body) {
            continue;
        }
        shards::set_body(connection, (&line, facts.counts()), &body, before, now).await?;
        changed = true;
    }
    shards::prune_bodies(connection, retention_cutoff(now)).await?;
    Ok(changed)
}

/// The time before which unused files can be deleted. No stamp is valid for more than a day, so no
/// gate needs files that left the list earlier.
pub(super) const fn retention_cutoff(now: Time) -> Time {
    Time::from_millis(now.millis().saturating_sub(RETENTION_SECS as u64 * 1000))
}

/// Signs and stores the head of the current bodies, with its event.
pub(super) async fn write_head(
    change: &mut Change<'_>,
    signer: &ListSigner,
    list_version: &ListVersion,
    previous: Digest,
) -> Result<Digest, Error> {
    let bulk = bulk::in_force(change).await?.iter().map(|record| record.entry).collect();
    let public_policies = policies::directory(change, Visibility::Public).await?;
    let private_policies = policies::directory(change, Visibility::Private).await?;
    let shards: Vec<ShardLine> =
        shards::shards(change).await?.iter().filter_map(|shard| shard.line).collect();
    // Equal shards share a body.
    let mut bodies: Vec<Digest> = Vec::new();
    for line in &shards {
        if !bodies.contains(&line.body) {
            bodies.push(line.body);
        }
    }
    let head = signer.sign_head(&HeadDraft {
        epoch: list_version.epoch,
        number: list_version.number,
        this_update: list_version.this_update,
        previous,
        public_policies,
        private_policies,
        public_assignments: FileName::NONE,
        private_assignments: FileName::NONE,
        shards,
        bulk,
    })?;
    let digest = Digest::of(&head);
    lists::insert_list(change, list_version, &head, &bodies).await?;
    let data = json!({ "epoch": list_version.epoch, "number": list_version.number, "head": digest.to_string() });
    change.event(EventType::ListPublished, None, data).await?;
    Ok(digest)
}
