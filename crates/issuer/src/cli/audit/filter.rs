//! The options that say which events a command is about.

use portcullis_core::time::Time;
use portcullis_issuer::store::events::{EventType, Filter};

use crate::cli::args::{self, event_type};

/// Which events
#[derive(Debug, clap::Args)]
pub(super) struct Chosen {
    /// Only these types, such as api-key.revoked, separated by commas
    #[arg(long = "type", value_name = "TYPES", value_delimiter = ',', value_parser = event_type)]
    types: Vec<EventType>,
    /// Only those of this key
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// Only what this one did: an admin key's id, user@host, or a job
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Only what is said to be on this one's behalf
    #[arg(long, value_name = "WHO")]
    on_behalf_of: Option<String>,
    /// Only from this time on (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    since: Option<Time>,
    /// Only before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    until: Option<Time>,
}

impl Chosen {
    pub(super) fn filter(&self, ascending: bool) -> Filter {
        Filter {
            types: self.types.clone(),
            key_id: self.key.clone(),
            actor: self.actor.clone(),
            on_behalf_of: self.on_behalf_of.clone(),
            since: self.since,
            until: self.until,
            ascending,
            ..Filter::default()
        }
    }
}
