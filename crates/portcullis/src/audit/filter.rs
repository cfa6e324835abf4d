//! The options that say which events a command is about.

use portcullis_core::time::Time;
use portcullis_issuer::store::events::{EventType, Filter};

use crate::args::{self, event_type};

/// The criteria for events
#[derive(Debug, clap::Args)]
pub(super) struct EventFilter {
    /// Only these event types, such as api-key.revoked, separated by commas
    #[arg(long = "type", value_name = "TYPES", value_delimiter = ',', value_parser = event_type)]
    types: Vec<EventType>,
    /// Only events of the key with this id
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// Only events of this principal: an admin key's id, user@host, or a job
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Only events on behalf of this person
    #[arg(long, value_name = "WHO")]
    on_behalf_of: Option<String>,
    /// Only events at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    since: Option<Time>,
    /// Only events before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    until: Option<Time>,
}

impl EventFilter {
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
