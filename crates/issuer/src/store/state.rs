//! The state of a key as an SQL expression. It equals `KeyRecord::state` of a record with the bulk
//! entries in force applied; a test compares the two.

use std::collections::BTreeMap;

use portcullis_core::list::{BulkEntry, BulkScope, BulkState};
use sqlx::Row as _;

use crate::record::KeyState;
use crate::store::Connection;
use crate::store::bulk::{self, BulkRecord};
use crate::store::error::StoreError;
use crate::store::keys::serial_to_sql;
use crate::store::row::named;
use crate::store::select::Select;

/// Appends an expression for the name of a key's state: for a row of `api_keys` at the second
/// `now`.
pub(crate) fn push_state(select: &mut Select, in_force: &[BulkRecord], now: u32) {
    let now = i64::from(now);
    let entries: Vec<BulkEntry> = in_force.iter().map(|bulk| bulk.entry).collect();
    select.push("CASE WHEN revoked_at <= ").arg(now).push(" OR ");
    push_covered(select, &entries, BulkState::Revoked);
    select.push(" THEN 'revoked' WHEN expires_at <= ").arg(now);
    select.push(" THEN 'expired' WHEN suspended_ms IS NOT NULL OR ");
    push_covered(select, &entries, BulkState::Suspended);
    select.push(" THEN 'suspended' WHEN revoked_at IS NOT NULL THEN 'scheduled' ELSE 'active' END");
}

/// Appends a condition that holds for the keys covered by entries of this state.
pub(crate) fn push_covered(select: &mut Select, bulk: &[BulkEntry], state: BulkState) {
    select.push("(1 = 0");
    for entry in bulk.iter().filter(|entry| entry.state == state) {
        select.push(" OR ");
        push_entry(select, entry);
    }
    select.push(")");
}

/// Appends a condition that holds for the keys covered by an entry.
fn push_entry(select: &mut Select, entry: &BulkEntry) {
    match entry.scope {
        BulkScope::Owner(owner) => {
            select.push("(owner = ").arg(i64::from(owner));
            // The index contains owned keys only, which the database can't infer from an argument.
            if owner != 0 {
                select.push(" AND owner <> 0");
            }
        }
        BulkScope::Kid(kid) => {
            select.push("(kid = ").arg(i64::from(kid));
        }
        BulkScope::Environment(environment) => {
            select.push("(environment = ").arg(environment.name());
        }
        BulkScope::Serials { first, last } => {
            select.push("(serial BETWEEN ").arg(serial_to_sql(first));
            select.push(" AND ").arg(serial_to_sql(last));
        }
    }
    select.push(" AND issued_at >= ").arg(i64::from(entry.issued.from));
    if entry.issued.before < u32::MAX {
        select.push(" AND issued_at < ").arg(i64::from(entry.issued.before));
    }
    select.push(")");
}

/// How many keys are in each state at the second `now`: the stored counts, adjusted for the time
/// since and for the entries in force.
///
/// # Errors
/// The database's.
pub async fn count_by_state(
    connection: &mut Connection,
    now: u32,
) -> Result<BTreeMap<KeyState, i64>, StoreError> {
    let in_force = bulk::in_force(connection).await?;
    counts(connection, &in_force, now).await
}

/// Brings the stored counts up to `now`, so that later adjustments are smaller.
///
/// # Errors
/// The database's.
pub async fn settle_counts(connection: &mut Connection, now: u32) -> Result<(), StoreError> {
    for (state, many) in counts(&mut *connection, &[], now).await? {
        sqlx::query("UPDATE key_counts SET many = $1 WHERE state = $2")
            .bind(many)
            .bind(state.name())
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("UPDATE key_counts_as_of SET as_of = $1")
        .bind(i64::from(now))
        .execute(&mut *connection)
        .await?;
    Ok(())
}

async fn counts(
    connection: &mut Connection,
    in_force: &[BulkRecord],
    now: u32,
) -> Result<BTreeMap<KeyState, i64>, StoreError> {
    let mut counts: BTreeMap<KeyState, i64> = BTreeMap::new();
    for row in sqlx::query("SELECT state, many FROM key_counts").fetch_all(&mut *connection).await?
    {
        counts.insert(named(&row, "state", KeyState::from_name)?, row.try_get("many")?);
    }
    let row = sqlx::query("SELECT as_of FROM key_counts_as_of").fetch_one(&mut *connection).await?;
    let as_of: i64 = row.try_get("as_of")?;
    let as_of = u32::try_from(as_of).unwrap_or(0);
    for (was, is, many) in changed(connection, in_force, as_of, now).await? {
        *counts.entry(was).or_default() -= many;
        *counts.entry(is).or_default() += many;
    }
    Ok(counts)
}

/// How many keys were in one state at `as_of` without the entries, and are in another at `now` with
/// them.
async fn changed(
    connection: &mut Connection,
    in_force: &[BulkRecord],
    as_of: u32,
    now: u32,
) -> Result<Vec<(KeyState, KeyState, i64)>, StoreError> {
    let entries: Vec<BulkEntry> = in_force.iter().map(|bulk| bulk.entry).collect();
    // Several issuers' clocks differ, so the counts may be of a later instant.
    let (from, to) = (i64::from(as_of.min(now)), i64::from(as_of.max(now)));
    let mut select = Select::new("SELECT was, state, COUNT(*) AS many FROM (SELECT ");
    push_state(&mut select, &[], as_of);
    select.push(" AS was, ");
    push_state(&mut select, in_force, now);
    select.push(" AS state FROM api_keys WHERE deleted_ms IS NULL AND (");
    for (at, joint) in [("revoked_at", " OR "), ("expires_at", "")] {
        select.push("(").push(at).push(" > ").arg(from);
        select.push(" AND ").push(at).push(" <= ").arg(to).push(")").push(joint);
    }
    // Keep the conditions flat: SQLite uses an index for each only if none is nested.
    for entry in &entries {
        select.push(" OR ");
        push_entry(&mut select, entry);
    }
    select.push(")) AS keys WHERE was <> state GROUP BY was, state");
    let rows = select.rows(connection).await?;
    let changes = rows.iter().map(|row| {
        let state = |column| named(row, column, KeyState::from_name);
        Ok((state("was")?, state("state")?, row.try_get("many")?))
    });
    Ok(changes.collect::<sqlx::Result<_>>()?)
}

/// Like [`count_by_state`], by scanning every key: the reference for the stored counts.
///
/// # Errors
/// The database's.
pub async fn recount_by_state(
    connection: &mut Connection,
    now: u32,
) -> Result<BTreeMap<KeyState, i64>, StoreError> {
    let in_force = bulk::in_force(connection).await?;
    let mut select = Select::new("SELECT state, COUNT(*) AS many FROM (SELECT ");
    push_state(&mut select, &in_force, now);
    select.push(" AS state FROM api_keys WHERE deleted_ms IS NULL) AS keys GROUP BY state");
    let rows = select.rows(connection).await?;
    let mut counts: BTreeMap<KeyState, i64> = KeyState::ALL.into_iter().map(|s| (s, 0)).collect();
    for row in &rows {
        counts.insert(named(row, "state", KeyState::from_name)?, row.try_get("many")?);
    }
    Ok(counts)
}
