//! Arguments that several commands share, and the parsers of their texts.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use portcullis_core::crypto::PublicKey;
use portcullis_core::keyring::Purpose;
use portcullis_core::time::Time;
use portcullis_core::token::{Algorithm, Environment, Kind, Label};
use portcullis_issuer::actions::{Expiry, Order, When};
use portcullis_issuer::keystore::Unlock;
use portcullis_issuer::publish::Target;
use portcullis_issuer::publish::{DEFAULT_VALID_FOR, PublishOptions};
use portcullis_issuer::record::{KeyPurpose, KeyState};
use portcullis_issuer::status::StatusLists;
use portcullis_issuer::store::Database;
use portcullis_issuer::{Error, Home, names, view};
use zeroize::Zeroizing;

/// What every command understands.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The issuer's folder
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PORTCULLIS_HOME",
        default_value = "portcullis-data"
    )]
    pub(crate) home: PathBuf,
    /// A TOML file with settings, which flags and the environment override
    #[arg(long, global = true, value_name = "FILE", env = "PORTCULLIS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// How the log is written to standard error
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "PORTCULLIS_LOG_FORMAT",
        default_value = "text",
        value_parser = ["text", "json"]
    )]
    pub(crate) log_format: String,
    /// A PostgreSQL database for the records, instead of a file in the folder. By the environment
    /// alone, because it may hold a password
    #[arg(skip = std::env::var("DATABASE_URL").ok())]
    pub(crate) database_url: Option<String>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How long each stamp of the list is valid: 5 minutes of `serve`, and as long as the last one of
    /// every other command that publishes, where nothing is said
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        env = "PORTCULLIS_VALID_FOR",
        value_parser = duration
    )]
    pub(crate) valid_for: Option<Duration>,
    /// Where the list is put out: dir:PATH, s3://BUCKET/PREFIX or kv:ACCOUNT/NAMESPACE, with
    /// options behind commas (every=5s, endpoint=URL, region=NAME, api=URL); repeat for more
    #[arg(
        long,
        global = true,
        value_name = "TARGET",
        env = "PORTCULLIS_TARGETS",
        value_delimiter = ' '
    )]
    pub(crate) target: Vec<String>,
    /// Where the list that was published last can be read, to recognise a restored backup: a
    /// target, or the address under which another issuer or mirror serves it; repeat for more
    #[arg(
        long,
        global = true,
        value_name = "TARGET",
        env = "PORTCULLIS_WITNESSES",
        value_delimiter = ' '
    )]
    pub(crate) witness: Vec<String>,
    /// Publish IETF Token Status Lists too: the https address at which the folder status-lists of
    /// the issuer's files or of a target is served
    #[arg(long, global = true, value_name = "URL", env = "PORTCULLIS_STATUS_LISTS")]
    pub(crate) status_lists: Option<String>,
    /// How long those who have a status list may go on without looking for a newer one
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        env = "PORTCULLIS_STATUS_TTL",
        default_value = "60s",
        value_parser = duration
    )]
    pub(crate) status_ttl: Duration,
    /// How long a status list is in force; twice the ttl at least
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        env = "PORTCULLIS_STATUS_VALID_FOR",
        default_value = "15m",
        value_parser = duration
    )]
    pub(crate) status_valid_for: Duration,
    /// Take the machine's clock to be right, whatever it is compared with. Once is enough where the
    /// machine was paused: with `portcullis list publish`
    #[arg(long, global = true)]
    pub(crate) trust_clock: bool,
}

impl Global {
    /// The options with which a command publishes lists.
    pub(crate) fn publish_options(&self) -> Result<PublishOptions, Error> {
        let lists = |base: &String| StatusLists::new(base, self.status_ttl, self.status_valid_for);
        let status_lists = self.status_lists.as_ref().map(lists).transpose()?;
        Ok(PublishOptions {
            valid_for: self.valid_for,
            status_lists,
            trust_clock: self.trust_clock,
        })
    }

