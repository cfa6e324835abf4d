//! `portcullis keyring export`: the public keyring, or the secrets that a gate needs.

use std::path::PathBuf;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::keyring::{Purpose, State};
use portcullis_core::token::{Algorithm, Environment};
use portcullis_issuer::Issuer;
use portcullis_issuer::files::{Privacy, write_atomic};
use portcullis_issuer::keystore::StoredKey;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args;
use crate::exit::Exit;
use crate::output::Out;

/// Export the public keyring, or the secrets that a gate needs
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis keyring export --public --output keyring.bin\n  \
                  portcullis keyring export --gate --environment live | npx wrangler secret put HMAC_KEYS")]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct Export {
    /// Export the keyring document: signed by the root, without secrets
    #[arg(long, group = "what")]
    public: bool,
    /// Export the HMAC secrets and the assertion secret, for the gate's secret HMAC_KEYS. Anyone
    /// with these secrets can create keys: keep them private
    #[arg(long, group = "what")]
    gate: bool,
    /// Export only the secrets of this environment
    #[arg(long, conflicts_with = "public", value_parser = args::environment())]
    environment: Option<Environment>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct GateKeys {
    issuer: String,
    secrets: Vec<GateSecret>,
    /// The secret that the gate signs assertions with, if the keyring lists such a signer.
    #[serde(skip_serializing_if = "Option::is_none")]
    assertion: Option<GateSecret>,
}

#[derive(Serialize)]
struct GateSecret {
    kid: u16,
    secret: Zeroizing<String>,
}

impl Export {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        if self.gate { self.gate(issuer, out) } else { self.public(issuer, out).await }
    }

    async fn public(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        // The document comes from the database, which holds no secret. The keystore is not read.
        let document = issuer.keyring().document().await?;
        if let Some(path) = &self.output {
            write_atomic(path, &document, Privacy::Public)?;
            out.note(&format!("wrote {} bytes to {}", document.len(), path.display()));
            return Ok(Exit::Done);
        }
        let view = issuer.list().state().await?;
        let text = URL_SAFE_NO_PAD.encode(&document);
        let answer = ExportAnswer {
            issuer: view.verifier().issuer().to_string(),
            keyring: &text,
            root: issuer.root().to_string(),
            version: view.verifier().keyring().version(),
        };
        out.answer(&answer, |o| writeln!(o, "{text}"))?;
        Ok(Exit::Done)
    }

    fn gate(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let wanted = self.environment;
        let keystore = issuer.keystore();
        let keys = keystore.keys().iter().filter(|key| {
            key.algorithm == Algorithm::HmacSha256
                && key.purpose == Purpose::Token
                && key.state != State::Retired
                && wanted.is_none_or(|environment| key.environments.contains(&environment))
        });
        let of = |key: &StoredKey| GateSecret { kid: key.kid, secret: key.secret_text() };
        let assertion = keystore
            .keys()
            .iter()
            .find(|key| key.purpose == Purpose::Assertion && key.state == State::Active);
        let keys = GateKeys {
            issuer: keystore.issuer().to_string(),
            secrets: keys.map(of).collect(),
            assertion: assertion.map(of),
        };
        let text = Zeroizing::new(serde_json::to_string(&keys)?);
        match &self.output {
            Some(path) => {
                write_atomic(path, text.as_bytes(), Privacy::Secret)?;
                out.note(&format!("wrote {} secrets to {}", keys.secrets.len(), path.display()));
            }
            None => out.line(&text)?,
        }
        Ok(Exit::Done)
    }
}

/// The data that a verifier starts with.
#[derive(Serialize)]
struct ExportAnswer<'a> {
    issuer: String,
    /// The document, in base64url.
    keyring: &'a str,
    root: String,
    version: u32,
}
