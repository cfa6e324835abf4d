//! The two ends of a move: their contents, and the processes that use them.

use portcullis_core::crypto::IssuerId;

use super::{Move, MoveError};
use crate::error::Error;
use crate::store::moves::{self, Held, Look, MoveMark};
use crate::store::{Connection, Store, clock, jobs, targets};
use crate::time_format::rfc3339_millis;
use portcullis_core::time::Time;

/// The source's name in messages.
pub(super) const SOURCE: &str = "issuer.db";

/// The progress of a move, according to both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing has been done.
    Begin,
    /// The source is marked; the target doesn't exist.
    Create(MoveMark),
    /// The target is empty or partially filled.
    Fill(MoveMark),
    /// The target was released; the source has to be marked as moved.
    Settle(MoveMark),
    /// The move is done.
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
    /// Determines the stage from both ends, or refuses a combination that doesn't match.
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
            // Refuse a target that holds anything but this issuer's move.
            (_, Held::Foreign) => return Err(MoveError::ForeignTables(place()).into()),
            (_, Held::Issuer(other)) | (_, Held::Marked(MoveMark { issuer: other, .. }, _))
                if *other != issuer =>
            {
                let (place, issuer) = (place(), other.clone());
                return Err(MoveError::OtherIssuer { place, issuer }.into());
            }
            (_, Held::Issuer(_)) => return Err(MoveError::SameIssuer(place()).into()),
            // Without a target, start, or create the target of a move begun before.
            (None, Held::Nothing) => Stage::Begin,
            (Some(mark), Held::Nothing) if mark.done.is_some() => {
                return Err(MoveError::TargetLost(mark.place.clone()).into());
            }
            (Some(mark), Held::Nothing) if mark.place == self.place => Stage::Create(mark.clone()),
            (Some(mark), Held::Nothing) => {
                return Err(MoveError::OtherMove(mark.place.clone()).into());
            }
            // A marked target: compare the marks of both ends.
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

    /// Checks this machine's clock against the target's before writing there.
    pub(super) fn check_clock(&self, look: &Look) -> Result<(), Error> {
        if self.publish_options.trust_clock || !self.clock.is_the_machines() {
            return Ok(());
        }
        let evidence = clock::Evidence { server: Some(look.now), last: None };
        Ok(clock::check(&self.clock.read(), &evidence)?)
    }

    /// Marks the source, after which nothing is written there. Refuses if a process works with it.
    pub(super) async fn mark_source(&self, store: &Store, mark: &MoveMark) -> Result<(), Error> {
        let mut writing = store.write_end().await?;
        // Check again in the transaction that sets the mark.
        if let Some(other) = moves::mark(&mut writing).await? {
            return Err(MoveError::OtherMove(other.place).into());
        }
        targets::check_not_restored(&mut writing).await?;
        check_idle(&mut writing, SOURCE, self.clock.now()).await?;
        moves::set_mark(&mut writing, mark).await?;
        Ok(writing.commit().await?)
    }
}

/// Refuses a database with a publishing server or a running job. Any other process that has it open
/// is refused at its next transaction.
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

/// The holder of a lease in a database, and when the lease ends.
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
