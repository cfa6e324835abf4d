//! Arguments that several commands share, and the parsers of their texts.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use portcullis_core::crypto::PublicKey;
use portcullis_core::keyring::Purpose;
use portcullis_core::time::Time;
use portcullis_core::token::{Algorithm, Environment, Kind, Label};
use portcullis_issuer::actions::{Expiry, Order, When};
use portcullis_issuer::record::{KeyPurpose, KeyState};
use portcullis_issuer::store::events::EventType;
use portcullis_issuer::{names, time_format};

/// When a new key expires.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Expires {
    /// Expire after this long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expires_in: Option<Duration>,
    /// Expire at this time (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "expires_in", value_parser = instant)]
    expires_at: Option<Time>,
    /// Never expire, even if the settings have a default lifetime
    #[arg(long, conflicts_with_all = ["expires_in", "expires_at"])]
    never_expires: bool,
}

impl Expires {
    fn when(self) -> Option<When> {
        self.expires_in.map(When::In).or(self.expires_at.map(When::At))
    }

    /// The expiry of a new key.
    pub(crate) fn of_new(self) -> Expiry {
        if self.never_expires { Expiry::Never } else { self.when().into() }
    }

    /// The expiry of a key that replaces another; `None` to keep the other's.
    pub(crate) fn of_rolled(self) -> Option<Option<When>> {
        if self.never_expires { Some(None) } else { self.when().map(Some) }
    }
}

/// The reason for a change.
#[derive(Debug, clap::Args)]
pub(crate) struct Reason {
    /// The reason, for the audit trail; the settings may require it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Reason {
    pub(crate) fn text(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

/// The person that the caller acts for. The audit trail records this person and the principal.
#[derive(Debug, clap::Args)]
pub(crate) struct By {
    /// The person that you act for, for the audit trail
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

impl By {
    pub(crate) fn name(&self) -> Option<&str> {
        self.by.as_deref()
    }

    pub(crate) fn owned(&self) -> Option<String> {
        self.by.clone()
    }
}

/// How long to wait for the targets of a list.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Wait {
    /// Wait until every target has the new list, for at most this many seconds; 10 if
    /// no number is given
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
          default_missing_value = "10")]
    wait: Option<u64>,
}

impl Wait {
    pub(crate) fn patience(self) -> Option<Duration> {
        self.wait.map(Duration::from_secs)
    }
}

/// The format of files with a record in each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Lines {
    /// A JSON object in each line
    Jsonl,
    /// Comma-separated values with a header line
    Csv,
}

/// A root that the caller pins.
#[derive(Debug, clap::Args)]
pub(crate) struct PinnedRoot {
    // One public key in 64 starts with a hyphen.
    /// The root's public key, as `init` prints it
    #[arg(
        long,
        value_name = "KEY",
        requires = "by",
        allow_hyphen_values = true,
        value_parser = root
    )]
    pub(crate) root: Option<PublicKey>,
}

fn root(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_text(text).map_err(|error| error.to_string())
}

/// A label, empty for none.
pub(crate) fn label(text: &str) -> Result<Label, String> {
    Label::new(text).map_err(|error| error.to_string())
}

/// `90d`, `1h 30m`, `5s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it as 90d, 1h, 30m or 5s"))
}

pub(crate) fn instant(text: &str) -> Result<Time, String> {
    time_format::parse_rfc3339(text)
        .ok_or_else(|| "write it as RFC 3339: 2026-01-31T12:00:00Z".to_owned())
}

pub(crate) fn kind() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).try_map(|name| name.parse())
}

pub(crate) fn environment() -> impl TypedValueParser<Value = Environment> {
    PossibleValuesParser::new(Environment::ALL.map(Environment::name)).try_map(|name| name.parse())
}

pub(crate) fn algorithm() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(["hmac", "hmac-sha256-128", "ed25519"])
        .try_map(|name| names::algorithm(&name).ok_or("no algorithm"))
}

pub(crate) fn purpose() -> impl TypedValueParser<Value = Purpose> {
    PossibleValuesParser::new(Purpose::ALL.map(Purpose::name)).try_map(|name| name.parse())
}

pub(crate) fn state() -> impl TypedValueParser<Value = KeyState> {
    PossibleValuesParser::new(KeyState::ALL.map(KeyState::name))
        .try_map(|name| KeyState::from_name(&name).ok_or("no state"))
}

/// A JSON object.
pub(crate) fn object(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON object: {error}"))
}

pub(crate) fn key_purpose() -> impl TypedValueParser<Value = KeyPurpose> {
    PossibleValuesParser::new(KeyPurpose::ALL.map(KeyPurpose::name))
        .try_map(|name| KeyPurpose::from_name(&name).ok_or("no purpose"))
}

/// `title`, or `-title`.
pub(crate) fn order(text: &str) -> Result<(Order, bool), String> {
    Order::parse(text).ok_or_else(|| {
        "write created, updated or title, behind a - for the other way round".to_owned()
    })
}

pub(crate) fn event_type(text: &str) -> Result<EventType, String> {
    EventType::from_name(text).ok_or_else(|| {
        let names = EventType::ALL.map(EventType::name);
        format!("no event type; there are {}", names.join(", "))
    })
}
