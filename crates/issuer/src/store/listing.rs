//! The conditions and order of key listings and bulk changes.

use portcullis_core::list::{BulkEntry, BulkScope, BulkState};
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind, Prefix};
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};

use crate::names;
use crate::record::{KeyPurpose, KeyRecord, KeyState};
use crate::store::bulk::{self, BulkRecord};
use crate::store::error::StoreError;
use crate::store::keys::serial_to_sql;
use crate::store::select::{Arg, Select};
use crate::store::state::push_state;
use crate::store::{Connection, channels, millis};

/// A span of time: from an instant, inclusive, to another, exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The inclusive start.
    pub from: Option<Time>,
    /// The exclusive end.
    pub before: Option<Time>,
}

/// The criteria that keys must meet. `None` matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Criteria {
    /// The title or the redacted form contains this text, ignoring case. A text without letters and
    /// digits is searched in titles only. A text shaped like a redacted form must equal it. When
    /// the search selects keys for a change, it looks at titles only: a redacted form ends with
    /// random characters, and may contain any short word.
    pub q: Option<String>,
    /// The id is one of these, if any are given.
    pub ids: Vec<String>,
    /// The title equals this.
    pub title: Option<String>,
    /// The token equals this; only publishable keys have theirs on record.
    pub token: Option<String>,
    /// The purpose.
    pub purpose: Option<KeyPurpose>,
    /// The kind.
    pub kind: Option<Kind>,
    /// The environment.
    pub environment: Option<Environment>,
    /// The current state.
    pub state: Option<KeyState>,
    /// The owner's number, 0 for none.
    pub owner: Option<u32>,
    /// The policy's number, 0 for none.
    pub policy: Option<u32>,
    /// The key was made by this principal, or by a key that this principal made, and so on.
    pub maker: Option<String>,
    /// The key has this sales channel.
    pub sales_channel: Option<String>,
    /// When it was made.
    pub created: Span,
    /// When it was last changed.
    pub updated: Span,
    /// When its revocation takes or took effect.
    pub revoked: Span,
}

/// The sort key of a listing. Ties are sorted by creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The time of creation.
    #[default]
    Created,
    /// The time of the last change.
    Updated,
    /// The title, ignoring case.
    Title,
}

impl Order {
    /// All orders.
    pub const ALL: [Self; 3] = [Self::Created, Self::Updated, Self::Title];

    /// `created`, `updated` or `title`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Title => "title",
        }
    }

    /// Parses an order and whether it is ascending: `title`, or `-title` for descending.
    #[must_use]
    pub fn parse(text: &str) -> Option<(Self, bool)> {
        let (name, ascending) = text.strip_prefix('-').map_or((text, true), |name| (name, false));
        Some((Self::ALL.into_iter().find(|order| order.name() == name)?, ascending))
    }
}

/// The position of a key in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Created { seq: i64 },
    Updated { at_ms: i64, seq: i64 },
    Title { folded: String, seq: i64 },
}

/// A record with its sequence number.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) seq: i64,
    pub(crate) key: KeyRecord,
}

impl FromRow<'_, AnyRow> for Placed {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self { seq: row.try_get("seq")?, key: KeyRecord::from_row(row)? })
    }
}

impl Placed {
    /// The position in `order`.
    pub(crate) fn place(&self, order: Order) -> Place {
        let seq = self.seq;
        match order {
            Order::Created => Place::Created { seq },
            Order::Updated => Place::Updated { at_ms: millis(self.key.updated), seq },
            Order::Title => Place::Title { folded: self.key.title.to_lowercase(), seq },
        }
    }
}

/// At most `limit` keys after `after` that meet `criteria` at the second `now`.
pub(crate) async fn list(
    connection: &mut Connection,
    criteria: &Criteria,
    (order, descending): (Order, bool),
    after: Option<&Place>,
    limit: u32,
    now: u32,
) -> Result<Vec<Placed>, StoreError> {
    let mut select = Select::new("SELECT * FROM api_keys WHERE ");
    let in_force = in_force_for(connection, criteria).await?;
    conditions(&mut select, criteria, &in_force, (Search::ToList, now));
    // Continue after the cursor: compare the sort key, then the sequence number.
    let beyond = if descending { " < (" } else { " > (" };
    match after {
        None => {}
        Some(Place::Created { seq }) => {
            select.push(" AND (seq)").push(beyond).arg(*seq).push(")");
        }
        Some(Place::Updated { at_ms, seq }) => {
            select.push(" AND (updated_ms, seq)").push(beyond).arg(*at_ms);
            select.push(", ").arg(*seq).push(")");
        }
        Some(Place::Title { folded, seq }) => {
            select.push(" AND (folded, seq)").push(beyond).arg(folded.as_str());
            select.push(", ").arg(*seq).push(")");
        }
    }
    select.push(match (order, descending) {
        (Order::Created, true) => " ORDER BY seq DESC",
        (Order::Created, false) => " ORDER BY seq",
        (Order::Updated, true) => " ORDER BY updated_ms DESC, seq DESC",
        (Order::Updated, false) => " ORDER BY updated_ms, seq",
        (Order::Title, true) => " ORDER BY folded DESC, seq DESC",
        (Order::Title, false) => " ORDER BY folded, seq",
    });
    select.push(" LIMIT ").arg(i64::from(limit));
    let mut placed: Vec<Placed> = select.all(connection).await?;
    channels::fill(connection, placed.iter_mut().map(|placed| &mut placed.key)).await?;
    Ok(placed)
}

