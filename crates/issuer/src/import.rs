//! Reads files of records from another system: CSV with a header, or JSON lines.
//!
//! An unusable line is reported by its number and doesn't affect the others.

use portcullis_core::crypto::Digest;
use portcullis_core::token::{Environment, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::actions::{Expiry, ImportLine, Imported, Minted, NewKey, When};
use crate::error::Error;
use crate::issuer::Issuer;
use crate::names;
use crate::time_format::parse_rfc3339;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with column names in the first line (RFC 4180).
    Csv,
    /// One JSON object per line.
    Jsonl,
}

/// The columns of a CSV file, and the fields of a JSON object.
pub const FIELDS: [&str; 13] = [
    "external_id",
    "title",
    "kind",
    "environment",
    "algorithm",
    "label",
    "owner",
    "policy",
    "expires_at",
    "never_expires",
    "metadata",
    "sales_channels",
    "created_by",
];

/// What a cell of a CSV file says for "no label".
const NO_LABEL: &str = "-";

/// A record as read from a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    external_id: Option<String>,
    title: String,
    kind: Option<String>,
    environment: Option<String>,
    algorithm: Option<String>,
    label: Option<String>,
    #[serde(default)]
    owner: u32,
    #[serde(default)]
    policy: u32,
    expires_at: Option<String>,
    #[serde(default)]
    never_expires: bool,
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(default)]
    sales_channels: Vec<String>,
    created_by: Option<String>,
}

impl Row {
    fn new_key(self, by: Option<&str>) -> Result<(Option<String>, NewKey), Error> {
        fn named<T>(
            text: Option<String>,
            field: &'static str,
            reason: &'static str,
            read: impl Fn(&str) -> Option<T>,
        ) -> Result<Option<T>, Error> {
            text.map(|text| read(&text).ok_or(Error::Invalid { field, reason })).transpose()
        }
        // Parse the optional names; a missing one gets its default below.
        let reason = "must be secret or publishable";
        let kind = named(self.kind, "kind", reason, |name| name.parse().ok())?;
        let reason = "must be live or test";
        let environment = named(self.environment, "environment", reason, |name| name.parse().ok())?;
        let reason = "must be ed25519 or hmac-sha256-128";
        let algorithm = named(self.algorithm, "algorithm", reason, names::algorithm)?;
        let reason = "must be a time such as 2030-01-31T12:00:00Z (RFC 3339)";
        let expires = named(self.expires_at, "expires_at", reason, parse_rfc3339)?;
        let new = NewKey {
            kind: kind.unwrap_or(Kind::Secret),
            environment: environment.unwrap_or(Environment::Live),
            algorithm,
            label: self.label.as_deref().map(names::label).transpose()?,
            metadata: self.metadata,
            owner: self.owner,
            policy: self.policy,
            sales_channels: self.sales_channels,
            expires: match (expires, self.never_expires) {
                (Some(_), true) => {
                    let reason = "and `expires_at` exclude each other";
                    return Err(Error::Invalid { field: "never_expires", reason });
                }
                (None, true) => Expiry::Never,
                (end, false) => end.map(When::At).into(),
            },
            created_by: self.created_by.or_else(|| by.map(Into::into)),
            ..NewKey::titled(&self.title)
        };
        Ok((self.external_id, new))
    }
}

/// A line of a file.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// The record, or the fault.
    pub record: Result<ImportLine, String>,
}

/// Reads a file line by line.
#[derive(Debug)]
pub struct Reader<'f> {
    rows: Rows<'f>,
    /// Identifies the file in the ids of lines without one.
    file: String,
    by: Option<String>,
}

#[derive(Debug)]
enum Rows<'f> {
    Csv { reader: Box<csv::Reader<&'f [u8]>>, columns: Vec<&'static str> },
    Jsonl { rest: &'f [u8], number: u64 },
}

impl<'f> Reader<'f> {
    /// A reader of `file`. `by` is the default for records that don't name a maker.
    ///
    /// # Errors
    /// The fault in the header of a CSV file.
    pub fn new(format: Format, file: &'f [u8], by: Option<&str>) -> Result<Self, String> {
        let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
        let rows = match format {
            Format::Jsonl => Rows::Jsonl { rest: file, number: 0 },
            Format::Csv => csv_rows(file)?,
        };
        let digest = Digest::of(file).to_string();
        let digest = digest.get(..16).unwrap_or_default();
        Ok(Self { rows, file: format!("#{digest}"), by: by.map(Into::into) })
    }

    fn line(&self, number: u64, row: Result<Row, String>) -> Line {
        let record = row.and_then(|row| {
            let (external_id, new) =
                row.new_key(self.by.as_deref()).map_err(|error| error.to_string())?;
            let external_id = external_id.unwrap_or_else(|| format!("{}:{number}", self.file));
            let line = ImportLine { external_id, new };
            line.check().map_err(|error| error.to_string())?;
            Ok(line)
        });
        Line { number, record }
    }
}

