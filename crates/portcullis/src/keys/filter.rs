//! The options that say which keys a command is about.

use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind};
use portcullis_issuer::actions::{Criteria, Span};
use portcullis_issuer::record::{KeyPurpose, KeyState};

use crate::args;

/// The criteria for keys
#[derive(Debug, clap::Args)]
pub(crate) struct KeyFilter {
    /// Only keys with this text in the title or the redacted form. `keys revoke` looks at titles
    /// only
    #[arg(short = 'q', long = "search", value_name = "TEXT")]
    q: Option<String>,
    /// Only keys with exactly this title
    #[arg(long)]
    title: Option<String>,
    /// Only keys for gates (token) or for the issuer's API (admin)
    #[arg(long, value_parser = args::key_purpose())]
    purpose: Option<KeyPurpose>,
    /// Only keys of this kind
    #[arg(long, value_parser = args::kind())]
    kind: Option<Kind>,
    /// Only keys of this environment
    #[arg(long, value_parser = args::environment())]
    environment: Option<Environment>,
    /// Only keys in this state
    #[arg(long, value_parser = args::state())]
    state: Option<KeyState>,
    /// Only keys of the owner with this number
    #[arg(long)]
    owner: Option<u32>,
    /// Only keys of the policy with this number
    #[arg(long)]
    policy: Option<u32>,
    /// Only keys that this principal created, directly or through admin keys that it created: an
    /// admin key's id, or user@host
    #[arg(long, value_name = "WHO")]
    maker: Option<String>,
    /// Only keys with this sales channel
    #[arg(long, value_name = "CHANNEL")]
    sales_channel: Option<String>,
    /// Only keys created at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    created_from: Option<Time>,
    /// Only keys created before this time
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    created_before: Option<Time>,
    /// Only keys that were last updated at this time or later
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    updated_from: Option<Time>,
    /// Only keys that were last updated before this time
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    updated_before: Option<Time>,
    /// Only keys with a revocation that takes effect at this time or later
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    revoked_from: Option<Time>,
    /// Only keys with a revocation that takes effect before this time
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    revoked_before: Option<Time>,
}

impl KeyFilter {
    pub(super) fn criteria(&self) -> Criteria {
        Criteria {
            q: self.q.clone(),
            ids: Vec::new(),
            title: self.title.clone(),
            token: None,
            purpose: self.purpose,
            kind: self.kind,
            environment: self.environment,
            state: self.state,
            owner: self.owner,
            policy: self.policy,
            maker: self.maker.clone(),
            sales_channel: self.sales_channel.clone(),
            created: Span { from: self.created_from, before: self.created_before },
            updated: Span { from: self.updated_from, before: self.updated_before },
            revoked: Span { from: self.revoked_from, before: self.revoked_before },
        }
    }
}
