//! Compares the two databases: every value of every row in key order, and the sequences.

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Row as _};

use super::rows::{Rows, key, read};
use super::tables::{Sequence, Side, Table};
use super::{MoveError, Progress, Report, TableMoved};
use crate::error::Error;
use crate::store::Connection;

/// Compares a table in both databases, row by row.
pub(super) async fn compare(
    source: &mut Connection,
    target: &mut Connection,
    table: &Table,
    report: &mut Report<'_>,
) -> Result<TableMoved, Error> {
    const STEP: u64 = 1000;
    let differs = |what: String| MoveError::Differs { table: table.name.clone(), what };
    let mut here = sqlx::query(AssertSqlSafe(table.select(Side::Source))).bind(0_i64).fetch(source);
    let mut there = sqlx::query(AssertSqlSafe(table.select(Side::Target))).fetch(target);
    // Both queries use the same order, so compare row by row without holding a table.
    let mut arrived = Rows::default();
    loop {
        let (one, other) = (here.try_next().await?, there.try_next().await?);
        let one = one.map(|row| read(table, &row)).transpose()?;
        let other = other.map(|row| read(table, &row)).transpose()?;
        match (one, other) {
            (None, None) => break,
            (Some(row), None) => {
                return Err(differs(format!("the row {} is missing", key(table, &row))).into());
            }
            (None, Some(row)) => {
                return Err(differs(format!("the row {} is one more", key(table, &row))).into());
            }
            (Some(one), Some(other)) => {
                arrived.add(&other);
                if one != other {
                    let what = format!("the row {} is not the same", key(table, &one));
                    return Err(differs(what).into());
                }
            }
        }
        if arrived.count % STEP == 0 {
            report(Progress::Verified { table: &table.name, rows: STEP });
        }
    }
    report(Progress::Verified { table: &table.name, rows: arrived.count % STEP });
    let (rows, digest) = (arrived.count, arrived.digest().to_string());
    Ok(TableMoved { table: table.name.clone(), rows, digest })
}

/// Sets PostgreSQL's sequence to continue after SQLite's last number.
pub(super) async fn set_sequence(
    target: &mut Connection,
    sequence: &Sequence,
) -> Result<(), Error> {
    sqlx::query("SELECT setval($1::TEXT::REGCLASS, $2, $3)")
        .bind(&sequence.name)
        .bind(sequence.last.max(1))
        .bind(sequence.last > 0)
        .execute(target)
        .await?;
    Ok(())
}

/// Checks that PostgreSQL generates the same next number as SQLite.
pub(super) async fn check_sequence(
    target: &mut Connection,
    sequence: &Sequence,
) -> Result<(), Error> {
    let sql = format!("SELECT last_value, is_called FROM {}", sequence.name);
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(target).await?;
    let (last, is_called): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
    let next = if is_called { last.saturating_add(1) } else { last };
    let wanted = sequence.last.saturating_add(1);
    if next == wanted {
        return Ok(());
    }
    let what = format!("its next row would be {next} and not {wanted}");
    Err(MoveError::Differs { table: sequence.table.clone(), what }.into())
}
