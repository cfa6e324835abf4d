//! Status lists: the content of the published list, for verifiers of other tokens.
//!
//! ```text
//! one read    the published list, the keys that its bulk entries cover -> statuses
//! sign        as of that list's this update
//! one shard   one transaction: stored, unless one of a later list is stored
//! ```
//!
//! They follow the revocation list and never delay it, since gates don't use status lists.

use std::collections::HashMap;
use std::time::Duration;

use portcullis_core::crypto::Digest;
use portcullis_core::keyring::Keyring;
use portcullis_core::list::{Body, BulkEntry, BulkState, ListError, Part, ShardLine};
use portcullis_core::time::Time;
use tokio::sync::watch;

use super::destination::{Fault, Page, Target};
use super::publisher::Publisher;
use super::report::report;
use crate::error::Error;
use crate::status::pack::Statuses;
use crate::status::token::{self, StatusListSigner};
use crate::status::{self, StatusLists};
use crate::store::status::{StatusMark, StatusRecord};
use crate::store::{Connection, lists, shards, status as table};

/// The pause after a failure. The next list then triggers the next attempt.
const PAUSE: Duration = Duration::from_secs(1);

/// The statuses of a shard, stored or new.
struct Made {
    bits: u8,
    facts: Digest,
    list: Vec<u8>,
}

/// The inputs of one renewal.
struct Look<'a> {
    lists: &'a StatusLists,
    signer: StatusListSigner,
    at: Time,
    bulk: Vec<BulkEntry>,
}

/// Updates the status lists to the published list: those with changed facts, and those past
/// half of their validity. Does nothing if status lists are off.
pub(crate) async fn renew_status_lists(publisher: &Publisher) -> Result<(), Error> {
    let Some(lists) = publisher.status_lists() else { return Ok(()) };
    let mut reading = publisher.context().store().read().await?;
    let published = lists::published(&mut reading).await?;
    let view = publisher.context().published_state(&mut reading).await?;
    let list = view.verifier().list().filter(|list| list.stamp().head() == published.digest);
    // A newer list was published since this read; its publisher triggers the next renewal.
    let Some(list) = list else { return Ok(()) };
    // Read the signer after the view has loaded the newest keyring.
    let signer =
        StatusListSigner::active(&publisher.context().keystore()).ok_or(Error::NoStatusSigner)?;
    let bulk = list.head().bulk().to_vec();
    let look = Look { lists, signer, at: published.this_update, bulk };
    let marks = table::marks(&mut reading).await?;
    let issued = shards::shards(&mut reading).await?;
    let issued: HashMap<u32, u32> =
        issued.iter().map(|shard| (shard.shard, shard.issued)).collect();
    for line in list.head().shards() {
        let issued = issued.get(&line.shard).copied().unwrap_or(0);
        let record = look.renew(&mut reading, line, issued, marks.get(&line.shard)).await?;
        if let Some(record) = record {
            let mut writing = publisher.context().store().bookkeeping().await?;
            table::put(&mut writing, &record).await?;
            writing.save().await?;
        }
    }
    Ok(())
}

/// Writes the status lists that a target lacks, with the documents about them.
pub(super) async fn push_status_lists(
    publisher: &Publisher,
    target: &Target,
    known: &mut KnownStatus,
) -> Result<(), Error> {
    let Some(lists) = publisher.status_lists() else { return Ok(()) };
    let failed = |fault: Fault| fault.at(&target.name);
    let mut reading = publisher.context().store().read().await?;
    let keyring = Keyring::open(&lists::keyring(&mut reading).await?, publisher.context().root())?;
    let marks = table::marks(&mut reading).await?;
    let mut stale = Vec::new();
    for mark in marks.values().filter(|mark| known.made.get(&mark.shard) != Some(&mark.made)) {
        stale.extend(table::token(&mut reading, mark.shard).await?.map(|(t, _)| (mark, t)));
    }
    drop(reading);
    let page = |media_type| Page { media_type, max_age_secs: lists.ttl_secs() };
    let put = async |name: &str, bytes: &[u8], page: Page| {
        let name = format!("{}/{name}", status::FOLDER);
        let found = target.destination.get(&name).await?;
        let there = found.bytes.as_deref();
        let is_newer =
            || Some(token::open(there?, &keyring)?.iat > token::open(bytes, &keyring)?.iat);
        if there == Some(bytes) || is_newer() == Some(true) {
            return Ok(());
        }
        target.destination.replace_page(&name, bytes, &found, Some(page)).await?;
        target.destination.read_back(&name, bytes).await
    };
    // Publish the key before what it signed.
    let jwks = token::jwks(&keyring).to_string();
    let shards: Vec<u32> = marks.keys().copied().collect();
    let aggregation = lists.aggregation(&shards).to_string();
    let documents = Digest::of(format!("{jwks}{aggregation}").as_bytes());
    let is_known = known.documents == Some(documents);
    if !is_known {
        put(status::JWKS, jwks.as_bytes(), page(status::JWKS_MEDIA_TYPE)).await.map_err(failed)?;
    }
    for (mark, token) in stale {
        let name = status::file_name(mark.shard);
        put(&name, token.as_bytes(), page(status::MEDIA_TYPE)).await.map_err(failed)?;
        known.made.insert(mark.shard, mark.made);
    }
    if !is_known {
        let (name, bytes) = (status::AGGREGATION, aggregation.as_bytes());
        put(name, bytes, page("application/json")).await.map_err(failed)?;
    }
    known.documents = Some(documents);
    Ok(())
}

