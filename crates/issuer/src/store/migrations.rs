//! The tables, step by step, for both databases.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Row as _, SqlSafeStr as _, SqlStr};

use super::connection::Connection;
use super::database::Database;
use crate::store::error::StoreError;

/// A migration: version, name, and the SQL for SQLite and for PostgreSQL.
type Step = (i64, &'static str, &'static str, &'static str);

macro_rules! step {
    ($version:literal, $file:literal) => {
        (
            $version,
            $file,
            include_str!(concat!("../../migrations/sqlite/", $file, ".sql")),
            include_str!(concat!("../../migrations/postgres/", $file, ".sql")),
        )
    };
}

const STEPS: &[Step] = &[
    step!(1, "0001_init"),
    step!(2, "0002_targets"),
    step!(3, "0003_webhooks"),
    step!(4, "0004_usage"),
    step!(5, "0005_shards"),
    step!(6, "0006_status_lists"),
    step!(7, "0007_trail"),
    step!(8, "0008_clock"),
    step!(9, "0009_key_counts"),
    step!(10, "0010_retention"),
    step!(11, "0011_settings"),
    step!(12, "0012_moves"),
    step!(13, "0013_canaries"),
];

pub(super) fn migrations(database: &Database) -> Migrator {
    let steps = STEPS.iter().map(|(version, name, sqlite, postgres)| {
        let sql = match database {
            Database::File(_) => sqlite,
            Database::Server(_) => postgres,
        };
        let sql: SqlStr = sql.into_sql_str();
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(steps.collect())
}

/// Whether exactly these migrations were applied, with the same checksums.
pub(super) async fn is_current(connection: &mut Connection, steps: &Migrator) -> bool {
    let query = sqlx::query("SELECT version, checksum FROM _sqlx_migrations WHERE success");
    // Without that table, no migration has run.
    let Ok(rows) = query.fetch_all(connection).await else { return false };
    let taken = rows.iter().map(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?)));
    let Some(mut taken) = taken.collect::<Option<Vec<(i64, Vec<u8>)>>>() else { return false };
    taken.sort();
    let known = steps.iter().map(|step| (step.version, step.checksum.to_vec()));
    taken == known.collect::<Vec<_>>()
}

pub(super) fn migration_error(error: sqlx::migrate::MigrateError) -> StoreError {
    if let sqlx::migrate::MigrateError::Execute(error) = error {
        error.into()
    } else {
        StoreError::Version(error)
    }
}
