//! `portcullis keyring rotate`, `promote`, `retire` and `renew`: changes of the signers.

use std::time::Duration;

use anyhow::Result;
use portcullis_api::view::signers::KeyringChangedView;
use portcullis_core::keyring::{Purpose, State};
use portcullis_core::token::{Algorithm, Environment, Kind};
use portcullis_issuer::actions::{KeyringChange, KeyringChanged, NewSigner};
use portcullis_issuer::time_format::rfc3339_millis;
use portcullis_issuer::{Committed, Issuer};

use super::answer::unpublished;
use super::root::Root;
use crate::args;
use crate::committed::write_published;
use crate::exit::Exit;
use crate::output::{Out, field};

/// Create a signer: it is announced first (next), and active after its promotion
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis keyring rotate --purpose token --environment live\n  \
                        portcullis keyring rotate --purpose list --root /media/usb/root.key"
)]
pub(crate) struct Rotate {
    /// What the signer signs
    #[arg(long, value_parser = args::purpose())]
    purpose: Purpose,
    /// For tokens: the kinds of keys [default: secret]
    #[arg(long = "kind", value_parser = args::kind())]
    kinds: Vec<Kind>,
    /// For tokens: the environments [default: live]
    #[arg(long = "environment", value_parser = args::environment())]
    environments: Vec<Environment>,
    /// The signer's algorithm [default: hmac for tokens of secret keys, otherwise ed25519]
    #[arg(long, value_parser = args::algorithm())]
    algorithm: Option<Algorithm>,
    /// Make the signer active at once. Gates without its HMAC secret refuse its keys until they
    /// have it
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    root: Root,
}

/// Make a next signer active. The signers that it replaces become retiring: their keys are still
/// accepted
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keyring promote 6")]
pub(crate) struct Promote {
    /// The signer's number
    kid: u16,
    #[command(flatten)]
    root: Root,
}

/// Retire a signer: from the next list on, verifiers refuse what it signed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keyring retire 1")]
pub(crate) struct Retire {
    /// The signer's number
    kid: u16,
    /// Retire the signer even if it has signed keys in force; they are refused from then on
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    root: Root,
}

/// Sign the keyring again, with a new validity
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keyring renew --for 365d")]
pub(crate) struct Renew {
    /// How long the keyring is valid
    #[arg(long = "for", value_name = "DURATION", default_value = "365d", value_parser = args::duration)]
    validity: Duration,
    #[command(flatten)]
    root: Root,
}

impl Rotate {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        change(issuer, &KeyringChange::Rotate(self.signer()), &self.root, out).await
    }

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

impl Promote {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        change(issuer, &KeyringChange::Promote(self.kid), &self.root, out).await
    }
}

impl Retire {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let retire = KeyringChange::Retire { kid: self.kid, anyway: self.yes };
        change(issuer, &retire, &self.root, out).await
    }
}

impl Renew {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        change(issuer, &KeyringChange::Renew(self.validity), &self.root, out).await
    }
}

async fn change(issuer: &Issuer, change: &KeyringChange, root: &Root, out: &Out) -> Result<Exit> {
    answer(&root.change(issuer, change).await?, out)
}

fn answer(done: &Committed<KeyringChanged>, out: &Out) -> Result<Exit> {
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
