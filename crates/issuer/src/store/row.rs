//! Reads columns from either database: 64-bit numbers, texts and bytes.

use sqlx::Row as _;
use sqlx::any::AnyRow;

/// A number.
pub(crate) fn number<T: TryFrom<i64>>(row: &AnyRow, column: &'static str) -> sqlx::Result<T> {
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|_| no_value(column))
}

/// An optional number.
pub(crate) fn maybe<T: TryFrom<i64>>(
    row: &AnyRow,
    column: &'static str,
) -> sqlx::Result<Option<T>> {
    let number: Option<i64> = row.try_get(column)?;
    number.map(|number| T::try_from(number).map_err(|_| no_value(column))).transpose()
}

/// A text that names one of several values.
pub(crate) fn named<T>(
    row: &AnyRow,
    column: &'static str,
    from_name: impl Fn(&str) -> Option<T>,
) -> sqlx::Result<T> {
    let name: String = row.try_get(column)?;
    from_name(&name).ok_or_else(|| no_value(column))
}

/// Bytes.
pub(crate) fn bytes(row: &AnyRow, column: &'static str) -> sqlx::Result<Vec<u8>> {
    row.try_get(column)
}

/// The column holds a value that we never write: the database was altered.
pub(crate) fn no_value(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the column {column} holds a value that is none").into())
}
