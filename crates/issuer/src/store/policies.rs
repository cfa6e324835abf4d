//! The tables of policies: the records, the files that encode them, and the directories that the
//! newest head names.

use portcullis_core::crypto::Digest;
use portcullis_core::issue::PolicyDraft;
use portcullis_core::list::FileName;
use portcullis_core::policy::Visibility;
use portcullis_core::time::Time;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::policy_rules::PolicyRules;
use crate::store::error::StoreError;
use crate::store::lists::digest;
use crate::store::row::{named, number};
use crate::store::select::Select;
use crate::store::{Connection, millis, time};

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRecord {
    /// The number that keys carry; never 0.
    pub number: u32,
    /// Whether it is for secret keys (private) or publishable keys (public).
    pub visibility: Visibility,
    /// The display name.
    pub name: String,
    /// The rules.
    pub rules: PolicyRules,
    /// The publishable key that it belongs to, if it is a key's own policy.
    pub key_id: Option<String>,
    /// When it was made.
    pub created: Time,
    /// When it was last changed.
    pub updated: Time,
}

/// `public` or `private`.
#[must_use]
pub const fn visibility_name(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Private => "private",
    }
}

/// The visibility with this name.
#[must_use]
pub fn visibility(name: &str) -> Option<Visibility> {
    Visibility::ALL.into_iter().find(|visibility| visibility_name(*visibility) == name)
}

impl sqlx::FromRow<'_, AnyRow> for PolicyRecord {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            number: number(row, "number")?,
            visibility: named(row, "visibility", visibility)?,
            name: row.try_get("name")?,
            rules: named(row, "draft", |text| serde_json::from_str(text).ok())?,
            key_id: row.try_get("key_id")?,
            created: time(row.try_get("created_ms")?),
            updated: time(row.try_get("updated_ms")?),
        })
    }
}

