//! The two ends of a move: what is there, and who works there.

use portcullis_core::crypto::IssuerId;

use super::{Move, MoveError};
use crate::error::Error;
use crate::store::moves::{self, Held, Look, MoveMark};
use crate::store::{Connection, Store, clock, jobs, targets};
use crate::view::rfc3339_millis;
use portcullis_core::time::Time;

/// What the source is called.
pub(super) const SOURCE: &str = "issuer.db";

/// How far a move is, as both ends say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was done yet.
    Begin,
    /// The source is marked, the target is not there.
    Create(MoveMark),
    /// The target is filled in part, or is empty still.
    Fill(MoveMark),
    /// The target was released, and the source is to say so.
    Settle(MoveMark),
    /// It is done.
    Done,
}

impl Stage {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Create(_) | Self::Fill(_) => "go_on",
            Self::Settle(_) => "finish",
            Self::Done => "nothing",
        }
    }
}

impl Move {
    /// Puts together what both ends say, or refuses what does not go together.
    pub(super) fn stage(
        &self,
        issuer: IssuerId,
        source: Option<&MoveMark>,
        look: &Look,
        start_over: bool,
    ) -> Result<Stage, Error> {
        let place = || self.place.clone();
        if !look.encoding.eq_ignore_ascii_case("UTF8") {
            return Err(MoveError::Encoding(look.encoding.clone()).into());
        }
        let issuer = issuer.to_string();
        let stage = match (source, &look.held) {
            (_, Held::Foreign) => return Err(MoveError::ForeignTables(place()).into()),
            (_, Held::Issuer(other)) | (_, Held::Marked(MoveMark { issuer: other, .. }, _))
                if *other != issuer =>
            {
                let (place, issuer) = (place(), other.clone());
                return Err(MoveError::OtherIssuer { place, issuer }.into());
            }
            (_, Held::Issuer(_)) => return Err(MoveError::SameIssuer(place()).into()),
            (None, Held::Nothing) => Stage::Begin,
            (Some(mark), Held::Nothing) if mark.done.is_some() => {
                return Err(MoveError::TargetLost(mark.place.clone()).into());
            }
            (Some(mark), Held::Nothing) if mark.place == self.place => Stage::Create(mark.clone()),
            (Some(mark), Held::Nothing) => {
                return Err(MoveError::OtherMove(mark.place.clone()).into());
            }
            (source, Held::Marked(target, is_current)) => {
                let is_same = source.is_none_or(|source| source.id == target.id);
                match (target.done, source) {
                    (Some(_), Some(source)) if is_same && source.done.is_some() => Stage::Done,
                    (Some(_), Some(_)) if is_same => Stage::Settle(target.clone()),
                    (Some(_), None) => return Err(MoveError::SameIssuer(place()).into()),
                    (_, Some(source)) if source.done.is_some() => {
                        return Err(MoveError::TargetLost(source.place.clone()).into());
                    }
                    (_, Some(source)) if !is_same => {
                        return Err(MoveError::OtherMove(source.place.clone()).into());
                    }
                    _ if start_over => match source {
                        Some(mark) => Stage::Create(mark.clone()),
                        None => Stage::Begin,
                    },
                    _ if !is_current => {
                        let why = "by another version of this program";
                        return Err(MoveError::StartOver { place: place(), why }.into());
                    }
                    _ => Stage::Fill(target.clone()),
                }
            }
        };
        Ok(stage)
    }

    /// Whether this clock may write into the target.
    pub(super) fn check_clock(&self, look: &Look) -> Result<(), Error> {
        if self.publish_options.trust_clock || !self.clock.is_the_machines() {
            return Ok(());
        }
        let evidence = clock::Evidence { server: Some(look.now), last: None };
        clock::check(&self.clock.read(), &evidence)
    }

    /// Marks the source, from which on nothing is written there, unless somebody works with it.
    pub(super) async fn mark_source(&self, store: &Store, mark: &MoveMark) -> Result<(), Error> {
        let mut writing = store.write_end().await?;
        // Since the look: it is the same transaction that ends it.
        if let Some(other) = moves::mark(&mut writing).await? {
            return Err(MoveError::OtherMove(other.place).into());
        }
        targets::check_not_restored(&mut writing).await?;
        check_idle(&mut writing, SOURCE, self.clock.now()).await?;
        moves::set_mark(&mut writing, mark).await?;
        Ok(writing.commit().await?)
    }
}

/// Refuses a database that a server publishes from, or whose jobs are run. Whoever else has it open is
/// refused with its next transaction.
pub(super) async fn check_idle(
    connection: &mut Connection,
    place: &str,
    now: Time,
) -> Result<(), Error> {
    match who_works(connection, now).await? {
        None => Ok(()),
        Some((who, until)) => Err(MoveError::Running { place: place.into(), who, until }.into()),
    }
}

/// Who holds a lease in a database, and when it ends.
pub(super) async fn who_works(
    connection: &mut Connection,
    now: Time,
) -> Result<Option<(String, String)>, Error> {
    let leader = targets::leader(connection).await?;
    let server = leader.map(|(holder, until)| (format!("a server ({holder})"), until));
    let jobs = jobs::all(connection).await?.into_iter();
    let jobs = jobs
        .filter(|job| job.holder.is_some())
        .map(|job| (format!("a process that runs the job {}", job.name), job.until));
    let working = server.into_iter().chain(jobs).find(|(_, until)| *until > now);
    Ok(working.map(|(who, until)| (who, rfc3339_millis(until))))
}
