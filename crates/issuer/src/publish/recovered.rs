//! What the recoveries of a restored backup share: their result, and what the backup lacks.

use portcullis_core::time::Time;
use serde::Serialize;

use crate::error::Error;
use crate::store::{self, Connection, lists};

/// How far the number advances on recovery: more lists than a witness can have missed.
pub(super) const LEAP: u64 = 1000;
pub(super) const BY: &str = "portcullis recover";

/// The result of a recovery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// The witness used.
    pub witness: String,
    /// The number of its list.
    pub witness_number: u64,
    /// The number of the list published now.
    pub number: u64,
    /// How many revocations and suspensions of keys were imported.
    pub entries: u64,
    /// How many policies were imported.
    pub policies: u64,
    /// Whether the private policies could be read. If not, the backup's are in force.
    pub private_policies: bool,
    /// Keys of the closed shards issued at this second or later are revoked.
    pub lost_from: String,
    /// Without a witness: revocations and suspensions between `lost_from` and this second are lost,
    /// and those keys are in force again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_until: Option<String>,
}

/// The time of the newest event or promise. Anything later is missing in this database.
pub(super) async fn last_commit(connection: &mut Connection) -> Result<Time, Error> {
    use sqlx::Row as _;
    // By id: a clock that was once fast may have left later times in earlier events.
    let query = sqlx::query("SELECT at_ms FROM events ORDER BY id DESC LIMIT 1");
    let row = query.fetch_optional(&mut *connection).await?;
    let event = store::time(row.map_or(Ok(0), |row| row.try_get(0))?);
    let promise = lists::promise(connection).await?;
    Ok(promise.map_or(event, |promise| event.max(promise.list_version.this_update)))
}
