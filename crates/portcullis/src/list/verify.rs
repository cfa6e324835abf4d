//! `portcullis list verify`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use portcullis_api::view::MarkView;
use portcullis_core::list::RevocationList;
use portcullis_core::verifier::AdoptError;
use portcullis_issuer::Issuer;
use portcullis_issuer::clock::{Clock as _, SystemClock};
use portcullis_issuer::time_format::rfc3339_millis;
use serde::Serialize;

use super::adopt::adopt;
use super::answer::write_list_version;
use crate::args::PinnedRoot;
use crate::exit::Exit;
use crate::global::Global;
use crate::open::with_issuer;
use crate::output::{Out, field};

/// Read back the published list as a verifier does, or verify a bundle against a root
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

/// The result for an accepted bundle.
#[derive(Serialize)]
struct VerifiedAnswer {
    bundle_len: usize,
    issuer: String,
    keyring_version: u32,
    list: Option<MarkView>,
    ok: bool,
    policy_files: usize,
}

/// The result for a refused bundle.
#[derive(Serialize)]
struct RefusedAnswer {
    code: &'static str,
    message: String,
    ok: bool,
}

impl VerifyList {
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Exit> {
        // Read the bundle from a file, with the root that the caller pins, or from the issuer
        // itself.
        let (file, root, now) = match (&self.bundle, self.pinned.root) {
            (Some(path), Some(root)) => (read(path)?, root, SystemClock.now()),
            _ => {
                let read = async |issuer: &Issuer| {
                    Ok((issuer.list().bundle().await?, *issuer.root(), issuer.now()))
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
                return Ok(Exit::Refused);
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
            view.as_ref().map_or(Ok(()), |view| write_list_version(o, view))?;
            field(o, "Bytes", file.len())
        })?;
        Ok(Exit::Done)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} could not be read", path.display()))
}