fn csv_rows(file: &[u8]) -> Result<Rows<'_>, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let heading = reader.headers().map_err(|_| "the heading is no CSV".to_owned())?;
    let column = |name: &str| {
        let known = FIELDS.into_iter().find(|field| *field == name.trim());
        known.ok_or_else(|| format!("the heading names an unknown column; known are {FIELDS:?}"))
    };
    let columns: Vec<&'static str> = heading.iter().map(column).collect::<Result<_, _>>()?;
    if !columns.contains(&"title") {
        return Err("the heading names no column `title`".into());
    }
    Ok(Rows::Csv { reader: Box::new(reader), columns })
}

impl Iterator for Reader<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let (number, row) = match &mut self.rows {
            Rows::Csv { reader, columns } => {
                let before = reader.position().line();
                let mut record = csv::StringRecord::new();
                match reader.read_record(&mut record) {
                    Ok(false) => return None,
                    Ok(true) => {
                        let number = record.position().map_or(before, csv::Position::line);
                        (number, csv_row(columns, &record))
                    }
                    Err(_) => (before, Err("the line is no CSV in UTF-8".into())),
                }
            }
            Rows::Jsonl { rest, number } => loop {
                if rest.is_empty() {
                    return None;
                }
                let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                let (line, behind) = rest.split_at(end);
                *rest = behind.get(1..).unwrap_or_default();
                *number += 1;
                if !line.trim_ascii().is_empty() {
                    let row = serde_json::from_slice(line).map_err(|error| json_detail(&error));
                    break (*number, row);
                }
            },
        };
        Some(self.line(number, row))
    }
}

fn csv_row(columns: &[&'static str], record: &csv::StringRecord) -> Result<Row, String> {
    if record.len() != columns.len() {
        return Err(format!("there are {} fields, not {}", record.len(), columns.len()));
    }
    let mut row = Row::default();
    for (column, text) in columns.iter().zip(record) {
        // An empty field counts as missing.
        if text.is_empty() {
            continue;
        }
        let some = Some(text.to_owned());
        let number = || text.parse().map_err(|_| format!("`{column}` must be a number"));
        match *column {
            "external_id" => row.external_id = some,
            "title" => row.title = text.into(),
            "kind" => row.kind = some,
            "environment" => row.environment = some,
            "algorithm" => row.algorithm = some,
            // An empty cell says nothing, as in every column.
            "label" => row.label = some.filter(|text| text != NO_LABEL).or(Some(String::new())),
            "owner" => row.owner = number()?,
            "policy" => row.policy = number()?,
            "expires_at" => row.expires_at = some,
            "never_expires" => {
                let never = text.parse();
                row.never_expires =
                    never.map_err(|_| "`never_expires` must be true or false".to_owned())?;
            }
            "metadata" => {
                let object = serde_json::from_str(text);
                row.metadata = object.map_err(|_| "`metadata` must be a JSON object".to_owned())?;
            }
            "sales_channels" => {
                row.sales_channels = text.split(';').map(|channel| channel.trim().into()).collect();
            }
            _ => row.created_by = some,
        }
    }
    Ok(row)
}

/// The fault in a JSON text, without any of its values: one of them may be a key.
#[must_use]
pub fn json_detail(error: &serde_json::Error) -> String {
    if error.classify() != serde_json::error::Category::Data {
        return "is not JSON".into();
    }
    let message = error.to_string();
    let about_a_name =
        ["unknown field `", "missing field `", "duplicate field `", "unknown variant `"];
    let named = about_a_name.iter().any(|front| message.starts_with(front));
    let without_place = message.split(" at line ").next().unwrap_or_default();
    if named && without_place.len() <= 300 {
        without_place.to_owned()
    } else {
        "a field holds a value of the wrong type or range".to_owned()
    }
}

/// What has become of a line.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LineView<'l> {
    /// Its number.
    pub line: u64,
    /// `made`; `before` if an earlier import created the key; `deleted` if that key was deleted
    /// since; `bad` if the line is invalid.
    pub status: &'static str,
    /// The id in the other system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<&'l str>,
    /// The key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'l str>,
    /// The key's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<&'l str>,
    /// What is wrong with the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'l str>,
}

/// A line and its result.
#[derive(Debug)]
pub struct Done {
    line: u64,
    external_id: Option<String>,
    result: Result<Imported, String>,
}

impl Done {
    /// The line as the API shows it.
    #[must_use]
    pub fn view(&self) -> LineView<'_> {
        let (status, minted, id, error): (_, Option<&Minted>, _, _) = match &self.result {
            Ok(Imported::Made(minted)) => ("made", Some(minted), None, None),
            Ok(Imported::Before(minted)) => ("before", Some(minted), None, None),
            Ok(Imported::Deleted(id)) => ("deleted", None, Some(id.as_str()), None),
            Err(error) => ("bad", None, None, Some(error.as_str())),
        };
        LineView {
            line: self.line,
            status,
            external_id: self.external_id.as_deref(),
            id: minted.map(|minted| minted.record.id.as_str()).or(id),
            token: minted.map(|minted| minted.token.as_str()),
            error,
        }
    }

    /// The same as a line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::json!(self.view()).to_string()
    }
}