/// Adds a policy.
///
/// # Errors
/// The database's, among them one for a number that is taken.
pub async fn insert(connection: &mut Connection, policy: &PolicyRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policies (number, visibility, name, draft, key_id, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(i64::from(policy.number))
    .bind(visibility_name(policy.visibility))
    .bind(&policy.name)
    .bind(policy.rules.to_text())
    .bind(policy.key_id.as_deref())
    .bind(millis(policy.created))
    .bind(millis(policy.updated))
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the mutable fields of a policy.
///
/// # Errors
/// The database's.
pub async fn update(connection: &mut Connection, policy: &PolicyRecord) -> Result<(), StoreError> {
    sqlx::query("UPDATE policies SET name = $1, draft = $2, updated_ms = $3 WHERE number = $4")
        .bind(&policy.name)
        .bind(policy.rules.to_text())
        .bind(millis(policy.updated))
        .bind(i64::from(policy.number))
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes a policy. Its number stays taken.
///
/// # Errors
/// The database's.
pub async fn delete(connection: &mut Connection, number: u32, now: Time) -> Result<(), StoreError> {
    sqlx::query("UPDATE policies SET deleted_ms = $1, updated_ms = $1 WHERE number = $2")
        .bind(millis(now))
        .bind(i64::from(number))
        .execute(connection)
        .await?;
    Ok(())
}

/// The policy with this number, unless it was deleted.
///
/// # Errors
/// The database's.
pub async fn find(
    connection: &mut Connection,
    number: u32,
) -> Result<Option<PolicyRecord>, StoreError> {
    let query = sqlx::query_as("SELECT * FROM policies WHERE number = $1 AND deleted_ms IS NULL");
    Ok(query.bind(i64::from(number)).fetch_optional(connection).await?)
}

/// This key's own policy.
///
/// # Errors
/// The database's.
pub async fn of_key(
    connection: &mut Connection,
    key_id: &str,
) -> Result<Option<PolicyRecord>, StoreError> {
    let query = sqlx::query_as("SELECT * FROM policies WHERE key_id = $1 AND deleted_ms IS NULL");
    Ok(query.bind(key_id).fetch_optional(connection).await?)
}

/// Policies that don't belong to one key, by ascending number, after `after`.
///
/// # Errors
/// The database's.
pub async fn list(
    connection: &mut Connection,
    visibility: Option<Visibility>,
    after: u32,
    limit: u32,
) -> Result<Vec<PolicyRecord>, StoreError> {
    let mut select =
        Select::new("SELECT * FROM policies WHERE deleted_ms IS NULL AND key_id IS NULL");
    if let Some(visibility) = visibility {
        select.push(" AND visibility = ").arg(visibility_name(visibility));
    }
    select.push(" AND number > ").arg(i64::from(after));
    select.push(" ORDER BY number LIMIT ").arg(i64::from(limit));
    select.all(connection).await
}

/// Whether a number is taken, including by a deleted policy.
///
/// # Errors
/// The database's.
pub async fn is_taken(connection: &mut Connection, number: u32) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT 1 FROM policies WHERE number = $1").bind(i64::from(number));
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Whether a key that may still be accepted has this policy.
///
/// # Errors
/// The database's.
pub async fn is_used(
    connection: &mut Connection,
    number: u32,
    now: Time,
) -> Result<bool, StoreError> {
    let query = sqlx::query(
        "SELECT 1 FROM api_keys WHERE policy = $1 AND policy <> 0 AND deleted_ms IS NULL \
         AND (revoked_at IS NULL OR revoked_at > $2) \
         AND (expires_at IS NULL OR expires_at > $2) LIMIT 1",
    );
    let query = query.bind(i64::from(number)).bind(i64::from(now.secs()));
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// The content of a policy to publish; `None` if it was deleted.
pub type Say = (u32, Visibility, Option<PolicyDraft>);

/// The content of every policy.
///
/// # Errors
/// The database's.
pub async fn all_policy_rows(connection: &mut Connection) -> Result<Vec<Say>, StoreError> {
    let query = sqlx::query("SELECT * FROM policies WHERE deleted_ms IS NULL ORDER BY number");
    let rows = query.fetch_all(&mut *connection).await?;
    let channels = sqlx::query(
        "SELECT p.number, s.channel FROM policies p JOIN sales_channels s ON s.key_id = p.key_id \
         WHERE p.deleted_ms IS NULL ORDER BY p.number",
    );
    let channels = channels.fetch_all(connection).await?;
    let mut channels = channels.iter().peekable();
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        let (number, visibility, draft) = say(row)?;
        let mut draft = draft.unwrap_or_default();
        let is_its = |row: &&AnyRow| row.try_get::<i64, _>(0).is_ok_and(|n| n == i64::from(number));
        while let Some(row) = channels.next_if(is_its) {
            draft.sales_channels.push(row.try_get(1)?);
        }
        all.push((number, visibility, Some(draft)));
    }
    Ok(all)
}

/// The content of one policy.
///
/// # Errors
/// The database's.
pub async fn say_one(connection: &mut Connection, number: u32) -> Result<Option<Say>, StoreError> {
    let query = sqlx::query("SELECT * FROM policies WHERE number = $1").bind(i64::from(number));
    let Some(row) = query.fetch_optional(&mut *connection).await? else { return Ok(None) };
    let (number, visibility, mut draft) = say(&row)?;
    let key_id: Option<String> = row.try_get("key_id")?;
    if let (Some(draft), Some(key_id)) = (&mut draft, key_id) {
        let query = sqlx::query("SELECT channel FROM sales_channels WHERE key_id = $1");
        for row in query.bind(key_id).fetch_all(connection).await? {
            draft.sales_channels.push(row.try_get(0)?);
        }
    }
    Ok(Some((number, visibility, draft)))
}

fn say(row: &AnyRow) -> Result<Say, sqlx::Error> {
    let rules: PolicyRules = named(row, "draft", |text| serde_json::from_str(text).ok())?;
    let draft = named(row, "draft", |_| rules.draft().ok())?;
    let deleted: Option<i64> = row.try_get("deleted_ms")?;
    Ok((
        number(row, "number")?,
        named(row, "visibility", visibility)?,
        deleted.is_none().then_some(draft),
    ))
}

/// The policies that may have changed since the event `position`: those with an event of their own,
/// and those of publishable keys with any event.
///
/// # Errors
/// The database's.
pub async fn changed_since(
    connection: &mut Connection,
    position: i64,
) -> Result<Vec<u32>, StoreError> {
    let rows = sqlx::query(
        "SELECT e.data, p.number FROM events e LEFT JOIN policies p ON p.key_id = e.key_id \
         WHERE e.id > $1 AND (e.type LIKE 'policy.%' OR p.number IS NOT NULL)",
    )
    .bind(position)
    .fetch_all(connection)
    .await?;
    let mut numbers = Vec::new();
    for row in &rows {
        let own: Option<i64> = row.try_get(1)?;
        let data: Value = named(row, "data", |text| serde_json::from_str(text).ok())?;
        let named = data.get("policy").and_then(Value::as_i64);
        numbers.extend(own.or(named).and_then(|number| u32::try_from(number).ok()));
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// The directory that the newest head names for `visibility`.
///
/// # Errors
/// The database's.
pub async fn directory(
    connection: &mut Connection,
    visibility: Visibility,
) -> Result<FileName, StoreError> {
    let query = sqlx::query("SELECT digest, len FROM policy_directories WHERE visibility = $1");
    let row = query.bind(visibility_name(visibility)).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(FileName::NONE) };
    Ok(FileName { digest: digest(&row, "digest")?, len: number(&row, "len")? })
}

/// Records the directory that the next head names for `visibility`.
///
/// # Errors
/// The database's.
pub async fn set_directory(
    connection: &mut Connection,
    visibility: Visibility,
    name: FileName,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policy_directories (visibility, digest, len) VALUES ($1, $2, $3) \
         ON CONFLICT (visibility) DO UPDATE SET digest = excluded.digest, len = excluded.len",
    )
    .bind(visibility_name(visibility))
    .bind(name.digest.0.as_slice())
    .bind(i64::from(name.len))
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores a file, or marks an existing one as in use again.
///
/// # Errors
/// The database's.
pub async fn put_file(
    connection: &mut Connection,
    visibility: Visibility,
    name: FileName,
    file: &[u8],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policy_files (digest, visibility, file) VALUES ($1, $2, $3) \
         ON CONFLICT (digest) DO UPDATE SET left_ms = NULL",
    )
    .bind(name.digest.0.as_slice())
    .bind(visibility_name(visibility))
    .bind(file)
    .execute(connection)
    .await?;
    Ok(())
}

/// Records since when no directory names a file; `None` if one names it again.
///
/// # Errors
/// The database's.
pub async fn set_left(
    connection: &mut Connection,
    digest: Digest,
    left: Option<Time>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE policy_files SET left_ms = $1 WHERE digest = $2")
        .bind(left.map(millis))
        .bind(digest.0.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes the files that no directory has named since `since`.
///
/// # Errors
/// The database's.
pub async fn prune_files(connection: &mut Connection, since: Time) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM policy_files WHERE left_ms < $1")
        .bind(millis(since))
        .execute(connection)
        .await?;
    Ok(())
}

/// The file of this visibility with this digest.
///
/// # Errors
/// The database's.
pub async fn file(
    connection: &mut Connection,
    visibility: Visibility,
    digest: Digest,
) -> Result<Option<Vec<u8>>, StoreError> {
    let query = sqlx::query("SELECT file FROM policy_files WHERE digest = $1 AND visibility = $2");
    let query = query.bind(digest.0.as_slice()).bind(visibility_name(visibility));
    Ok(query.fetch_optional(connection).await?.map(|row| row.try_get(0)).transpose()?)
}