/// How many keys meet `criteria` at the second `now`.
pub(crate) async fn count(
    connection: &mut Connection,
    criteria: &Criteria,
    now: u32,
) -> Result<u64, StoreError> {
    let mut select = Select::new("SELECT COUNT(*) AS many FROM api_keys WHERE ");
    let in_force = in_force_for(connection, criteria).await?;
    conditions(&mut select, criteria, &in_force, (Search::ToList, now));
    let rows = select.rows(connection).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(crate::store::row::number(row, "many")?)
}

/// The keys that meet `criteria` at the second `now` and won't be revoked by `at` anyway.
pub(crate) async fn to_revoke(
    connection: &mut Connection,
    criteria: &Criteria,
    at: u32,
    now: u32,
) -> Result<Vec<KeyRecord>, StoreError> {
    let mut select = Select::new("SELECT * FROM api_keys WHERE ");
    let in_force = in_force_for(connection, criteria).await?;
    conditions(&mut select, criteria, &in_force, (Search::ToAct, now));
    select.push(" AND (revoked_at IS NULL OR revoked_at > ").arg(i64::from(at));
    select.push(") ORDER BY seq");
    let mut keys: Vec<KeyRecord> = select.all(connection).await?;
    channels::fill(connection, &mut keys).await?;
    Ok(keys)
}

/// The records of admin keys; there are few.
pub(crate) async fn admins(connection: &mut Connection) -> Result<Vec<KeyRecord>, StoreError> {
    let sql = "SELECT * FROM api_keys WHERE purpose = 'admin' AND deleted_ms IS NULL ORDER BY seq";
    Select::new(sql).all(connection).await
}

/// How many keys in force at the second `now` a bulk entry covers: all of them, and the admin keys
/// among them.
pub(crate) async fn covered(
    connection: &mut Connection,
    entry: &BulkEntry,
    now: u32,
) -> Result<(usize, usize), StoreError> {
    let mut select = Select::new(
        "SELECT COUNT(*) AS many, COUNT(CASE WHEN purpose = 'admin' THEN 1 END) AS admins \
         FROM api_keys WHERE deleted_ms IS NULL AND (revoked_at IS NULL OR revoked_at > ",
    );
    select.arg(i64::from(now)).push(") AND (expires_at IS NULL OR expires_at > ");
    select.arg(i64::from(now)).push(")");
    match entry.scope {
        BulkScope::Owner(owner) => {
            select.push(" AND owner <> 0 AND owner = ").arg(i64::from(owner));
        }
        BulkScope::Kid(kid) => {
            select.push(" AND kid = ").arg(i64::from(kid));
        }
        BulkScope::Environment(environment) => {
            select.push(" AND environment = ").arg(environment.name());
        }
        BulkScope::Serials { first, last } => {
            select.push(" AND serial >= ").arg(serial_to_sql(first));
            select.push(" AND serial <= ").arg(serial_to_sql(last));
        }
    }
    select.push(" AND issued_at >= ").arg(i64::from(entry.issued.from));
    select.push(" AND issued_at < ").arg(i64::from(entry.issued.before));
    let rows = select.rows(connection).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok((crate::store::row::number(row, "many")?, crate::store::row::number(row, "admins")?))
}

/// The bulk entries in force, if the criteria depend on the state.
async fn in_force_for(
    connection: &mut Connection,
    criteria: &Criteria,
) -> Result<Vec<BulkRecord>, StoreError> {
    if criteria.state.is_some() { bulk::in_force(connection).await } else { Ok(Vec::new()) }
}

