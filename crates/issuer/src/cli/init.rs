//! `portcullis init`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use portcullis_core::token::Label;
use portcullis_issuer::clock::SystemClock;
use portcullis_issuer::init::{Initialised, Plan, init_for};
use portcullis_issuer::issuer::DEFAULT_VALID_FOR;
use serde_json::json;

use super::Outcome;
use super::args::Global;
use super::out::{Out, field};

/// Make an issuer: its keys, its database, its first list and its first admin key
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis init --label acme --home ./issuer")]
pub(crate) struct Init {
    /// A word in front of every key: acme_sk_live_…
    #[arg(long, value_name = "WORD", value_parser = label, default_value = "", hide_default_value = true)]
    label: Label,
    /// Where to put the root key, which may then be kept offline [default: root.key in the folder]
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Encrypt keystore and root key with the passphrase in PORTCULLIS_PASSPHRASE_FILE or the key
    /// in PORTCULLIS_KEY_FILE, or ask for a passphrase
    #[arg(long)]
    encrypt: bool,
}

fn label(text: &str) -> Result<Label, String> {
    Label::new(text).map_err(|error| error.to_string())
}

impl Init {
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Outcome> {
        let home = global.home()?;
        let plan = Plan { label: self.label, root: self.root.clone(), encrypt: self.encrypt };
        let valid_for = global.valid_for.unwrap_or(DEFAULT_VALID_FOR);
        let made = init_for(&home, &plan, Arc::new(SystemClock), valid_for).await?;
        let Initialised { issuer, root, root_key, admin, admin_token } = &made;
        let folder = home.path().display();
        let json = json!({
            "issuer": issuer.to_string(),
            "root": root.to_string(),
            "home": home.path(),
            "root_key": root_key,
            "admin_id": admin.id,
            "admin_key": admin_token.as_str(),
        });
        out.answer(&json, |o| {
            field(o, "Issuer", issuer)?;
            field(o, "Root", format_args!("{root}  (public: pin it in gates and verifiers)"))?;
            field(
                o,
                "Root key",
                format_args!(
                    "{}  (needed for keyrings only: keep a copy offline)",
                    root_key.display()
                ),
            )?;
            field(o, "Admin key", admin_token.as_str())?;
            writeln!(
                o,
                "\nThe admin key opens the HTTP API. It is shown this once and kept nowhere.\n"
            )?;
            writeln!(o, "Next:")?;
            writeln!(o, "  export PORTCULLIS_HOME={folder}")?;
            writeln!(o, "  portcullis keys create --title 'My first key'")?;
            writeln!(o, "  portcullis serve")
        })?;
        Ok(Outcome::Yes)
    }
}
