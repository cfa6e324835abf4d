//! The steps of a move: look, copy, verify, release.

use std::sync::Arc;

use portcullis_core::crypto::IssuerId;

use super::copy::Filler;
use super::ends::{SOURCE, Stage, check_idle, who_works};
use super::tables::Table;
use super::{
    Move, MoveError, Moved, Options, Preview, Report, TableRows, Witnesses, tables, verify,
};
use crate::clock_bound::check_not_behind;
use crate::context::verifier_of;
use crate::error::Error;
use crate::events;
use crate::issuer::Issuer;
use crate::keystore::Keystore;
use crate::store::StoreError;
use crate::store::moves::{self, Held, Look, MoveMark, Part};
use crate::store::{Connection, Store, lists, targets};
use crate::time_format::rfc3339_millis;

impl Move {
    /// Inspects both ends, and checks whether the move is possible. Migrates the source's tables,
    /// as every command does, and changes nothing else.
    ///
    /// # Errors
    /// [`MoveError`], errors that prevent writing to the source, and the databases'.
    pub async fn look(&self, witnesses: Witnesses<'_>, options: Options) -> Result<Preview, Error> {
        let issuer = self.issuer()?;
        let source = Store::open_end(&self.home.database(), issuer).await?;
        let preview = self.look_from(&source, issuer, witnesses, options).await;
        source.close().await;
        preview
    }

    async fn look_from(
        &self,
        source: &Store,
        issuer: IssuerId,
        witnesses: Witnesses<'_>,
        options: Options,
    ) -> Result<Preview, Error> {
        let mark = moves::mark(&mut *source.read().await?).await?;
        if mark.is_none() {
            self.check_source(witnesses).await?;
        }
        let look = moves::look(&self.target).await?;
        let stage = self.stage(issuer, mark.as_ref(), &look, options.start_over)?;
        self.check_clock(&look)?;
        let mut reading = source.read().await?;
        let mut counted = Vec::new();
        for table in tables::of_source(&mut reading).await? {
            let rows = table.count(&mut reading).await?;
            counted.push(TableRows { table: table.name, rows });
        }
        let running = match mark {
            // The mark stops all writes, whatever is running.
            Some(_) => None,
            None => who_works(&mut reading, self.clock.now()).await?,
        };
        let promise = lists::promise(&mut reading).await?;
        Ok(Preview {
            running: running.map(|(who, until)| format!("{who} until {until}")),
            place: self.place.clone(),
            next: stage.name(),
            tables: counted,
            list_until: promise.map(|promise| rfc3339_millis(promise.list_version.next_update)),
        })
    }

    /// Opens the issuer as every command does, and checks that it may write.
    async fn check_source(&self, witnesses: Witnesses<'_>) -> Result<(), Error> {
        let clock = Arc::clone(&self.clock);
        let issuer = Issuer::open_with(&self.home, clock, self.publish_options.clone()).await?;
        let checked = async {
            issuer.recovery().check_witnesses(witnesses).await?;
            issuer.store().check_clock().await?;
            let mut reading = issuer.store().read().await?;
            targets::check_not_restored(&mut reading).await?;
            check_not_behind(&mut reading, issuer.now()).await
        };
        let checked = checked.await;
        issuer.store().close().await;
        checked
    }

    /// Moves the records, or continues a move.
    ///
    /// # Errors
    /// As [`Move::look`]; [`MoveError::Differs`] if the target differs from the source.
    pub async fn go(
        &self,
        witnesses: Witnesses<'_>,
        options: Options,
        report: &mut Report<'_>,
    ) -> Result<Moved, Error> {
        let issuer = self.issuer()?;
        let mut filler = Filler::connect(&self.target).await?;
        let source = Store::open_end(&self.home.database(), issuer).await?;
        let ends = (&source, issuer, witnesses);
        let moved = self.go_from(ends, &mut filler, options, report).await;
        source.close().await;
        filler.close().await;
        moved
    }