/// Imports lines in one transaction. If one of them fails, imports them one by one, so that only
/// the faulty ones are reported.
///
/// # Errors
/// The store's, and errors that affect every line.
pub async fn import(issuer: &Issuer, lines: Vec<Line>) -> Result<Vec<Done>, Error> {
    let good: Vec<ImportLine> =
        lines.iter().filter_map(|line| line.record.as_ref().ok()).cloned().collect();
    let mut results = Vec::with_capacity(good.len());
    match issuer.keys().import(&good).await {
        Ok(imported) => results.extend(imported.into_iter().map(Ok)),
        Err(error) if is_of_line(&error) => {
            for line in &good {
                match issuer.keys().import(std::slice::from_ref(line)).await {
                    Ok(imported) => results.extend(imported.into_iter().map(Ok)),
                    Err(error) if is_of_line(&error) => results.push(Err(error.to_string())),
                    Err(error) => return Err(error),
                }
            }
        }
        Err(error) => return Err(error),
    }
    let mut results = results.into_iter();
    let done = lines.into_iter().map(|line| match line.record {
        Ok(record) => {
            let result = results.next().ok_or(Error::SelfCheck)?;
            Ok(Done { line: line.number, external_id: Some(record.external_id), result })
        }
        Err(error) => Ok(Done { line: line.number, external_id: None, result: Err(error) }),
    });
    done.collect()
}

/// Whether an error concerns only one line.
fn is_of_line(error: &Error) -> bool {
    matches!(
        error,
        Error::Invalid { .. }
            | Error::NoSigner
            | Error::LabelNotListed { .. }
            | Error::LifetimeTooLong { .. }
            | Error::ExpiryRequired { .. }
            | Error::OwnerRequired { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A line's number, and its id and title, or the fault.
    type Told = (u64, Result<(String, String), String>);

    fn read(format: Format, file: &str) -> Vec<Told> {
        let reader = Reader::new(format, file.as_bytes(), Some("me")).unwrap();
        let lines = reader.map(|line| {
            (line.number, line.record.map(|record| (record.external_id, record.new.title)))
        });
        lines.collect()
    }

    #[test]
    fn lines_are_told_apart_by_their_numbers() {
        let file = "title,external_id,sales_channels,metadata\n\
                    \"A \"\"shop\"\"\",1,,\nB,2,web,{}\nC,3\n\"D\nd\",4,,\nE,5,,{\nF,6,,\"{\"\"a\"\":1}\"\n";
        let lines = read(Format::Csv, file);
        let good = |id: &str, title: &str| Ok((id.to_owned(), title.to_owned()));
        assert_eq!(lines[0], (2, good("1", "A \"shop\"")));
        assert_eq!(lines[1].0, 3);
        assert!(lines[1].1.as_ref().unwrap_err().contains("publishable"));
        assert_eq!(lines[2], (4, Err("there are 2 fields, not 4".into())));
        assert!(lines[3].1.as_ref().unwrap_err().contains("control characters"));
        assert_eq!(lines[4], (7, Err("`metadata` must be a JSON object".into())));
        assert_eq!(lines[5], (8, good("6", "F")));

        let file = "{\"title\":\"A\",\"external_id\":\"1\"}\n\n{\"title\":1}\n{\"colour\":1}\n{\n";
        let lines = read(Format::Jsonl, file);
        assert_eq!(lines[0], (1, good("1", "A")));
        assert_eq!(lines[1], (3, Err("a field holds a value of the wrong type or range".into())));
        assert!(lines[2].1.as_ref().unwrap_err().starts_with("unknown field `colour`"));
        assert_eq!(lines[3], (5, Err("is not JSON".into())));
        for bad in ["colour\n", "owner\n1\n", ""] {
            assert!(Reader::new(Format::Csv, bad.as_bytes(), Some("me")).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_line_without_an_id_is_known_by_its_file_and_number() {
        let ids = |file: &str| read(Format::Jsonl, file).remove(0).1.unwrap().0;
        let one = ids("{\"title\":\"A\"}\n");
        assert_eq!(one, ids("{\"title\":\"A\"}\n"));
        assert_ne!(one, ids("{\"title\":\"A\"}\n{\"title\":\"B\"}\n"));
        assert!(one.ends_with(":1"));
    }

    proptest! {
        #[test]
        fn any_file_is_read_to_its_end(file: Vec<u8>) {
            for format in [Format::Csv, Format::Jsonl] {
                if let Ok(reader) = Reader::new(format, &file, Some("me")) {
                    prop_assert!(reader.count() <= file.len());
                }
            }
        }
    }
}
