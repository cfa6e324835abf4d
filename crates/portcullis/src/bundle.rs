//! `portcullis bundle`: the data that a verifier starts with, in one file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use portcullis_api::view::MarkView;
use portcullis_issuer::Issuer;
use portcullis_issuer::files::{Privacy, write_atomic};
use portcullis_issuer::publish::GateFile;
use serde::Serialize;

use super::exit::Exit;
use super::global::Global;
use super::list::adopt::adopt;
use super::list::answer::write_list_version;
use super::open::with_issuer;
use super::output::{Out, field};

/// Write the keyring and the list to one file, to deploy with a gate or for use without a network
///
/// The content is that of /.well-known/portcullis/bundle. The command reads it back as a verifier
/// does before it writes the file. An existing file is replaced in one step.
///
/// With --for-gate, the file also contains the policies, including those of secret keys. It is then
/// as private as the gate's secrets: only its owner can read it, and it must not be put into a
/// repository or on a web server.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis bundle --for-gate --out crates/gate-worker/bundle.bin\n  \
                        portcullis bundle --out list.bundle"
)]
pub(crate) struct Bundle {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Include all policies, for a gate's deployment; keep the file private
    #[arg(long)]
    for_gate: bool,
    // A Worker of the free plan may have 3 MB when compressed, including the gate itself.
    /// The most bytes that the file may have. Policies that don't fit are left out; the gate
    /// fetches them when a key needs them
    #[arg(long, value_name = "BYTES", default_value_t = 2_500_000, requires = "for_gate")]
    max_len: usize,
}

impl Bundle {
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Exit> {
        with_issuer(global, async |issuer| self.write(issuer, out).await).await
    }

    async fn write(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        const NOTHING: &str = "nothing was written; run `portcullis list publish`";
        let (bundle, now) = (issuer.list().bundle().await?, issuer.now());
        let (verifier, _) = adopt(&bundle, *issuer.root(), now).context(NOTHING)?;
        let list = verifier.list().context(NOTHING)?;
        let view = MarkView::new(&list.list_version(), now);
        if !self.for_gate {
            write_atomic(&self.out, &bundle, Privacy::Public)?;
            let bundle_len = bundle.len();
            let answer = BundleAnswer { bundle_len, file: &self.out, list: view, policies: None };
            out.answer(&answer, |o| {
                field(o, "Written", self.out.display())?;
                write_list_version(o, &view)?;
                field(o, "Bytes", bundle.len())
            })?;
            return Ok(Exit::Done);
        }
        if bundle.len() > self.max_len {
            bail!(
                "keyring and list alone are {} bytes; nothing was written: raise --max-len as far \
                 as the platform's limit allows, or deploy the gate without a bundle",
                bundle.len()
            );
        }
        let made =
            issuer.list().gate_file(&bundle, list.head(), self.max_len).await.context(NOTHING)?;
        write_atomic(&self.out, &made.file, Privacy::Secret)?;
        self.tell(&made, &view, out)?;
        Ok(Exit::Done)
    }

    fn tell(&self, made: &GateFile, view: &MarkView, out: &Out) -> Result<()> {
        let GateFile { file, policies: [public, private], policies_len, left_out } = made;
        let policies = PoliciesInBundle {
            bytes: *policies_len,
            left_out: *left_out,
            private_files: *private,
            public_files: *public,
        };
        let answer = BundleAnswer {
            bundle_len: file.len(),
            file: &self.out,
            list: *view,
            policies: Some(policies),
        };
        out.answer(&answer, |o| {
            field(o, "Written", self.out.display())?;
            write_list_version(o, view)?;
            field(o, "Bytes", file.len())?;
            let files = format_args!("{public} public, {private} private files").to_string();
            field(o, "Policies", format_args!("{files}, {policies_len} bytes"))?;
            if *left_out > 0 {
                let why = "files, for want of room: the gate fetches them when keys need them";
                field(o, "Left out", format_args!("{left_out} {why}"))?;
            }
            if *private > 0 {
                field(
                    o,
                    "Private",
                    "holds secret keys' policies: deploy it, and show it to nobody",
                )?;
            }
            Ok(())
        })
    }
}

/// The file that was written.
#[derive(Serialize)]
struct BundleAnswer<'a> {
    bundle_len: usize,
    file: &'a Path,
    list: MarkView,
    /// Present only for a gate's bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<PoliciesInBundle>,
}

#[derive(Serialize)]
struct PoliciesInBundle {
    bytes: usize,
    /// The number of files that did not fit.
    left_out: usize,
    private_files: usize,
    public_files: usize,
}
