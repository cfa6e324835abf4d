//! How many keys stand under each label.

use portcullis_core::time::Time;
use sqlx::Row as _;

use crate::store::Connection;
use crate::store::bulk;
use crate::store::error::StoreError;
use crate::store::row::number;
use crate::store::select::Select;
use crate::store::state::push_state;

/// The keys of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysOfLabel {
    /// The label, empty for none.
    pub label: String,
    /// How many records have it.
    pub total: u64,
    /// How many of their keys are neither revoked nor expired.
    pub live: u64,
    /// How many of those are admin keys.
    pub admins: u64,
}

/// The keys under each label that has any, as of `now`.
///
/// # Errors
/// The database's.
pub async fn keys_of_labels(
    connection: &mut Connection,
    now: Time,
) -> Result<Vec<KeysOfLabel>, StoreError> {
    let in_force = bulk::in_force(connection).await?;
    let mut select = Select::new(
        "SELECT label, COUNT(*) AS total, \
         COUNT(CASE WHEN state IN ('revoked', 'expired') THEN NULL ELSE 1 END) AS live, \
         COUNT(CASE WHEN state IN ('revoked', 'expired') OR purpose <> 'admin' THEN NULL ELSE 1 END) \
         AS admins FROM (SELECT label, purpose, ",
    );
    push_state(&mut select, &in_force, now.secs());
    select.push(" AS state FROM api_keys WHERE deleted_ms IS NULL) AS keys");
    select.push(" GROUP BY label ORDER BY label");
    let rows = select.rows(connection).await?;
    let keys = rows.iter().map(|row| {
        let (total, live) = (number(row, "total")?, number(row, "live")?);
        let (label, admins) = (row.try_get("label")?, number(row, "admins")?);
        Ok(KeysOfLabel { label, total, live, admins })
    });
    Ok(keys.collect::<sqlx::Result<_>>()?)
}