/// A number that grows with every new status list.
pub(super) async fn status_revision(publisher: &Publisher) -> Result<i64, Error> {
    if publisher.status_lists().is_none() {
        return Ok(0);
    }
    Ok(table::revision(&mut *publisher.context().store().read().await?).await?)
}

/// The status lists that a target is known to hold.
#[derive(Debug, Default)]
pub(super) struct KnownStatus {
    made: HashMap<u32, Time>,
    documents: Option<Digest>,
}

impl Look<'_> {
    /// The list of a shard, if it must be renewed.
    async fn renew(
        &self,
        connection: &mut Connection,
        line: &ShardLine,
        issued: u32,
        mark: Option<&StatusMark>,
    ) -> Result<Option<StatusRecord>, Error> {
        let (facts, frame) = (self.facts(line, issued), self.frame(line.shard));
        // Renew at half time, so that a client that fetches a list can use it for a while.
        let half = u64::from(self.lists.valid_for_secs()) * 1000 / 2;
        let is_young = |mark: &StatusMark| self.at.plus_millis(half) < mark.expires;
        if mark.is_some_and(|mark| mark.facts == facts && mark.frame == frame && is_young(mark)) {
            return Ok(None);
        }
        let made = match mark.filter(|mark| mark.facts == facts) {
            Some(mark) => {
                let list = table::list(connection, line.shard).await?;
                Made { bits: mark.bits, facts, list: list.ok_or(ListError::Missing)? }
            }
            None => self.make(connection, line, facts).await?,
        };
        let (token, expires) =
            token::sign(&self.signer, self.lists, line.shard, (made.bits, &made.list), self.at)?;
        let mark = StatusMark {
            shard: line.shard,
            facts: made.facts,
            frame,
            bits: made.bits,
            kid: self.signer.kid,
            made: self.at,
            expires,
        };
        Ok(Some(StatusRecord { mark, list: made.list, token }))
    }

    async fn make(
        &self,
        connection: &mut Connection,
        line: &ShardLine,
        facts: Digest,
    ) -> Result<Made, Error> {
        let body = shards::body(connection, line.body).await?;
        let body = Body::decode(&body.ok_or(ListError::WrongDigest(Part::Body))?)?;
        let covered = table::covered(connection, line.shard, &self.bulk).await?;
        let at = self.at;
        // A full shard takes a while: don't block the requests served by this thread.
        let packed = tokio::task::spawn_blocking(move || {
            let statuses = Statuses::new(&body, &covered, at);
            statuses.compress().map(|list| (statuses.bits, list))
        });
        let packed = packed.await.ok().and_then(Result::ok);
        let (bits, list) = packed.ok_or(Error::SelfCheck)?;
        Ok(Made { bits, facts, list })
    }

    /// A digest of everything that a shard's statuses depend on. The body has the keys revoked as
    /// of its list, including scheduled ones. Bulk entries also cover keys made later, so the
    /// number of issued serials counts too.
    fn facts(&self, line: &ShardLine, issued: u32) -> Digest {
        let mut facts = line.body.0.to_vec();
        if !self.bulk.is_empty() {
            facts.extend(issued.to_be_bytes());
            for entry in &self.bulk {
                let state = match entry.state {
                    BulkState::Suspended => "suspended",
                    BulkState::Revoked => "revoked",
                };
                let text = format!("{:?} {state} {:?};", entry.scope, entry.issued);
                facts.extend(text.into_bytes());
            }
        }
        Digest::of(&facts)
    }

    /// A digest of the other signed claims, except the time.
    fn frame(&self, shard: u32) -> Digest {
        let (lists, kid) = (self.lists, self.signer.kid);
        let times = (lists.ttl_secs(), lists.valid_for_secs());
        Digest::of(format!("{kid} {} {times:?}", lists.uri(shard)).as_bytes())
    }
}

/// Renews the status lists whenever a revocation list is published, until the sender of `stopped`
/// is dropped or sends.
pub(crate) async fn follow(publisher: Publisher, mut stopped: watch::Receiver<()>) {
    if publisher.status_lists().is_none() {
        return;
    }
    let mut failing = false;
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = publisher.list_published() => {}
        }
        let renewed = renew_status_lists(&publisher).await;
        let failed = renewed.is_err();
        report(
            publisher.context(),
            renewed,
            ("status lists", "the status lists are"),
            &mut failing,
        )
        .await;
        if failed {
            tokio::select! {
                _ = stopped.changed() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}
