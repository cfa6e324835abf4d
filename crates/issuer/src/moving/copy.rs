//! Copies tables in batches, in key order. A batch is written as a whole or not at all. So a
//! partial table is always a prefix of the source's, and its row count says where to continue.

use std::str::FromStr as _;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};

use super::rows::{append, key, read};
use super::tables::{Side, Table};
use super::{MoveError, Progress, Report};
use crate::error::Error;
use crate::store::StoreError;
use crate::store::{Connection, Database};

/// PostgreSQL's advisory lock for filling a target: the bytes `PCTM`.
const MOVE_LOCK: i64 = 0x5043_544D;
/// The size in bytes at which a batch is sent with fewer rows.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// The connection that fills a target, and holds the lock on that.
pub(super) struct Filler {
    connection: PgConnection,
}

impl Filler {
    /// Connects, and takes the lock for filling the target.
    pub(super) async fn connect(database: &Database) -> Result<Self, Error> {
        let Database::Server(url) = database else { return Err(MoveError::NoTarget.into()) };
        let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
        let mut connection = options.connect().await?;
        // A process killed a moment ago may still hold the lock.
        connection.execute("SET lock_timeout = '10s'").await?;
        let lock = sqlx::query("SELECT pg_advisory_lock($1)").bind(MOVE_LOCK);
        match lock.execute(&mut connection).await.map_err(Error::from) {
            Ok(_) => {}
            Err(Error::Store(StoreError::Busy)) => return Err(MoveError::Taken.into()),
            Err(error) => return Err(error),
        }
        connection.execute("SET statement_timeout = 0; SET search_path TO portcullis").await?;
        Ok(Self { connection })
    }

    /// Drops a partially filled target as a whole.
    pub(super) async fn drop_target(&mut self) -> Result<(), Error> {
        self.connection.execute("DROP SCHEMA IF EXISTS portcullis CASCADE").await?;
        Ok(())
    }

    /// Drops the target if requested.
    pub(super) async fn drop_if(&mut self, asked: bool) -> Result<(), Error> {
        if asked { self.drop_target().await } else { Ok(()) }
    }

    /// Whether a schema of this name exists.
    pub(super) async fn has_schema(&mut self, name: &str) -> Result<bool, Error> {
        let query = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = $1").bind(name);
        Ok(query.fetch_optional(&mut self.connection).await?.is_some())
    }

    /// Copies the rows that a table lacks.
    pub(super) async fn copy(
        &mut self,
        source: &mut Connection,
        table: &Table,
        batch: u32,
        report: &mut Report<'_>,
    ) -> Result<(), Error> {
        let name = &table.name;
        let there = self.count(table).await?;
        report(Progress::Copied { table: name, rows: there });
        let mut rows = sqlx::query(AssertSqlSafe(table.select(Side::Source)))
            .bind(i64::try_from(there).unwrap_or(i64::MAX))
            .fetch(source);
        let (mut lines, mut many) = (String::new(), 0_u64);
        while let Some(row) = rows.try_next().await? {
            let row = read(table, &row)?;
            if !append(&mut lines, &row) {
                let key = key(table, &row);
                return Err(MoveError::Unfit { table: name.clone(), key }.into());
            }
            many += 1;
            if many >= u64::from(batch) || lines.len() >= BATCH_BYTES {
                self.put(table, &lines).await?;
                report(Progress::Copied { table: name, rows: many });
                (lines, many) = (String::new(), 0);
            }
        }
        if many > 0 {
            self.put(table, &lines).await?;
            report(Progress::Copied { table: name, rows: many });
        }
        // Update the planner's statistics, which would otherwise be missing for some minutes.
        self.connection.execute(AssertSqlSafe(format!("ANALYZE \"{name}\""))).await?;
        Ok(())
    }

    /// Writes one batch, as a whole or not at all.
    async fn put(&mut self, table: &Table, lines: &str) -> Result<(), Error> {
        let columns: Vec<String> = table.columns.keys().map(|name| format!("\"{name}\"")).collect();
        let sql = format!("COPY \"{}\" ({}) FROM STDIN", table.name, columns.join(", "));
        let put = async {
            let mut copy = self.connection.copy_in_raw(&sql).await?;
            copy.send(lines.as_bytes()).await?;
            copy.finish().await
        };
        match put.await {
            Ok(_) => Ok(()),
            // The target has other rows than a prefix of the source's.
            Err(sqlx::Error::Database(error)) if error.constraint().is_some() => {
                let what = format!("a row is there that was not copied yet: {error}");
                Err(MoveError::Differs { table: table.name.clone(), what }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn count(&mut self, table: &Table) -> Result<u64, Error> {
        let sql = format!("SELECT COUNT(*) FROM \"{}\"", table.name);
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await?;
        Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0))
    }

    /// Releases the lock.
    pub(super) async fn close(self) {
        let _ = self.connection.close().await;
    }
}
