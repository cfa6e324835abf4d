//! The table of bulk entries: revocations and suspensions of many keys at once.

use std::borrow::Borrow;
use std::ops::Deref;

use portcullis_core::list::{BulkEntry, BulkScope, BulkState, IssuedAt};
use portcullis_core::time::Time;
use portcullis_core::token::Environment;
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};

use crate::record::KeyRecord;
use crate::store::error::StoreError;
use crate::store::keys::{serial, serial_to_sql};
use crate::store::row::{maybe, named, no_value, number};
use crate::store::{Connection, millis, time};

/// A bulk entry and its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkRecord {
    /// The row's id.
    pub id: i64,
    /// The entry as the list carries it.
    pub entry: BulkEntry,
    /// The person who made it.
    pub made_by: Option<String>,
    /// When it was made.
    pub created: Time,
    /// When it was lifted; suspensions only.
    pub lifted: Option<Time>,
}

impl BulkRecord {
    /// Applies this entry to a record.
    fn apply(&self, key: &mut KeyRecord) {
        if self.lifted.is_some() || !self.entry.applies_to(&key.claims()) {
            return;
        }
        match self.entry.state {
            BulkState::Revoked => {
                // A key made after the entry is refused from its first second.
                let at = self.created.secs().max(key.issued_at);
                if key.revoked_at.is_none_or(|earlier| at < earlier) {
                    key.revoked_at = Some(at);
                    key.revoked_by.clone_from(&self.made_by);
                }
            }
            BulkState::Suspended => {
                if key.suspended.is_none() {
                    key.suspended = Some(self.created);
                    key.suspended_by.clone_from(&self.made_by);
                }
            }
        }
    }
}

/// A key as verifiers treat it: its record with the bulk entries in force applied.
///
/// It is read, shown and verified, but never stored: an entry may be lifted, and the key's own
/// revocation and suspension are independent of it. So it derefs to a record that can be read only,
/// and [`keys::update`](super::keys::update) takes one that can be written.
///
/// ```compile_fail
/// # use portcullis_core::time::Time;
/// # use portcullis_issuer::store::StoreError;
/// # use portcullis_issuer::store::bulk::EffectiveKey;
/// # use portcullis_issuer::store::{Connection, keys};
/// # async fn write_back(
/// #     to: &mut Connection,
/// #     mut key: EffectiveKey,
/// #     now: Time,
/// # ) -> Result<(), StoreError> {
/// keys::update(to, &mut key, now).await
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveKey(KeyRecord);

impl EffectiveKey {
    /// The key with this record under `in_force`.
    #[must_use]
    pub fn new(mut record: KeyRecord, in_force: &[BulkRecord]) -> Self {
        in_force.iter().for_each(|entry| entry.apply(&mut record));
        Self(record)
    }
}

impl Deref for EffectiveKey {
    type Target = KeyRecord;

    fn deref(&self) -> &KeyRecord {
        &self.0
    }
}

impl Borrow<KeyRecord> for EffectiveKey {
    fn borrow(&self) -> &KeyRecord {
        &self.0
    }
}

impl PartialEq<KeyRecord> for EffectiveKey {
    fn eq(&self, record: &KeyRecord) -> bool {
        self.0 == *record
    }
}

/// The key with this record under the bulk entries in force.
///
/// # Errors
/// The database's.
pub async fn effective(
    connection: &mut Connection,
    record: KeyRecord,
) -> Result<EffectiveKey, StoreError> {
    Ok(EffectiveKey::new(record, &in_force(connection).await?))
}

/// The keys with these records under the bulk entries in force.
///
/// # Errors
/// The database's.
pub async fn effective_all(
    connection: &mut Connection,
    records: Vec<KeyRecord>,
) -> Result<Vec<EffectiveKey>, StoreError> {
    let in_force = in_force(connection).await?;
    Ok(records.into_iter().map(|record| EffectiveKey::new(record, &in_force)).collect())
}

const SCOPES: [&str; 4] = ["owner", "kid", "environment", "serials"];

fn environment_number(environment: Environment) -> i64 {
    match environment {
        Environment::Live => 1,
        Environment::Test => 2,
    }
}

