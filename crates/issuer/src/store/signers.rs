//! The number of keys of each signer, and the versions of the keyring.

use portcullis_core::time::Time;

use crate::store::bulk;
use crate::store::error::StoreError;
use crate::store::row::number;
use crate::store::select::Select;
use crate::store::state::push_state;
use crate::store::{Connection, time};
use sqlx::Row as _;

/// The keys of one signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysOfSigner {
    /// The signer.
    pub kid: u16,
    /// How many keys it ever signed.
    pub total: u64,
    /// How many of them are neither revoked nor expired.
    pub live: u64,
}

/// The keys of each signer that has any, as of `now`.
///
/// # Errors
/// The database's.
pub async fn keys_of_signers(
    connection: &mut Connection,
    now: Time,
) -> Result<Vec<KeysOfSigner>, StoreError> {
    let in_force = bulk::in_force(connection).await?;
    let mut select = Select::new("SELECT kid, COUNT(*) AS total, COUNT(CASE WHEN ");
    push_state(&mut select, &in_force, now.secs());
    select.push(" IN ('revoked', 'expired') THEN NULL ELSE 1 END) AS live FROM api_keys");
    select.push(" GROUP BY kid ORDER BY kid");
    let rows = select.rows(connection).await?;
    let keys = rows.iter().map(|row| {
        let (total, live) = (number(row, "total")?, number(row, "live")?);
        Ok(KeysOfSigner { kid: number(row, "kid")?, total, live })
    });
    Ok(keys.collect::<sqlx::Result<_>>()?)
}

/// Every version of the keyring, and when it was stored, newest first.
///
/// # Errors
/// The database's.
pub async fn keyring_versions(connection: &mut Connection) -> Result<Vec<(u32, Time)>, StoreError> {
    let query = sqlx::query("SELECT version, created_ms FROM keyrings ORDER BY version DESC");
    let rows = query.fetch_all(connection).await?;
    let versions =
        rows.iter().map(|row| Ok((number(row, "version")?, time(row.try_get("created_ms")?))));
    Ok(versions.collect::<sqlx::Result<_>>()?)
}
