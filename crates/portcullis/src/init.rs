//! `portcullis init`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use portcullis_core::token::Label;
use portcullis_issuer::clock::SystemClock;
use portcullis_issuer::init::{Initialised, Plan, init_for};
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use serde::Serialize;

use super::args;
use super::exit::Exit;
use super::global::Global;
use super::output::{Out, field};

/// Create an issuer: its signing keys, database, first list and first admin key
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis init --label acme --home ./issuer\n  \
                        portcullis init --label acme --label ''")]
pub(crate) struct Init {
    /// A label that keys can begin with (acme_sk_live_…), '' for no label; up to four times. The
    /// first is the default [default: no label]
    #[arg(long = "label", value_name = "WORD", value_parser = args::label)]
    labels: Vec<Label>,
    /// The file for the root key, which can then be kept offline [default: root.key in the folder]
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Encrypt the keystore and the root key, with the passphrase in PORTCULLIS_PASSPHRASE_FILE,
    /// the key in PORTCULLIS_KEY_FILE, or a passphrase from a prompt
    #[arg(long)]
    encrypt: bool,
}

#[derive(Serialize)]
struct InitAnswer<'a> {
    admin_id: &'a str,
    admin_key: &'a str,
    home: &'a Path,
    issuer: String,
    root: String,
    root_key: &'a Path,
}

impl Init {
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Exit> {
        let home = global.home()?;
        let labels = if self.labels.is_empty() { vec![Label::NONE] } else { self.labels.clone() };
        let plan = Plan { labels, root: self.root.clone(), encrypt: self.encrypt };
        let valid_for = global.valid_for.unwrap_or(DEFAULT_VALID_FOR);
        let made = init_for(&home, &plan, Arc::new(SystemClock), valid_for).await?;
        let Initialised { issuer, root, root_key, admin, admin_token } = &made;
        let folder = home.path().display();
        let answer = InitAnswer {
            admin_id: &admin.id,
            admin_key: admin_token,
            home: home.path(),
            issuer: issuer.to_string(),
            root: root.to_string(),
            root_key,
        };
        out.answer(&answer, |o| {
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
        Ok(Exit::Done)
    }
}
