//! `portcullis recover`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use portcullis_issuer::Issuer;
use portcullis_issuer::keystore::Vault;
use portcullis_issuer::publish::{Reclocked, Recovered, Target};

use super::exit::Exit;
use super::global::Global;
use super::output::{Out, field};

/// Recover from a restored backup, a clock that was ahead, or a stolen list signer
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis recover --witness dir:/srv/list\n  \
                        portcullis recover --no-witness\n  portcullis recover --clock\n  \
                        portcullis recover --list-signer --root /media/usb/root.key")]
pub(crate) struct Recover {
    /// Recover without a copy of the last published list: revoke all keys that were issued since
    /// the backup. Revocations since the backup are lost, and must be repeated
    #[arg(long)]
    no_witness: bool,
    /// The clock was ahead and is right again: end all lists from that time with a new epoch and a
    /// new signer. Requires the root key
    #[arg(long, conflicts_with = "no_witness")]
    clock: bool,
    /// The list signer was stolen: end all lists that it signed with a new epoch and a new signer.
    /// Requires the root key
    #[arg(long, conflicts_with_all = ["no_witness", "clock"])]
    list_signer: bool,
    /// The root key's file [default: root.key in the folder]
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// The person that you act for, for the audit trail
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Recover {
    async fn new_epoch(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let home = issuer.home();
        let root = self.root.clone().unwrap_or_else(|| home.root_key());
        let root = Vault::new(root, home.unlock().clone());
        let by = self.by.as_deref().unwrap_or("portcullis recover");
        let done = if self.clock {
            issuer.recovery().recover_clock(&root, by).await?
        } else {
            issuer.recovery().recover_signer(&root, by).await?
        };
        out.answer(&done, |o| {
            let Reclocked { ahead_secs, keyring, epoch, number, .. } = &done;
            if *ahead_secs > 0 {
                field(o, "Was ahead", format_args!("{ahead_secs} s"))?;
            }
            field(o, "Keyring", format_args!("version {keyring}"))?;
            let signers: Vec<String> = done.signers.iter().map(ToString::to_string).collect();
            field(o, "Signers", format_args!("kid {}, new", signers.join(", ")))?;
            field(o, "Published", format_args!("list {number}, epoch {epoch}"))?;
            if *ahead_secs > 0 {
                field(o, "Revocations", format_args!("{} brought back to now", done.revocations))?;
            }
            if done.keys > 0 {
                let keys = done.keys;
                field(o, "Keys", format_args!("{keys} were issued in the future: roll them"))?;
            }
            field(o, "Window", format_args!("until {}", done.window))
        })?;
        let lists =
            if self.clock { "a list of then for a fresh one" } else { "a list of the thief's" };
        out.note(&format!(
            "\nUntil the end of the window, a verifier that is started with the keyring of before and is \
             shown nothing newer may take {lists}. Deploy keyring {} to whoever has one built in.",
            done.keyring
        ));
        Ok(Exit::Done)
    }

    pub(super) async fn run(&self, issuer: &Issuer, global: &Global, out: &Out) -> Result<Exit> {
        if self.clock || self.list_signer {
            return self.new_epoch(issuer, out).await;
        }
        if self.root.is_some() || self.by.is_some() {
            bail!("--root and --by are for --clock and --list-signer");
        }
        // Recover from witnesses, or without any only if the caller says so.
        let witnesses: Vec<Target> = global.witnesses()?;
        let recovered = match (self.no_witness, witnesses.is_empty()) {
            (true, true) => issuer.recovery().recover_alone().await?,
            (false, false) => issuer.recovery().recover(&witnesses).await?,
            (true, false) => bail!("--no-witness and the targets or witnesses exclude each other"),
            (false, true) => bail!(
                "name who carries the list that was published last, with --witness; or say \
                 --no-witness if nobody does"
            ),
        };
        out.answer(&recovered, |o| {
            let Recovered { witness, witness_number, number, entries, policies, .. } = &recovered;
            if witness.is_empty() {
                field(o, "Witness", "none")?;
            } else {
                field(o, "Witness", format_args!("{witness}, list {witness_number}"))?;
            }
            field(o, "Published", format_args!("list {number}"))?;
            if recovered.lost_until.is_none() {
                field(o, "Imported", format_args!("{entries} entries, {policies} policies"))?;
            }
            if !recovered.private_policies && recovered.lost_until.is_none() {
                field(o, "Private", "policies could not be read there: those of the backup count")?;
            }
            let lost = &recovered.lost_from;
            field(o, "Revoked", format_args!("keys that were issued from {lost} on"))?;
            let Some(until) = &recovered.lost_until else { return Ok(()) };
            let text = format_args!("what was revoked or suspended from {lost} to {until}");
            field(o, "NOT KNOWN", text)
        })?;
        if recovered.lost_until.is_some() {
            out.note(
                "\nThose keys count again: revoke them again. An export of the trail, webhooks' \
                 messages and the\nlogs of whoever revoked them tell which.",
            );
        }
        out.note(
            "\nKeys can be created again once the stamps of before have run out; \
             `portcullis list show` says when.",
        );
        Ok(Exit::Done)
    }
}
