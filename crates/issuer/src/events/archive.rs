//! Exports: events as JSON lines, in files that verify without the database.

use std::path::{Path, PathBuf};

use portcullis_core::crypto::IssuerId;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files::FileError;
use crate::files::{Privacy, write_atomic};
use crate::store::events::EventRecord;

/// A line of an export. `data` is the text as written, because the digest covers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportLine {
    pub(super) id: i64,
    pub(super) at_ms: i64,
    pub(super) r#type: String,
    pub(super) key_id: Option<String>,
    pub(super) actor: Option<String>,
    /// Missing in lines that predate principals; their `actor` is the name that the caller gave.
    #[serde(default, deserialize_with = "given")]
    pub(super) on_behalf_of: Option<Option<String>>,
    pub(super) data: String,
    pub(super) digest: String,
}

/// Distinguishes a null field from a missing one.
fn given<'de, D>(deserializer: D) -> Result<Option<Option<String>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

impl From<&EventRecord> for ExportLine {
    fn from(event: &EventRecord) -> Self {
        Self {
            id: event.id,
            at_ms: event.at_ms,
            r#type: event.event.clone(),
            key_id: event.key_id.clone(),
            actor: event.actor.clone(),
            on_behalf_of: Some(event.on_behalf_of.clone()),
            data: event.data.clone(),
            digest: event.digest.to_string(),
        }
    }
}

/// Writes events to a file of their own in `folder`. The file is synced when this returns.
///
/// File names sort in the order of the events. A name contains the issuer and the start of the last
/// event's digest. So a file with the same name has the same events, and files of another issuer,
/// or of this one before a backup was restored, are never replaced.
pub(super) fn write(
    folder: &Path,
    issuer: IssuerId,
    events: &[EventRecord],
) -> Result<PathBuf, Error> {
    let (first, last) = (events.first().map_or(0, |event| event.id), events.last());
    let digest = last.map(|event| event.digest.to_string()).unwrap_or_default();
    let digest = digest.get(..16).unwrap_or_default();
    let last = last.map_or(0, |event| event.id);
    let path = folder.join(format!("trail-{issuer}-{first:019}-{last:019}-{digest}.jsonl"));
    let failed = |source| FileError::Io { path: path.clone(), source };
    let mut bytes = Vec::new();
    for event in events {
        serde_json::to_writer(&mut bytes, &ExportLine::from(event))
            .map_err(|error| failed(error.into()))?;
        bytes.push(b'\n');
    }
    write_atomic(&path, &bytes, Privacy::Secret)?;
    Ok(path)
}
