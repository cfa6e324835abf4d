//! A report of uses, as the body of `POST /v1/usage` and as a message of a queue.

use core::net::IpAddr;

/// The most keys that the issuer takes at once.
pub(crate) const MAX_USES: usize = 1_000;
/// The most canaries that the issuer takes at once.
pub(crate) const MAX_CANARIES: usize = 100;

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

/// What a report holds: uses of keys, and of canaries.
#[derive(Default, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lines {
    pub(crate) uses: Vec<Line>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) canaries: Vec<CanaryLine>,
}

/// How often a key was used, and the time of the last use, in seconds since 1970.
#[derive(serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) key: String,
    pub(crate) uses: u32,
    pub(crate) last_used_at: u32,
}

/// How often a canary was used, and when and from where the last time.
#[derive(serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CanaryLine {
    pub(crate) key: String,
    pub(crate) uses: u32,
    pub(crate) last_used_at: u32,
    pub(crate) address: Option<IpAddr>,
}

impl Lines {
    /// Reads a report of untrusted origin.
    pub(crate) fn read(text: &str) -> Result<Self, MessageError> {
        let lines: Self = serde_json::from_str(text).map_err(|_| MessageError::Form)?;
        if lines.uses.len() > MAX_USES || lines.canaries.len() > MAX_CANARIES {
            return Err(MessageError::TooMany);
        }
        let mut names = lines.uses.iter().map(|line| &line.key);
        let mut canaries = lines.canaries.iter().map(|line| &line.key);
        if names.all(|name| is_name(name)) && canaries.all(|name| is_name(name)) {
            Ok(lines)
        } else {
            Err(MessageError::Key)
        }
    }

    /// The report as JSON.
    pub(crate) fn body(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Whether a text is spelled as a public name.
fn is_name(text: &str) -> bool {
    let rest = text.strip_prefix("apk_").unwrap_or_default();
    rest.len() == 22 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
