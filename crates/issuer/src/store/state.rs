//! The state of a key as the databases work it out: what `KeyRecord::state` says of a record on
//! which the wide entries in force are shown. A test holds the two against each other.

use portcullis_core::list::{WideEntry, WideScope, WideState};
use sqlx::Row as _;

use crate::error::Error;
use crate::record::KeyState;
use crate::store::Connection;
use crate::store::keys::place_of;
use crate::store::row::named;
use crate::store::select::Select;
use crate::store::wide::{self, WideRecord};

/// Appends an expression that is one of the states' names: that of a row of `api_keys` at `now`,
/// in seconds.
pub(crate) fn push_state(select: &mut Select, in_force: &[WideRecord], now: u32) {
    let now = i64::from(now);
    let entries: Vec<WideEntry> = in_force.iter().map(|wide| wide.entry).collect();
    select.push("CASE WHEN revoked_at <= ").arg(now).push(" OR ");
    push_covered(select, &entries, WideState::Revoked);
    select.push(" THEN 'revoked' WHEN expires_at <= ").arg(now);
    select.push(" THEN 'expired' WHEN suspended_ms IS NOT NULL OR ");
    push_covered(select, &entries, WideState::Suspended);
    select.push(" THEN 'suspended' WHEN revoked_at IS NOT NULL THEN 'scheduled' ELSE 'active' END");
}

/// Appends a condition that holds for the keys that entries of this state speak of.
pub(crate) fn push_covered(select: &mut Select, wide: &[WideEntry], state: WideState) {
    select.push("(1 = 0");
    for entry in wide.iter().filter(|entry| entry.state == state) {
        match entry.scope {
            WideScope::Owner(owner) => select.push(" OR (owner = ").arg(i64::from(owner)),
            WideScope::Kid(kid) => select.push(" OR (kid = ").arg(i64::from(kid)),
            WideScope::Environment(environment) => {
                select.push(" OR (environment = ").arg(environment.name())
            }
            WideScope::Serials { first, last } => {
                select.push(" OR (serial BETWEEN ").arg(place_of(first));
                select.push(" AND ").arg(place_of(last))
            }
        };
        select.push(" AND issued_at >= ").arg(i64::from(entry.issued.from));
        if entry.issued.before < u32::MAX {
            select.push(" AND issued_at < ").arg(i64::from(entry.issued.before));
        }
        select.push(")");
    }
    select.push(")");
}

/// How many keys are in each state as of `now`, in seconds; states without keys are left out.
///
/// # Errors
/// The database's.
pub async fn count_by_state(
    connection: &mut Connection,
    now: u32,
) -> Result<Vec<(KeyState, i64)>, Error> {
    let in_force = wide::in_force(connection).await?;
    let mut select = Select::new("SELECT state, COUNT(*) AS many FROM (SELECT ");
    push_state(&mut select, &in_force, now);
    select.push(" AS state FROM api_keys WHERE deleted_ms IS NULL) AS keys GROUP BY state");
    let rows = select.rows(connection).await?;
    let counts = rows
        .iter()
        .map(|row| Ok((named(row, "state", KeyState::from_name)?, row.try_get("many")?)));
    Ok(counts.collect::<sqlx::Result<_>>()?)
}
