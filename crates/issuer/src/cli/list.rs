//! `portcullis list …`: the revocation list.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use portcullis_core::crypto::PublicKey;
use portcullis_core::list::{Bundle, Deployment, ListError, Part, RevocationList};
use portcullis_core::policy::Policies;
use portcullis_core::time::Time;
use portcullis_core::verifier::{AdoptError, Verifier};
use portcullis_issuer::Issuer;
use portcullis_issuer::clock::{Clock as _, SystemClock};
use portcullis_issuer::view::status_lists::StatusListsView;
use portcullis_issuer::view::targets::{ListAnswer, TargetView, target_views};
use portcullis_issuer::view::{ListView, MarkView, rfc3339_millis};
use serde::Serialize;

use super::args::{Global, PinnedRoot};
use super::out::{Out, field, table};
use super::{Outcome, with_issuer};

/// Publish, show and verify the revocation list
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  portcullis list show")]
pub(crate) enum List {
    /// Publish now: a new list where something changed, and a new stamp
    #[command(after_help = "Example:\n  portcullis list publish --valid-for 10m")]
    Publish,
    /// Show what is published: number, age, shards
    #[command(after_help = "Example:\n  portcullis list show --json")]
    Show,
    Verify(Box<VerifyList>),
}

/// Read back what is published as a verifier would, or check a bundle against a root
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis list verify\n  \
                        portcullis list verify --bundle list.bundle --root 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
pub(crate) struct VerifyList {
    /// A bundle file, as served at /.well-known/portcullis/bundle or written by `portcullis bundle`
    #[arg(long, value_name = "FILE", group = "by", requires = "root")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    pinned: PinnedRoot,
}

impl List {
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Outcome> {
        match self {
            Self::Publish => {
                let publish = async |issuer: &Issuer| {
                    issuer.publish().await?;
                    issuer.renew_status_lists().await?;
                    show(issuer, out).await
                };
                with_issuer(global, publish).await
            }
            Self::Show => with_issuer(global, async |issuer| show(issuer, out).await).await,
            Self::Verify(command) => command.run(global, out).await,
        }
    }
}

async fn show(issuer: &Issuer, out: &Out) -> Result<Outcome> {
    let now = issuer.now();
    let (published, shards) = issuer.overview().await?;
    let answer = ListAnswer {
        list: ListView::new(&published, &shards, now),
        targets: target_views(&issuer.targets().await?, &published),
        status_lists: StatusListsView::of(issuer).await?,
    };
    out.answer(&answer, |o| {
        let view = &answer.list;
        write_mark(o, &view.list_version)?;
        if view.expired {
            field(
                o,
                "Expired",
                "yes: nothing is accepted any more; run `portcullis list publish`",
            )?;
        }
        field(o, "Head", &view.head)?;
        writeln!(o)?;
        let mut rows =
            vec![["SHARD", "COVERED", "ISSUED", "REVOKED", "TIMED", "BYTES"].map(String::from)];
        rows.extend(view.shards.iter().map(|shard| {
            let counts = [shard.shard, shard.capacity, shard.issued, shard.revoked, shard.timed];
            let [number, capacity, issued, revoked, timed] = counts.map(|count| count.to_string());
            [number, capacity, issued, revoked, timed, shard.body_len.to_string()]
        }));
        table(o, &rows)?;
        let usable = shards.iter().filter(|shard| shard.room() > 0 && !shard.is_open(now));
        for shard in usable {
            let when = shard.usable.map_or_else(|| "the next list".into(), rfc3339_millis);
            writeln!(o, "Serials of shard {} are used from {when} on", shard.shard)?;
        }
        writeln!(o)?;
        write_targets(o, &answer.targets)
    })?;
    Ok(Outcome::Yes)
}

/// Writes which targets carry a list.
pub(super) fn write_targets(out: &mut dyn Write, targets: &[TargetView]) -> std::io::Result<()> {
    let mut rows = vec![["TARGET", "LIST", "VISIBLE", "PROBLEM"].map(String::from)];
    rows.extend(targets.iter().map(|target| {
        let number = target.number.map_or_else(|| "-".into(), |number| number.to_string());
        let error = target.error.clone().unwrap_or_else(|| "-".into());
        [target.name.clone(), number, target.visible.into(), error]
    }));
    table(out, &rows)
}

