//! Sales channels of publishable keys, and the policy that belongs to each such key.

use std::collections::HashMap;

use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use sqlx::{AssertSqlSafe, Row as _};

use crate::record::KeyRecord;
use crate::store::error::StoreError;
use crate::store::select::{CHUNK, ROWS, Select, insert_sql};
use crate::store::{Connection, millis};

/// Loads the sales channels of the records.
pub(crate) async fn fill<'k>(
    connection: &mut Connection,
    keys: impl IntoIterator<Item = &'k mut KeyRecord>,
) -> Result<(), StoreError> {
    let mut publishable: HashMap<String, &mut Vec<String>> = HashMap::new();
    for key in keys.into_iter().filter(|key| key.kind == Kind::Publishable) {
        publishable.insert(key.id.clone(), &mut key.sales_channels);
    }
    let ids: Vec<String> = publishable.keys().cloned().collect();
    for ids in ids.chunks(CHUNK) {
        let mut select =
            Select::new("SELECT key_id, channel FROM sales_channels WHERE key_id IN (");
        select.args(ids.iter().map(String::as_str)).push(")");
        for row in select.rows(connection).await? {
            let id: String = row.try_get(0)?;
            if let Some(channels) = publishable.get_mut(&id) {
                channels.push(row.try_get(1)?);
            }
        }
    }
    publishable.into_values().for_each(|channels| channels.sort());
    Ok(())
}

/// Adds sales channels to keys: pairs of a key's id and a channel that the key lacks.
///
/// # Errors
/// The database's.
pub async fn add(connection: &mut Connection, pairs: &[(&str, &str)]) -> Result<(), StoreError> {
    for pairs in pairs.chunks(ROWS) {
        let sql = insert_sql(connection, "sales_channels (key_id, channel)", 2, pairs.len());
        let query = sqlx::query(AssertSqlSafe(sql));
        let query = pairs.iter().fold(query, |query, (id, channel)| query.bind(*id).bind(*channel));
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Removes a sales channel from a key.
///
/// # Errors
/// The database's.
pub async fn remove(
    connection: &mut Connection,
    id: &str,
    channel: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sales_channels WHERE key_id = $1 AND channel = $2")
        .bind(id)
        .bind(channel)
        .execute(connection)
        .await?;
    Ok(())
}

/// Adds a public policy for each of these keys: the policy's number, the key's id, and the draft
/// copied from another key's policy.
///
/// # Errors
/// The database's, among them one for a number that was ever used.
pub async fn insert_policies(
    connection: &mut Connection,
    policies: &[(u32, &str, &str)],
    now: Time,
) -> Result<(), StoreError> {
    let table = "policies (number, visibility, name, draft, key_id, created_ms, updated_ms)";
    for policies in policies.chunks(ROWS) {
        let mut query =
            sqlx::query(AssertSqlSafe(insert_sql(connection, table, 7, policies.len())));
        for (number, id, draft) in policies {
            let of_key = query.bind(i64::from(*number)).bind("public").bind(*id).bind(*draft);
            query = of_key.bind(*id).bind(millis(now)).bind(millis(now));
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// The numbers among these that were ever assigned to a policy.
///
/// # Errors
/// The database's.
pub async fn taken(connection: &mut Connection, numbers: &[u32]) -> Result<Vec<u32>, StoreError> {
    let mut taken = Vec::new();
    for numbers in numbers.chunks(CHUNK) {
        let mut select = Select::new("SELECT number FROM policies WHERE number IN (");
        select.args(numbers.iter().map(|number| i64::from(*number))).push(")");
        for row in select.rows(connection).await? {
            taken.push(crate::store::row::number(&row, "number")?);
        }
    }
    Ok(taken)
}

/// The draft of the key's own policy, if it has one.
///
/// # Errors
/// The database's.
pub async fn own_policy(
    connection: &mut Connection,
    id: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT draft FROM policies WHERE key_id = $1 AND deleted_ms IS NULL";
    let row = sqlx::query(sql).bind(id).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Marks the key's own policy as changed: its sales channels are a part of it.
///
/// # Errors
/// The database's.
pub async fn touch_policy(
    connection: &mut Connection,
    id: &str,
    now: Time,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE policies SET updated_ms = $1 WHERE key_id = $2")
        .bind(millis(now))
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes the sales channels and the own policies of keys. The policies' numbers stay taken.
///
/// # Errors
/// The database's.
pub async fn delete(
    connection: &mut Connection,
    ids: &[&str],
    now: Time,
) -> Result<(), StoreError> {
    for ids in ids.chunks(CHUNK) {
        let mut channels = Select::new("DELETE FROM sales_channels WHERE key_id IN (");
        channels.args(ids.iter().copied()).push(")");
        channels.execute(connection).await?;
        let mut policies = Select::new("UPDATE policies SET draft = '{}', deleted_ms = ");
        policies.arg(millis(now)).push(", updated_ms = ").arg(millis(now));
        policies.push(" WHERE key_id IN (").args(ids.iter().copied()).push(")");
        policies.execute(connection).await?;
    }
    Ok(())
}
