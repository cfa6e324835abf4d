//! Takes a move back, as long as nothing was written at the target.

use sqlx::{AssertSqlSafe, Executor as _};

use super::copy::Filler;
use super::ends::check_idle;
use super::{Back, Move, MoveError, Report, tables, verify};
use crate::error::Error;
use crate::store::moves::{self, Held, MoveMark};
use crate::store::{Database, Store};

impl Move {
    /// Takes the move back: the file in the folder becomes the issuer's database again. The
    /// target's tables are put aside first, so that nothing keeps using them.
    ///
    /// # Errors
    /// [`MoveError::NotMoved`], [`MoveError::Written`], [`MoveError::TargetLost`],
    /// [`MoveError::Running`], and the databases'.
    pub async fn back(&self, report: &mut Report<'_>) -> Result<Back, Error> {
        let issuer = self.issuer()?;
        let mut filler = Filler::connect(&self.target).await?;
        let source = Store::open_end(&self.home.database(), issuer).await?;
        let back = async {
            let mark = moves::mark(&mut *source.read().await?).await?;
            let mark = mark.ok_or(MoveError::NotMoved)?;
            let left_in = self.put_aside(&source, &mark, &mut filler, report).await?;
            let mut writing = source.write_end().await?;
            moves::clear_mark(&mut writing).await?;
            writing.commit().await?;
            Ok(Back { place: self.place.clone(), left_in })
        };
        let back = back.await;
        source.close().await;
        filler.close().await;
        back
    }

    /// Makes sure that nothing uses the target. Returns the schema that keeps its tables.
    async fn put_aside(
        &self,
        source: &Store,
        mark: &MoveMark,
        filler: &mut Filler,
        report: &mut Report<'_>,
    ) -> Result<Option<String>, Error> {
        let aside = format!("portcullis_back_{}", mark.id);
        let held = moves::look(&self.target).await?.held;
        if let Held::Marked(target, _) = &held
            && target.id == mark.id
        {
            return match target.done {
                // The target was never released, so no issuer has used it.
                None => filler.drop_target().await.map(|()| None),
                Some(_) => self.rename(source, &aside, report).await.map(|()| Some(aside)),
            };
        }
        if filler.has_schema(&aside).await? {
            // An earlier run ended between the two steps.
            return Ok(Some(aside));
        }
        if mark.done.is_some() {
            return Err(MoveError::TargetLost(mark.place.clone()).into());
        }
        if held == Held::Nothing && mark.place == self.place {
            return Ok(None);
        }
        Err(MoveError::OtherMove(mark.place.clone()).into())
    }

    /// Renames the schema if it equals the source. The transaction holds the write lock, so no
    /// write is acknowledged in between or afterwards.
    async fn rename(
        &self,
        source: &Store,
        aside: &str,
        report: &mut Report<'_>,
    ) -> Result<(), Error> {
        let Database::Server(_) = self.target else { return Err(MoveError::NoTarget.into()) };
        let target = Store::open_end(&self.target, self.issuer()?).await?;
        // Compare every table under the target's write lock, then rename.
        let renamed = async {
            let mut here = source.patient().await?;
            let mut writing = target.write_end().await?;
            writing.execute("SET LOCAL statement_timeout = 0").await?;
            check_idle(&mut writing, &self.place, self.clock.now()).await?;
            let tables = tables::of_source(&mut here).await?;
            tables::check_same(&tables, &tables::of_target(&mut writing).await?)?;
            for table in &tables {
                match verify::compare(&mut here, &mut writing, table, report).await {
                    Err(Error::Move(MoveError::Differs { table, .. })) => {
                        let place = self.place.clone();
                        return Err(MoveError::Written { place, table }.into());
                    }
                    other => other?,
                };
            }
            let rename = format!("ALTER SCHEMA portcullis RENAME TO \"{aside}\"");
            writing.execute(AssertSqlSafe(rename)).await?;
            Ok(writing.commit().await?)
        };
        let renamed = renamed.await;
        target.close().await;
        renamed
    }
}