fn conditions(
    select: &mut Select,
    criteria: &Criteria,
    in_force: &[BulkRecord],
    (purpose, now): (Search, u32),
) {
    let equal = |select: &mut Select, sql: &'static str, arg: Option<Arg>| {
        if let Some(arg) = arg {
            select.push(sql).arg(arg);
        }
    };
    select.push("deleted_ms IS NULL");
    if let Some(q) = &criteria.q {
        search(select, q, purpose);
    }
    if !criteria.ids.is_empty() {
        select.push(" AND id IN (").args(criteria.ids.iter().map(String::as_str)).push(")");
    }
    if let Some(title) = &criteria.title {
        select.push(" AND folded = ").arg(title.to_lowercase());
        select.push(" AND title = ").arg(title.as_str());
    }
    equal(select, " AND token = ", criteria.token.as_deref().map(names::key_text).map(Arg::from));
    match (criteria.purpose, purpose) {
        // A change of many keys takes a canary only if it asks for canaries.
        (None, Search::ToAct) => select.push(" AND canary = 0"),
        (None, Search::ToList) => select,
        (Some(KeyPurpose::Token), _) => select.push(" AND purpose = 'token' AND canary = 0"),
        (Some(KeyPurpose::Admin), _) => select.push(" AND purpose = 'admin'"),
        (Some(KeyPurpose::Canary), _) => select.push(" AND canary = 1"),
    };
    equal(select, " AND kind = ", criteria.kind.map(|kind| kind.name().into()));
    let environment = criteria.environment.map(|environment| environment.name().into());
    equal(select, " AND environment = ", environment);
    // The second condition lets the database use the partial index.
    for (number, is, any) in [
        (criteria.owner, " AND owner = ", " AND owner <> 0"),
        (criteria.policy, " AND policy = ", " AND policy <> 0"),
    ] {
        equal(select, is, number.map(|number| i64::from(number).into()));
        if number.is_some_and(|number| number != 0) {
            select.push(any);
        }
    }
    if let Some(maker) = &criteria.maker {
        select.push(
            " AND id IN (WITH RECURSIVE made (id) AS (SELECT id FROM api_keys WHERE maker = ",
        );
        select.arg(maker.as_str()).push(
            " UNION SELECT next.id FROM api_keys next JOIN made ON next.maker = made.id) \
             SELECT id FROM made)",
        );
    }
    if let Some(channel) = &criteria.sales_channel {
        select.push(" AND id IN (SELECT key_id FROM sales_channels WHERE channel = ");
        select.arg(channel.as_str()).push(")");
    }
    let in_millis = |time: Time| Arg::from(millis(time));
    // Round up to whole seconds.
    let in_seconds =
        |time: Time| Arg::from(i64::try_from(time.millis().div_ceil(1000)).unwrap_or(i64::MAX));
    equal(select, " AND created_ms >= ", criteria.created.from.map(in_millis));
    equal(select, " AND created_ms < ", criteria.created.before.map(in_millis));
    equal(select, " AND updated_ms >= ", criteria.updated.from.map(in_millis));
    equal(select, " AND updated_ms < ", criteria.updated.before.map(in_millis));
    equal(select, " AND revoked_at >= ", criteria.revoked.from.map(in_seconds));
    equal(select, " AND revoked_at < ", criteria.revoked.before.map(in_seconds));
    if let Some(state) = criteria.state {
        // Few keys are in these two states by themselves, and indices find them.
        let bulk_suspended = in_force.iter().any(|bulk| bulk.entry.state == BulkState::Suspended);
        match state {
            KeyState::Suspended if !bulk_suspended => {
                select.push(" AND suspended_ms IS NOT NULL");
            }
            KeyState::Scheduled => {
                select.push(" AND revoked_at > ").arg(i64::from(now));
            }
            KeyState::Suspended | KeyState::Active | KeyState::Revoked | KeyState::Expired => {}
        }
        select.push(" AND ");
        push_state(select, in_force, now);
        select.push(" = ").arg(state.name());
    }
}

/// The purpose of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    /// To display the keys: in titles and redacted forms.
    ToList,
    /// To change all of them: in titles only.
    ToAct,
}

/// The redacted form that a search text is, if it is shaped like one.
pub(crate) fn as_redacted(q: &str) -> Option<String> {
    // Consoles display the stars as dots.
    let redacted = q.trim().replace("•••", "***");
    let (front, last) = redacted.split_once("***")?;
    let is_end = last.len() == 5 && last.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_end && Prefix::parse(front.as_bytes()).is_some()).then_some(redacted)
}

fn search(select: &mut Select, q: &str, purpose: Search) {
    let in_redacted = match purpose {
        // Every redacted form contains separators.
        Search::ToList => q.chars().any(char::is_alphanumeric),
        Search::ToAct => false,
    };
    if in_redacted && let Some(redacted) = as_redacted(q) {
        select.push(" AND redacted = ").arg(redacted);
        return;
    }
    let mut pattern = String::from("%");
    for character in q.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    select.push(r" AND (folded LIKE ").arg(pattern.as_str()).push(r" ESCAPE '\'");
    if in_redacted {
        select.push(r" OR lower(redacted) LIKE ").arg(pattern).push(r" ESCAPE '\'");
    }
    select.push(")");
}
