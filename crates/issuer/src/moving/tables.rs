//! The tables of an issuer, as listed by the databases, so that new tables are moved without
//! changes here.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Row as _};

use super::MoveError;
use crate::error::Error;
use crate::store::Connection;

/// Tables that aren't moved: the record of migrations, and the move's mark.
const NOT_MOVED: &str = "('_sqlx_migrations', 'moves')";

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    Bytes,
}

/// A table, in either database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: BTreeMap<String, Kind>,
    /// The columns of the primary key, in order.
    pub(super) key: Vec<String>,
    /// The tables that its rows reference.
    refers_to: BTreeSet<String>,
}

/// One of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Target,
}

impl Table {
    /// A query for its rows in key order. For SQLite, it skips the first `$1` rows.
    pub(super) fn select(&self, side: Side) -> String {
        let columns = self.columns.iter().map(|(name, kind)| match (side, kind) {
            (Side::Target, Kind::Number) => format!("\"{name}\"::BIGINT"),
            _ => format!("\"{name}\""),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        // Make both databases sort by bytes.
        let key = self.key.iter().map(|name| match (side, self.columns.get(name)) {
            (Side::Target, Some(Kind::Text)) => format!("\"{name}\" COLLATE \"C\""),
            _ => format!("\"{name}\""),
        });
        let key = key.collect::<Vec<_>>().join(", ");
        let name = &self.name;
        let rest = if side == Side::Source { " LIMIT -1 OFFSET $1" } else { "" };
        format!("SELECT {columns} FROM \"{name}\" ORDER BY {key}{rest}")
    }

    /// The number of its rows.
    pub(super) async fn count(&self, connection: &mut Connection) -> Result<u64, Error> {
        let sql = format!("SELECT COUNT(*) FROM \"{}\"", self.name);
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(connection).await?;
        let count: i64 = row.try_get(0)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

/// The tables of a SQLite database, referenced tables first.
pub(super) async fn of_source(connection: &mut Connection) -> Result<Vec<Table>, Error> {
    let names = texts(
        connection,
        format!(
            "SELECT name FROM sqlite_master WHERE type = 'table' \
             AND substr(name, 1, 7) <> 'sqlite_' AND name NOT IN {NOT_MOVED} ORDER BY name"
        ),
    )
    .await?;
    let mut tables = Vec::new();
    for name in names {
        let sql = "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY pk, name";
        let (mut columns, mut key) = (BTreeMap::new(), Vec::new());
        for row in sqlx::query(sql).bind(&name).fetch_all(&mut *connection).await? {
            let (column, kind): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let place: i64 = row.try_get(2)?;
            if place > 0 {
                key.push(column.clone());
            }
            columns.insert(column.clone(), kind_of(&name, &column, &kind)?);
        }
        let refers_to = texts(
            connection,
            format!("SELECT DISTINCT \"table\" FROM pragma_foreign_key_list('{name}')"),
        );
        let refers_to = refers_to.await?.into_iter().collect();
        tables.push(Table { name, columns, key, refers_to });
    }
    in_order(tables)
}

/// The tables of a PostgreSQL database, in the same order.
pub(super) async fn of_target(connection: &mut Connection) -> Result<Vec<Table>, Error> {
    let names = texts(
        connection,
        format!(
            "SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'portcullis' \
             AND tablename NOT IN {NOT_MOVED} ORDER BY tablename::TEXT COLLATE \"C\""
        ),
    )
    .await?;
    let mut tables = Vec::new();
    for name in names {
        let sql = "SELECT a.attname::TEXT, t.typname::TEXT, \
                   COALESCE(array_position(i.indkey::INT[], a.attnum::INT), -1)::BIGINT \
                   FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
                   LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
                   WHERE a.attrelid = format('portcullis.%I', $1::TEXT)::REGCLASS AND a.attnum > 0 \
                   AND NOT a.attisdropped ORDER BY 3, 1";
        // A place of -1 means that the column isn't in the primary key.
        let (mut columns, mut key) = (BTreeMap::new(), Vec::new());
        for row in sqlx::query(sql).bind(&name).fetch_all(&mut *connection).await? {
            let (column, kind): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let place: i64 = row.try_get(2)?;
            if place >= 0 {
                key.push(column.clone());
            }
            columns.insert(column.clone(), kind_of(&name, &column, &kind)?);
        }
        let refers_to = texts(
            connection,
            format!(
                "SELECT DISTINCT c.relname::TEXT FROM pg_constraint f \
                 JOIN pg_class c ON c.oid = f.confrelid WHERE f.contype = 'f' \
                 AND f.conrelid = 'portcullis.\"{name}\"'::REGCLASS"
            ),
        );
        let refers_to = refers_to.await?.into_iter().collect();
        tables.push(Table { name, columns, key, refers_to });
    }
    in_order(tables)
}

/// Refuses databases with different tables.
pub(super) fn check_same(source: &[Table], target: &[Table]) -> Result<(), MoveError> {
    for table in source {
        match target.iter().find(|other| other.name == table.name) {
            None => return Err(fault(format!("PostgreSQL lacks `{}`", table.name))),
            Some(other) if other != table => {
                return Err(fault(format!("`{}` is another table there", table.name)));
            }
            Some(_) => {}
        }
    }
    let more = target.iter().find(|table| !source.iter().any(|other| other.name == table.name));
    more.map_or(Ok(()), |table| Err(fault(format!("SQLite lacks `{}`", table.name))))
}

/// The columns with generated row numbers, and the last number of each.
pub(super) async fn sequences(
    source: &mut Connection,
    target: &mut Connection,
) -> Result<Vec<Sequence>, Error> {
    let sql = "SELECT c.relname::TEXT, a.attname::TEXT, \
               pg_get_serial_sequence(format('portcullis.%I', c.relname), a.attname) \
               FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
               WHERE c.relnamespace = 'portcullis'::REGNAMESPACE AND a.attidentity <> '' \
               AND c.relkind = 'r' ORDER BY 1";
    let mut sequences = Vec::new();
    for row in sqlx::query(sql).fetch_all(target).await? {
        let (table, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let sql = format!(
            "SELECT MAX(COALESCE((SELECT MAX(\"{column}\") FROM \"{table}\"), 0), \
             COALESCE((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0))"
        );
        let last: i64 =
            sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *source).await?.try_get(0)?;
        sequences.push(Sequence { table, name: row.try_get(2)?, last });
    }
    Ok(sequences)
}

/// The generator of a table's row numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) table: String,
    /// The sequence's name in PostgreSQL.
    pub(super) name: String,
    /// The last number generated; 0 if none.
    pub(super) last: i64,
}

fn kind_of(table: &str, column: &str, kind: &str) -> Result<Kind, MoveError> {
    match kind {
        "INTEGER" | "int8" | "int4" => Ok(Kind::Number),
        "TEXT" | "text" => Ok(Kind::Text),
        "BLOB" | "bytea" => Ok(Kind::Bytes),
        _ => Err(fault(format!("`{table}.{column}` is of the type {kind}"))),
    }
}

/// Sorts referenced tables first, and otherwise by name.
fn in_order(mut rest: Vec<Table>) -> Result<Vec<Table>, Error> {
    let mut done: Vec<Table> = Vec::new();
    while !rest.is_empty() {
        let is_next = |table: &Table| {
            let is_there = |name: &String| done.iter().any(|table| table.name == *name);
            table.refers_to.iter().all(|name| *name == table.name || is_there(name))
        };
        let Some(at) = rest.iter().position(is_next) else {
            return Err(fault("some refer to one another in a circle".into()).into());
        };
        let next = rest.remove(at);
        if next.key.is_empty() {
            return Err(fault(format!("`{}` has no primary key", next.name)).into());
        }
        done.push(next);
    }
    Ok(done)
}

fn fault(what: String) -> MoveError {
    MoveError::Tables(what)
}

async fn texts(connection: &mut Connection, sql: String) -> Result<Vec<String>, Error> {
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, refers_to: &[&str]) -> Table {
        Table {
            name: name.into(),
            columns: BTreeMap::from([("id".into(), Kind::Number)]),
            key: vec!["id".into()],
            refers_to: refers_to.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_referred_to_comes_first() {
        let tables =
            vec![table("a", &["c"]), table("b", &["b"]), table("c", &["d"]), table("d", &[])];
        let order: Vec<String> =
            in_order(tables).unwrap().into_iter().map(|table| table.name).collect();
        assert_eq!(order, ["b", "d", "c", "a"]);
        let circle = in_order(vec![table("a", &["b"]), table("b", &["a"])]).unwrap_err();
        assert!(circle.chain().contains("circle"), "{}", circle.chain());
    }

    #[test]
    fn tables_that_differ_are_refused() {
        let (a, b) = (table("a", &[]), table("b", &[]));
        let mut other = a.clone();
        other.columns.insert("more".into(), Kind::Text);
        let both = [a.clone(), b.clone()];
        check_same(&both, &both).unwrap();
        for (source, target) in [(&both[..], &both[..1]), (&both[..1], &both[..])] {
            check_same(source, target).unwrap_err();
        }
        check_same(&[a], &[other]).unwrap_err();
    }
}