/// What a verifier that starts with the bundle finds.
#[derive(Serialize)]
struct VerifiedAnswer {
    bundle_len: usize,
    issuer: String,
    keyring_version: u32,
    list: Option<MarkView>,
    ok: bool,
    policy_files: usize,
}

/// Why a verifier refuses the bundle.
#[derive(Serialize)]
struct RefusedAnswer {
    code: &'static str,
    message: String,
    ok: bool,
}

impl VerifyList {
    async fn run(&self, global: &Global, out: &Out) -> Result<Outcome> {
        // Read the bundle from a file, with the root that the caller pins, or from the issuer
        // itself.
        let (file, root, now) = match (&self.bundle, self.pinned.root) {
            (Some(path), Some(root)) => (read(path)?, root, SystemClock.now()),
            _ => {
                let read = async |issuer: &Issuer| {
                    Ok((issuer.bundle().await?, *issuer.root(), issuer.now()))
                };
                with_issuer(global, read).await?
            }
        };
        // Check it as a verifier would that starts with it.
        let (verifier, policies) = match adopt(&file, root, now) {
            Ok(adopted) => adopted,
            Err(error) => {
                let code = match error {
                    AdoptError::Keyring(_) => "keyring",
                    AdoptError::List(error) => error.code(),
                };
                let refused = RefusedAnswer { code, message: error.to_string(), ok: false };
                out.answer(&refused, |o| field(o, "Refused", format_args!("{error} ({code})")))?;
                return Ok(Outcome::No);
            }
        };
        let list_version = verifier.list().map(RevocationList::list_version);
        let view = list_version.as_ref().map(|list_version| MarkView::new(list_version, now));
        let keyring = verifier.keyring();
        let answer = VerifiedAnswer {
            bundle_len: file.len(),
            issuer: verifier.issuer().to_string(),
            keyring_version: keyring.version(),
            list: view,
            ok: true,
            policy_files: policies,
        };
        out.answer(&answer, |o| {
            match policies {
                0 => field(o, "Verified", "keyring, stamp, head and bodies")?,
                _ => field(o, "Verified", "keyring, stamp, head, bodies and policies")?,
            }
            field(o, "Issuer", verifier.issuer())?;
            field(
                o,
                "Keyring",
                format_args!(
                    "version {}, until {}",
                    keyring.version(),
                    rfc3339_millis(keyring.not_after())
                ),
            )?;
            view.as_ref().map_or(Ok(()), |view| write_mark(o, view))?;
            field(o, "Bytes", file.len())
        })?;
        Ok(Outcome::Yes)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} could not be read", path.display()))
}

/// A new replica, in the state in which a verifier that pins `root` starts, and the number of
/// policy files that its list refers to.
pub(super) fn adopt(
    file: &[u8],
    root: PublicKey,
    now: Time,
) -> Result<(Verifier, usize), AdoptError> {
    let wire = |error| ListError::Wire { part: Part::Bundle, error };
    let Deployment { bundle, policies } = Deployment::decode(file).map_err(wire)?;
    let mut verifier = Verifier::new(root, Bundle::decode(bundle).map_err(wire)?.keyring)?;
    verifier.adopt_bundle(bundle, now)?;
    let head = verifier.list().map(RevocationList::head).ok_or(ListError::Missing)?;
    let held = Policies::new(usize::MAX).restore(head, &policies);
    if held != policies.len() {
        return Err(ListError::WrongDigest(Part::PolicyFile).into());
    }
    Ok((verifier, held))
}

pub(super) fn write_mark(out: &mut dyn Write, list_version: &MarkView) -> std::io::Result<()> {
    field(
        out,
        "List",
        format_args!("number {}, epoch {}", list_version.number, list_version.epoch),
    )?;
    let age =
        format!("{}.{:03} s ago", list_version.age_millis / 1000, list_version.age_millis % 1000);
    field(
        out,
        "This update",
        format_args!("{}  ({age})", rfc3339_millis(list_version.this_update.0)),
    )?;
    field(out, "Next update", rfc3339_millis(list_version.next_update.0))
}
