//! `portcullis keyring …`: the issuer's own signers.

mod export;
mod labels;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use portcullis_core::keyring::{Purpose, State};
use portcullis_core::token::{Algorithm, Environment, Kind};
use portcullis_issuer::actions::{KeyringChange, KeyringChanged, NewSigner};
use portcullis_issuer::keystore::Vault;
use portcullis_issuer::view::rfc3339_millis;
use portcullis_issuer::view::signers::{KeyringChangedView, SignersView};
use portcullis_issuer::{Committed, Error, Issuer, Publication};

use super::Outcome;
use super::args;
use super::committed::write_published;
use super::out::{Out, field, table};

/// Show, rotate, label and export the keyring: which signers speak for the issuer
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Example:\n  portcullis keyring rotate --purpose token --environment live\n  \
                        portcullis keyring promote 6\n  portcullis keyring retire 1"
)]
pub(crate) enum Keyring {
    Show(Show),
    Rotate(Rotate),
    Promote(Promote),
    Retire(Retire),
    Renew(Renew),
    Labels(Box<labels::Labels>),
    Export(export::Export),
}

/// Show the signers, their states, and how many keys each has signed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keyring show")]
pub(crate) struct Show {}

/// Where the root key is, which signs every keyring.
#[derive(Debug, clap::Args)]
struct Root {
    /// The root key's file [default: root.key in the folder]
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// In whose name
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

/// Make a new signer: announced first (next), active once it is promoted
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis keyring rotate --purpose token --environment live\n  \
                        portcullis keyring rotate --purpose list --root /media/usb/root.key"
)]
pub(crate) struct Rotate {
    /// What it signs
    #[arg(long, value_parser = args::purpose())]
    purpose: Purpose,
    /// For tokens: of which kinds [default: secret]
    #[arg(long = "kind", value_parser = args::kind())]
    kinds: Vec<Kind>,
    /// For tokens: for which environments [default: live]
    #[arg(long = "environment", value_parser = args::environment())]
    environments: Vec<Environment>,
    /// How it signs [default: hmac for tokens of secret keys, else ed25519]
    #[arg(long, value_parser = args::algorithm())]
    algorithm: Option<Algorithm>,
    /// Active at once. Gates that lack an HMAC secret refuse the keys it signs until they have it
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    root: Root,
}

/// Make a next signer active; those whose work it takes over go on verifying (retiring)
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keyring promote 6")]
pub(crate) struct Promote {
    /// The signer's number
    kid: u16,
    #[command(flatten)]
    root: Root,
}

/// Let a signer's signatures count no longer, from the next list on
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keyring retire 1")]
pub(crate) struct Retire {
    /// The signer's number
    kid: u16,
    /// Though keys in force are signed by it: they are refused from then on
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    root: Root,
}

/// Sign the keyring anew, to count for so long from now on
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keyring renew --for 365d")]
pub(crate) struct Renew {
    /// How long it is to count
    #[arg(long = "for", value_name = "DURATION", default_value = "365d", value_parser = args::duration)]
    validity: Duration,
    #[command(flatten)]
    root: Root,
}

impl Keyring {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let (change, root) = match self {
            Self::Show(_) => return show(issuer, out).await,
            Self::Export(export) => return export.run(issuer, out).await,
            Self::Labels(labels) => return labels.run(issuer, out).await,
            Self::Rotate(rotate) => (KeyringChange::Rotate(rotate.signer()), &rotate.root),
            Self::Promote(promote) => (KeyringChange::Promote(promote.kid), &promote.root),
            Self::Retire(retire) => {
                let change = KeyringChange::Retire { kid: retire.kid, anyway: retire.yes };
                (change, &retire.root)
            }
            Self::Renew(renew) => (KeyringChange::Renew(renew.validity), &renew.root),
        };
        said(&root.change(issuer, &change).await?, out)
    }
}

impl Root {
    async fn change(
        &self,
        issuer: &Issuer,
        change: &KeyringChange,
    ) -> Result<Committed<KeyringChanged>, Error> {
        let home = issuer.home();
        let path = self.root.clone().unwrap_or_else(|| home.root_key());
        let vault = Vault::new(path, home.unlock().clone());
        issuer.keyring().change(change, &vault, self.by.as_deref()).await
    }
}

impl Rotate {
    fn signer(&self) -> NewSigner {
        let or = |given: &[_], usual| if given.is_empty() { vec![usual] } else { given.to_vec() };
        NewSigner {
            purpose: self.purpose,
            algorithm: self.algorithm,
            environments: or(&self.environments, Environment::Live),
            kinds: if self.kinds.is_empty() { vec![Kind::Secret] } else { self.kinds.clone() },
            at_once: self.now,
        }
    }
}

fn said(done: &Committed<KeyringChanged>, out: &Out) -> Result<Outcome> {
    let changed = &done.value;
    out.answer(&KeyringChangedView::new(done), |o| {
        field(o, "Keyring", format_args!("version {}", changed.version))?;
        field(o, "Valid until", rfc3339_millis(changed.not_after))?;
        if let (Some(kid), Some(state)) = (changed.kid, changed.state) {
            field(o, "Signer", format_args!("kid {kid}, {}", state.name()))?;
        }
        for kid in &changed.retiring {
            field(o, "Signer", format_args!("kid {kid}, retiring"))?;
        }
        write_published(o, &done.publication)
    })?;
    if let (Some(kid), Some(State::Next)) = (changed.kid, changed.state) {
        out.note(&format!(
            "\nGates learn of it with the keyring. Give those that hold HMAC secrets the new ones \
             (portcullis keyring export --gate), then run: portcullis keyring promote {kid}"
        ));
    }
    Ok(unpublished(&done.publication, out))
}

fn unpublished(publication: &Publication, out: &Out) -> Outcome {
    let Some(error) = publication.error() else { return Outcome::Yes };
    let message = format!(
        "the keyring is stored but no stamp names it yet ({}); run `portcullis list publish`",
        error.chain()
    );
    out.error(error.code(), &message);
    Outcome::Unfinished
}

async fn show(issuer: &Issuer, out: &Out) -> Result<Outcome> {
    let signers = issuer.keyring().signers().await?;
    let view = SignersView::new(&signers);
    out.answer(&view, |o| {
        field(o, "Keyring", format_args!("version {}", view.version))?;
        field(o, "Valid until", rfc3339_millis(signers.not_after))?;
        field(o, "Root", issuer.root())?;
        field(o, "Labels", labels::listed(&signers.labels))?;
        writeln!(o)?;
        let mut rows = vec![
            ["KID", "PURPOSE", "ALGORITHM", "FOR", "STATE", "KEYS", "IN FORCE"].map(String::from),
        ];
        rows.extend(view.signers.iter().map(|signer| {
            let state = if signer.here {
                signer.state.into()
            } else {
                format!("{}, not here", signer.state)
            };
            let what = [signer.environments.join("+"), signer.kinds.join("+")].join(" ");
            let (kid, keys, live) =
                (signer.kid.to_string(), signer.keys.to_string(), signer.in_force.to_string());
            [
                kid,
                signer.purpose.into(),
                signer.algorithm.into(),
                what.trim().into(),
                state,
                keys,
                live,
            ]
        }));
        table(o, &rows)
    })?;
    Ok(Outcome::Yes)
}