    /// The options with which a server publishes, whatever was published before it.
    pub(crate) fn publish_options_of_server(&self) -> Result<PublishOptions, Error> {
        Ok(PublishOptions {
            valid_for: self.valid_for.or(Some(DEFAULT_VALID_FOR)),
            ..self.publish_options()?
        })
    }

    /// The targets of the list.
    pub(crate) fn targets(&self) -> Result<Vec<Target>, Error> {
        self.target.iter().map(|text| Target::parse(text)).collect()
    }

    /// The witnesses of what was published last, targets included.
    pub(crate) fn witnesses(&self) -> Result<Vec<Target>, Error> {
        self.target.iter().chain(&self.witness).map(|text| Target::parse(text)).collect()
    }

    /// The folder that was given, with its database.
    pub(crate) fn folder(&self) -> Result<Home, Error> {
        Ok(Home::new(&self.home).with_unlock(unlock()?))
    }

    /// The folder and the database that were given.
    pub(crate) fn home(&self) -> Result<Home, Error> {
        let home = self.folder()?;
        match self.database_url.as_deref() {
            None => Ok(home),
            Some(url) => Ok(home.with_database(Database::from_url(url)?)),
        }
    }
}

/// The key or passphrase that opens encrypted files: from the environment, or else asked for at the
/// terminal. Never from an argument, because every process of the machine can read those.
fn unlock() -> Result<Unlock, Error> {
    let named = |name| std::env::var_os(name).map(PathBuf::from);
    match (named("PORTCULLIS_PASSPHRASE_FILE"), named("PORTCULLIS_KEY_FILE")) {
        (Some(_), Some(_)) => {
            let reason = "and PORTCULLIS_PASSPHRASE_FILE exclude each other";
            Err(Error::Invalid { field: "PORTCULLIS_KEY_FILE", reason })
        }
        (Some(path), None) => Ok(Unlock::passphrase_file(&path)?),
        (None, Some(path)) => Ok(Unlock::key_file(&path)?),
        (None, None) if std::io::stdin().is_terminal() => Ok(Unlock::ask(ask)),
        (None, None) => Ok(Unlock::default()),
    }
}

pub(crate) fn ask(what: &str) -> std::io::Result<Zeroizing<String>> {
    rpassword::prompt_password(what).map(Zeroizing::new)
}

/// When a key that a command makes expires.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Expires {
    /// Expire after this long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expires_in: Option<Duration>,
    /// Expire at this time (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "expires_in", value_parser = instant)]
    expires_at: Option<Time>,
    /// Never expire, whatever the settings name for keys of which nothing is said
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

    /// The expiry of a key that takes another's place; `None` for that of the other.
    pub(crate) fn of_rolled(self) -> Option<Option<When>> {
        if self.never_expires { Some(None) } else { self.when().map(Some) }
    }
}

/// The reason of an act.
#[derive(Debug, clap::Args)]
pub(crate) struct Reason {
    /// Why; the trail tells it, and the settings may ask for it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Reason {
    pub(crate) fn text(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

/// The person whom an act is for, beside the principal that the trail notes.
#[derive(Debug, clap::Args)]
pub(crate) struct By {
    /// In whose name
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
    /// Wait until every target carries it, for ten seconds or so long
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
          default_missing_value = "10")]
    wait: Option<u64>,
}

impl Wait {
    pub(crate) fn patience(self) -> Option<Duration> {
        self.wait.map(Duration::from_secs)
    }
}

/// A root that is pinned by the caller.
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
    view::parse_rfc3339(text).ok_or_else(|| "write it as RFC 3339: 2026-01-31T12:00:00Z".to_owned())
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
    PossibleValuesParser::new(["token", "admin"])
        .try_map(|name| KeyPurpose::from_name(&name).ok_or("no purpose"))
}

/// `title`, or `-title`.
pub(crate) fn order(text: &str) -> Result<(Order, bool), String> {
    Order::parse(text).ok_or_else(|| {
        "write created, updated or title, behind a - for the other way round".to_owned()
    })
}