    async fn go_from(
        &self,
        (source, issuer, witnesses): (&Store, IssuerId, Witnesses<'_>),
        filler: &mut Filler,
        options: Options,
        report: &mut Report<'_>,
    ) -> Result<Moved, Error> {
        let marked = moves::mark(&mut *source.read().await?).await?;
        if marked.is_none() {
            self.check_source(witnesses).await?;
            check_idle(&mut *source.read().await?, SOURCE, self.clock.now()).await?;
        }
        let look: Look = moves::look(&self.target).await?;
        self.check_clock(&look)?;
        let stage = self.stage(issuer, marked.as_ref(), &look, options.start_over)?;
        // Only --start-over leads here with a target present.
        let is_there = matches!(look.held, Held::Marked(..));
        let (mark, target) = match stage {
            Stage::Done => return Ok(self.before()),
            Stage::Settle(mark) => {
                self.settle(source, &mark).await?;
                return Ok(self.before());
            }
            Stage::Begin => {
                filler.drop_if(is_there).await?;
                let mark = self.new_mark(issuer)?;
                let target = Store::create_target(&self.target, &mark).await?;
                (mark, target)
            }
            Stage::Create(mark) => {
                filler.drop_if(is_there).await?;
                let mark = MoveMark { part: Part::Target, place: self.place.clone(), ..mark };
                let target = Store::create_target(&self.target, &mark).await?;
                (mark, target)
            }
            Stage::Fill(mark) => {
                let target = Store::open_end(&self.target, issuer).await?;
                (mark, target)
            }
        };
        let moved = async {
            let tables = self.check_tables(source, &target).await?;
            let at_source = MoveMark { part: Part::Source, ..mark.clone() };
            if marked.is_none() {
                self.check_empty(&target).await?;
                self.mark_source(source, &at_source).await?;
            }
            let moved = self.fill((source, &target), &tables, filler, options, report).await?;
            let done = Some(self.clock.now());
            target.release_target(&MoveMark { done, ..mark.clone() }).await?;
            self.settle(source, &MoveMark { done, ..mark.clone() }).await?;
            Ok(moved)
        };
        let moved = moved.await;
        target.close().await;
        moved
    }

    fn new_mark(&self, issuer: IssuerId) -> Result<MoveMark, Error> {
        let id = crate::random::secret::<8>()?;
        Ok(MoveMark {
            id: format!("{:016x}", u64::from_be_bytes(*id)),
            part: Part::Target,
            issuer: issuer.to_string(),
            place: self.place.clone(),
            begun: self.clock.now(),
            done: None,
        })
    }

    /// An unmarked source has copied nothing, so a filled target comes from another copy of it.
    async fn check_empty(&self, target: &Store) -> Result<(), Error> {
        let mut reading = target.read().await?;
        for table in tables::of_target(&mut reading).await? {
            if table.count(&mut reading).await? > 0 {
                let why = "from another copy of this database";
                return Err(MoveError::StartOver { place: self.place.clone(), why }.into());
            }
        }
        Ok(())
    }

    /// The tables to copy. Those of the target must be equal.
    async fn check_tables(&self, source: &Store, target: &Store) -> Result<Vec<Table>, Error> {
        let tables = tables::of_source(&mut *source.read().await?).await?;
        tables::check_same(&tables, &tables::of_target(&mut *target.read().await?).await?)?;
        Ok(tables)
    }

    async fn fill(
        &self,
        (source, target): (&Store, &Store),
        tables: &[Table],
        filler: &mut Filler,
        options: Options,
        report: &mut Report<'_>,
    ) -> Result<Moved, Error> {
        let mut here = source.patient().await?;
        let mut there = target.patient().await?;
        for table in tables {
            filler.copy(&mut here, table, options.batch, report).await?;
        }
        let sequences = tables::sequences(&mut here, &mut there).await?;
        for sequence in &sequences {
            verify::set_sequence(&mut there, sequence).await?;
        }
        let mut done = Vec::new();
        for table in tables {
            done.push(verify::compare(&mut here, &mut there, table, report).await?);
        }
        for sequence in &sequences {
            verify::check_sequence(&mut there, sequence).await?;
        }
        let trail = self.check_trail(&mut here, &mut there).await?;
        // Read the target as an issuer does: the keystore matches the keyring, and the list is
        // valid.
        let keystore = Keystore::read(&self.home.keystore_vault())?;
        verifier_of(&self.home, keystore, target, self.clock.now()).await?;
        let list = match lists::published(&mut there).await {
            Err(StoreError::NoList) => None,
            list => list.map(|list| Some((list.epoch, list.number)))?,
        };
        Ok(Moved {
            place: self.place.clone(),
            before: false,
            tables: done,
            anchor: trail.newest.map(|anchor| anchor.to_string()),
            trail_findings: trail.findings.len() as u64 + trail.more,
            list,
        })
    }

    /// Verifies the event chain of the target. A fault that the source has too is copied unchanged
    /// and reported.
    async fn check_trail(
        &self,
        here: &mut Connection,
        there: &mut Connection,
    ) -> Result<events::Report, Error> {
        let arrived = events::verify_in(there, &[]).await?;
        if !arrived.is_sound() && events::verify_in(here, &[]).await?.findings != arrived.findings {
            let what = "the chain of its digests breaks there".into();
            return Err(MoveError::Differs { table: "events".into(), what }.into());
        }
        Ok(arrived)
    }

    /// Marks the source as moved.
    async fn settle(&self, source: &Store, mark: &MoveMark) -> Result<(), Error> {
        let mark = MoveMark { part: Part::Source, ..mark.clone() };
        let mut writing = source.write_end().await?;
        moves::set_mark(&mut writing, &mark).await?;
        Ok(writing.commit().await?)
    }

    fn before(&self) -> Moved {
        let place = self.place.clone();
        let (tables, anchor, list) = (Vec::new(), None, None);
        Moved { place, before: true, tables, anchor, trail_findings: 0, list }
    }
}
