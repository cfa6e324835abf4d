//! A report of uses, as the body of `POST /v1/usage` and as a message of a queue.

use serde_json::json;

/// The most keys that the issuer takes at once.
pub(crate) const MAX_USES: usize = 1_000;

/// Why a message isn't a report of uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It doesn't have the form of a report.
    #[error("a message on the queue is no report of uses; look for who else sends to it")]
    Form,
    /// One of its names isn't a key's public name.
    #[error("a report on the queue names what is no key")]
    Key,
    /// It is longer than a gate's reports.
    #[error("a report on the queue names more keys than a gate reports at once")]
    TooMany,
}

impl MessageError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "message_form",
            Self::Key => "message_key",
            Self::TooMany => "message_too_many",
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    uses: Vec<Line>,
}

/// How often a key was used, and the time of the last use, in seconds since 1970.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) key: String,
    pub(crate) uses: u32,
    pub(crate) last_used_at: u32,
}

/// Writes a report from public names, uses, and times of last use.
pub(crate) fn body(lines: impl Iterator<Item = (String, u32, u32)>) -> String {
    let uses = lines.map(|(key, uses, last_used_at)| {
        json!({ "key": key, "uses": uses, "last_used_at": last_used_at })
    });
    json!({ "uses": uses.collect::<Vec<_>>() }).to_string()
}

/// Reads a report of untrusted origin.
pub(crate) fn read(text: &str) -> Result<Vec<Line>, MessageError> {
    let Report { uses } = serde_json::from_str(text).map_err(|_| MessageError::Form)?;
    if uses.len() > MAX_USES {
        return Err(MessageError::TooMany);
    }
    if uses.iter().any(|line| !is_name(&line.key)) {
        return Err(MessageError::Key);
    }
    Ok(uses)
}

/// Whether a text is spelled as a public name.
fn is_name(text: &str) -> bool {
    let rest = text.strip_prefix("apk_").unwrap_or_default();
    rest.len() == 22 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
