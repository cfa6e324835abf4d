//! Looking, copying, verifying, releasing.

use std::sync::Arc;

use portcullis_core::crypto::IssuerId;

use super::copy::Filler;
use super::ends::{SOURCE, Stage, check_idle, who_works};
use super::tables::Table;
use super::{
    Move, MoveError, Moved, Options, Preview, Report, TableRows, Witnesses, tables, verify,
};
use crate::error::Error;
use crate::events;
use crate::issuer::{Issuer, look_in};
use crate::keystore::Keystore;
use crate::publish::check_not_behind;
use crate::store::moves::{self, Held, Look, MoveMark, Part};
use crate::store::{Connection, Store, lists, targets};
use crate::view::rfc3339_millis;

impl Move {
    /// Looks at both ends, and whether anything speaks against the move. Brings the source's tables
    /// up to date, as every command does, and changes nothing else.
    ///
    /// # Errors
    /// [`MoveError`], what speaks against writing to the source, and the databases'.
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
            // Nothing can be written any more, whoever runs.
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

    /// Opens the issuer as every command does, and looks whether it may write.
    async fn check_source(&self, witnesses: Witnesses<'_>) -> Result<(), Error> {
        let clock = Arc::clone(&self.clock);
        let issuer = Issuer::open_with(&self.home, clock, self.publish_options.clone()).await?;
        let checked = async {
            issuer.check_witnesses(witnesses).await?;
            issuer.store().check_clock().await?;
            let mut reading = issuer.store().read().await?;
            targets::check_not_restored(&mut reading).await?;
            check_not_behind(&mut reading, issuer.now()).await
        };
        let checked = checked.await;
        issuer.store().close().await;
        checked
    }

    /// Moves the records, or goes on with that.
    ///
    /// # Errors
    /// As [`Move::look`]; [`MoveError::Differs`] where the target is not what was copied.
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
        // Asked for with --start-over, or the stage would be another.
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

    /// A target that was filled from a database without a mark was filled from another copy of it.
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

    /// The tables to copy, which must be those of the target.
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
        // As an issuer reads it: the keystore is the keyring's, and the list is one.
        let keystore = Keystore::read(&self.home.keystore_vault())?;
        look_in(&self.home, keystore, target, self.clock.now()).await?;
        let list = match lists::published(&mut there).await {
            Err(Error::NoList) => None,
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

    /// Walks the chain of the target's events. What is wrong with it must be wrong with the
    /// source's: it is copied as it is, and said.
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

    /// Says at the source that its records are elsewhere.
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
