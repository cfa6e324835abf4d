//! The idempotency of a command that creates a key: repeated, the command returns the same key.

use std::time::Duration;

use portcullis_issuer::actions::Idempotency;

use crate::args;

/// The idempotency of a command that creates a key.
#[derive(Debug, clap::Args)]
pub(crate) struct IdempotencyArgs {
    /// A name for this command: repeated with the same name within the window, it returns the same
    /// key
    #[arg(long, value_name = "NAME")]
    idempotency_key: Option<String>,
    /// How long the issuer remembers the name
    #[arg(long, value_name = "DURATION", env = "PORTCULLIS_IDEMPOTENCY_WINDOW",
          default_value = "24h", value_parser = args::duration)]
    idempotency_window: Duration,
}

/// The note about a key that an earlier command created.
pub(super) const REPEATED: &str = "This was made by an earlier command of the same name.\n";

impl IdempotencyArgs {
    pub(super) fn named(&self) -> Option<Idempotency> {
        let window = self.idempotency_window;
        let name = self.idempotency_key.as_deref()?;
        Some(Idempotency { window, ..Idempotency::new("cli", name) })
    }
}
