//! Builds statements with conditional parts.

use sqlx::any::AnyRow;
use sqlx::query::{Query, QueryAs};
use sqlx::{Any, AssertSqlSafe, FromRow};

use crate::store::Connection;
use crate::store::error::StoreError;

/// A statement under construction. Its text is constant parts only; arguments are bound separately.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    sql: String,
    args: Vec<Arg>,
}

/// An argument that both databases accept.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    Number(i64),
    Text(String),
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// The most rows that one statement adds: few enough to parse quickly, enough to share the
/// statement's overhead.
pub(crate) const ROWS: usize = 100;

/// The most ids in one statement.
pub(crate) const CHUNK: usize = 100;

/// A statement that adds `rows` rows of `columns` columns to `table`, which lists the columns.
///
/// SQLite searches all placeholder names for each placeholder. With a thousand of them this takes
/// longer than inserting the rows, so SQLite gets unnamed ones.
pub(crate) fn insert_sql(
    connection: &Connection,
    table: &'static str,
    columns: usize,
    rows: usize,
) -> String {
    let named = connection.backend_name() != "SQLite";
    use std::fmt::Write as _;
    let mut sql = format!("INSERT INTO {table} VALUES ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=columns {
            let comma = if column == 1 { "" } else { ", " };
            // Writing to a string can't fail.
            let _ = if named {
                write!(sql, "{comma}${}", row * columns + column)
            } else {
                write!(sql, "{comma}?")
            };
        }
        sql.push(')');
    }
    sql
}

impl Select {
    pub(crate) fn new(sql: &'static str) -> Self {
        Self { sql: sql.into(), args: Vec::new() }
    }

    /// Appends constant SQL; `'static` keeps out user input.
    pub(crate) fn push(&mut self, sql: &'static str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Appends a placeholder and its argument.
    pub(crate) fn arg(&mut self, arg: impl Into<Arg>) -> &mut Self {
        self.args.push(arg.into());
        self.sql.push_str(&format!("${}", self.args.len()));
        self
    }

    /// Appends a placeholder and its argument, or NULL.
    pub(crate) fn maybe(&mut self, arg: Option<impl Into<Arg>>) -> &mut Self {
        match arg {
            Some(arg) => self.arg(arg),
            None => self.push("NULL"),
        }
    }

    /// Appends placeholders for several arguments, separated by commas.
    pub(crate) fn args<A: Into<Arg>>(&mut self, args: impl IntoIterator<Item = A>) -> &mut Self {
        for (index, arg) in args.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.arg(arg);
        }
        self
    }

    /// All rows, as records.
    pub(crate) async fn all<T>(self, connection: &mut Connection) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        let query: QueryAs<'_, Any, T, _> = sqlx::query_as(AssertSqlSafe(self.sql));
        let query = self.args.into_iter().fold(query, |query, arg| match arg {
            Arg::Number(number) => query.bind(number),
            Arg::Text(text) => query.bind(text),
        });
        Ok(query.fetch_all(connection).await?)
    }

    /// All rows.
    pub(crate) async fn rows(self, connection: &mut Connection) -> Result<Vec<AnyRow>, StoreError> {
        Ok(self.query().fetch_all(connection).await?)
    }

    /// Runs the statement and returns the number of rows changed.
    pub(crate) async fn execute(self, connection: &mut Connection) -> Result<u64, StoreError> {
        Ok(self.query().execute(connection).await?.rows_affected())
    }

    fn query(self) -> Query<'static, Any, <Any as sqlx::Database>::Arguments> {
        let query = sqlx::query(AssertSqlSafe(self.sql));
        self.args.into_iter().fold(query, |query, arg| match arg {
            Arg::Number(number) => query.bind(number),
            Arg::Text(text) => query.bind(text),
        })
    }
}