fn spell(scope: BulkScope) -> (&'static str, i64, i64) {
    let one = |name, number| (name, number, number);
    match scope {
        BulkScope::Owner(owner) => one("owner", i64::from(owner)),
        BulkScope::Kid(kid) => one("kid", i64::from(kid)),
        BulkScope::Environment(environment) => one("environment", environment_number(environment)),
        BulkScope::Serials { first, last } => {
            ("serials", serial_to_sql(first), serial_to_sql(last))
        }
    }
}

fn read_scope(row: &AnyRow) -> Result<BulkScope, sqlx::Error> {
    let (first, last): (i64, i64) = (row.try_get("first")?, row.try_get("last")?);
    let wrong = || no_value("first");
    let scope = named(row, "scope", |name| SCOPES.into_iter().find(|scope| *scope == name))?;
    Ok(match scope {
        "owner" => BulkScope::Owner(number(row, "first")?),
        "kid" => BulkScope::Kid(number(row, "first")?),
        "environment" => BulkScope::Environment(
            Environment::ALL
                .into_iter()
                .find(|environment| environment_number(*environment) == first)
                .ok_or_else(wrong)?,
        ),
        _ => BulkScope::Serials {
            first: serial(first).ok_or_else(wrong)?,
            last: serial(last).ok_or_else(wrong)?,
        },
    })
}

impl FromRow<'_, AnyRow> for BulkRecord {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let state = named(row, "state", |name| match name {
            "revoked" => Some(BulkState::Revoked),
            "suspended" => Some(BulkState::Suspended),
            _ => None,
        })?;
        let issued = IssuedAt {
            from: number(row, "issued_from")?,
            before: maybe(row, "issued_before")?.unwrap_or(u32::MAX),
        };
        Ok(Self {
            id: row.try_get("id")?,
            entry: BulkEntry { scope: read_scope(row)?, state, issued },
            made_by: row.try_get("made_by")?,
            created: time(row.try_get("created_ms")?),
            lifted: maybe(row, "lifted_ms")?.map(Time::from_millis),
        })
    }
}

/// Adds an entry and returns its id.
pub async fn insert(
    connection: &mut Connection,
    entry: &BulkEntry,
    made_by: Option<&str>,
    now: Time,
) -> Result<i64, StoreError> {
    let (scope, first, last) = spell(entry.scope);
    let state = match entry.state {
        BulkState::Revoked => "revoked",
        BulkState::Suspended => "suspended",
    };
    let before = (entry.issued.before < u32::MAX).then_some(i64::from(entry.issued.before));
    let row = sqlx::query(
        "INSERT INTO wide_entries \
         (scope, state, first, last, issued_from, issued_before, made_by, created_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
    )
    .bind(scope)
    .bind(state)
    .bind(first)
    .bind(last)
    .bind(i64::from(entry.issued.from))
    .bind(before)
    .bind(made_by)
    .bind(millis(now))
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

/// Lifts an entry.
///
/// # Errors
/// The database's.
pub async fn lift(connection: &mut Connection, id: i64, now: Time) -> Result<(), StoreError> {
    sqlx::query("UPDATE wide_entries SET lifted_ms = $1 WHERE id = $2")
        .bind(millis(now))
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The entry with this id.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut Connection, id: i64) -> Result<Option<BulkRecord>, StoreError> {
    let query = sqlx::query_as("SELECT * FROM wide_entries WHERE id = $1").bind(id);
    Ok(query.fetch_optional(connection).await?)
}

/// All entries, newest first.
///
/// # Errors
/// The database's.
pub async fn all(connection: &mut Connection) -> Result<Vec<BulkRecord>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM wide_entries ORDER BY id DESC").fetch_all(connection).await?)
}

/// The entries in force.
///
/// # Errors
/// The database's.
pub async fn in_force(connection: &mut Connection) -> Result<Vec<BulkRecord>, StoreError> {
    let query = sqlx::query_as("SELECT * FROM wide_entries WHERE lifted_ms IS NULL ORDER BY id");
    Ok(query.fetch_all(connection).await?)
}

/// Whether an entry was added or lifted after the event `position`.
///
/// # Errors
/// The database's.
pub async fn changed_since(connection: &mut Connection, position: i64) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT 1 FROM events WHERE id > $1 AND type LIKE 'keys.%' LIMIT 1");
    Ok(query.bind(position).fetch_optional(connection).await?.is_some())
}
