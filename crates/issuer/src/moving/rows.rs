//! Rows as either database returns them, and their encodings for `COPY` and for a digest.

use std::fmt::Write as _;

use portcullis_core::crypto::Digest;
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::tables::{Kind, Table};
use crate::conceal::concealed;
use crate::error::Error;

/// The most characters of a key in an error.
const SHOWN: usize = 64;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Decodes a row's values, in the order of the column names.
pub(super) fn read(table: &Table, row: &AnyRow) -> Result<Vec<Value>, Error> {
    let values = table.columns.values().enumerate().map(|(at, kind)| {
        Ok(match kind {
            Kind::Number => row.try_get::<Option<i64>, _>(at)?.map(Value::Number),
            Kind::Text => row.try_get::<Option<String>, _>(at)?.map(Value::Text),
            Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(at)?.map(Value::Bytes),
        }
        .unwrap_or(Value::Null))
    });
    Ok(values.collect::<sqlx::Result<_>>()?)
}

/// A row's key, for an error.
pub(super) fn key(table: &Table, row: &[Value]) -> String {
    let of = |name: &String| {
        let value = table.columns.keys().position(|column| column == name);
        let text = match value.and_then(|at| row.get(at)) {
            None | Some(Value::Null) => "null".into(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Text(text)) => concealed(text).chars().take(SHOWN).collect(),
            Some(Value::Bytes(bytes)) => hex(bytes).chars().take(SHOWN).collect(),
        };
        format!("{name} {text:?}")
    };
    table.key.iter().map(of).collect::<Vec<_>>().join(", ")
}

/// Appends a row in the format of `COPY … FROM STDIN`. Returns whether PostgreSQL accepts it.
pub(super) fn append(line: &mut String, row: &[Value]) -> bool {
    for (at, value) in row.iter().enumerate() {
        if at > 0 {
            line.push('\t');
        }
        match value {
            Value::Null => line.push_str("\\N"),
            // Writing to a string can't fail.
            Value::Number(number) => {
                let _ = write!(line, "{number}");
            }
            Value::Bytes(bytes) => {
                line.push_str("\\\\x");
                line.push_str(&hex(bytes));
            }
            Value::Text(text) => {
                for sign in text.chars() {
                    match sign {
                        '\0' => return false,
                        '\\' => line.push_str("\\\\"),
                        '\n' => line.push_str("\\n"),
                        '\r' => line.push_str("\\r"),
                        '\t' => line.push_str("\\t"),
                        sign => line.push(sign),
                    }
                }
            }
        }
    }
    line.push('\n');
    true
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A digest of rows in key order.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) count: u64,
    hash: Sha256,
}

impl Rows {
    /// Adds each value with its type and length, so that different rows never have the same
    /// encoding.
    pub(super) fn add(&mut self, row: &[Value]) {
        self.count += 1;
        for value in row {
            let (kind, bytes): (u8, &[u8]) = match value {
                Value::Null => (0, &[]),
                Value::Number(number) => (1, &number.to_be_bytes()),
                Value::Text(text) => (2, text.as_bytes()),
                Value::Bytes(bytes) => (3, bytes),
            };
            self.hash.update([kind]);
            self.hash.update((bytes.len() as u64).to_be_bytes());
            self.hash.update(bytes);
        }
    }

    pub(super) fn digest(self) -> Digest {
        Digest(self.hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_written_as_copy_reads_it() {
        let mut line = String::new();
        let row = [
            Value::Null,
            Value::Number(-7),
            Value::Text("a\\N\tb\r\nc".into()),
            Value::Bytes(vec![0, 0xAB]),
        ];
        assert!(append(&mut line, &row));
        assert_eq!(line, "\\N\t-7\ta\\\\N\\tb\\r\\nc\t\\\\x00ab\n");
        assert!(!append(&mut line, &[Value::Text("\0".into())]));
    }

    #[test]
    fn no_two_rows_have_one_digest() {
        let digest = |rows: &[&[Value]]| {
            let mut all = Rows::default();
            rows.iter().for_each(|row| all.add(row));
            all.digest()
        };
        let text = |text: &str| Value::Text(text.into());
        let all = [
            digest(&[&[text("a"), text("b")]]),
            digest(&[&[text("ab"), text("")]]),
            digest(&[&[text(""), Value::Null]]),
            digest(&[&[Value::Null, text("")]]),
            digest(&[&[Value::Bytes(b"a".to_vec()), text("b")]]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one));
        }
    }
}
