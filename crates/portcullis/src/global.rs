//! The options of every command.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_issuer::keystore::Unlock;
use portcullis_issuer::publish::Target;
use portcullis_issuer::publish::{DEFAULT_VALID_FOR, PublishOptions};
use portcullis_issuer::status::StatusLists;
use portcullis_issuer::store::Database;
use portcullis_issuer::{Error, Home};
use zeroize::Zeroizing;

use super::args::duration;

/// The options of every command.
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
    /// A TOML file with settings; flags and the environment override it
    #[arg(long, global = true, value_name = "FILE", env = "PORTCULLIS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The format of the log on standard error
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "PORTCULLIS_LOG_FORMAT",
        default_value = "text",
        value_parser = ["text", "json"]
    )]
    pub(crate) log_format: String,
    /// A PostgreSQL database for the records, instead of a file in the folder. Only from the
    /// environment, because it may contain a password
    #[arg(skip = std::env::var("DATABASE_URL").ok())]
    pub(crate) database_url: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How long each published stamp is valid [default: 5m for serve; other commands reuse the
    /// previous stamp's validity]
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        env = "PORTCULLIS_VALID_FOR",
        value_parser = duration
    )]
    pub(crate) valid_for: Option<Duration>,
    /// A target to publish the list to: dir:PATH, s3://BUCKET/PREFIX or kv:ACCOUNT/NAMESPACE, with
    /// options after commas (every=5s, endpoint=URL, region=NAME, api=URL); repeatable
    #[arg(
        long,
        global = true,
        value_name = "TARGET",
        env = "PORTCULLIS_TARGETS",
        value_delimiter = ' '
    )]
    pub(crate) target: Vec<String>,
    /// A witness of the list that was published last, to detect a restored backup: a target, or the
    /// URL at which another issuer or a mirror serves the list; repeatable
    #[arg(
        long,
        global = true,
        value_name = "TARGET",
        env = "PORTCULLIS_WITNESSES",
        value_delimiter = ' '
    )]
    pub(crate) witness: Vec<String>,
    /// Also publish IETF Token Status Lists: the https URL of the folder status-lists, as the
    /// issuer or a target serves it
    #[arg(long, global = true, value_name = "URL", env = "PORTCULLIS_STATUS_LISTS")]
    pub(crate) status_lists: Option<String>,
    /// How long relying parties may use a status list before they check for a newer one
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        env = "PORTCULLIS_STATUS_TTL",
        default_value = "60s",
        value_parser = duration
    )]
    pub(crate) status_ttl: Duration,
    /// How long a status list is valid; at least twice the ttl
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        env = "PORTCULLIS_STATUS_VALID_FOR",
        default_value = "15m",
        value_parser = duration
    )]
    pub(crate) status_valid_for: Duration,
    /// Trust the machine's clock without comparison. After a pause of the machine, once is enough:
    /// with `portcullis list publish`
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

    /// The options with which a server publishes, regardless of earlier publications.
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

    /// The given folder, with its database.
    pub(crate) fn folder(&self) -> Result<Home, Error> {
        Ok(Home::new(&self.home).with_unlock(unlock()?))
    }

    /// The given folder and database.
    pub(crate) fn home(&self) -> Result<Home, Error> {
        let home = self.folder()?;
        match self.database_url.as_deref() {
            None => Ok(home),
            Some(url) => Ok(home.with_database(Database::from_url(url)?)),
        }
    }
}

/// The key or passphrase that opens encrypted files: from the environment, or else from a prompt on
/// the terminal. Never from an argument, because every process of the machine can read arguments.
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
