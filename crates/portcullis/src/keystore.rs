//! `portcullis keystore …`: encrypting the files that hold keys.

use std::path::{Path, PathBuf};

use anyhow::Result;
use portcullis_issuer::at_rest;
use portcullis_issuer::keystore::Unlock;
use portcullis_issuer::{Error, Home};
use serde::Serialize;

use super::exit::Exit;
use super::global::{self, Global};
use super::output::{Out, field};

const HOW: &str = "Examples:\n  PORTCULLIS_PASSPHRASE_FILE=pass.txt portcullis keystore encrypt\n  \
                   portcullis keystore rekey --new-passphrase-file new.txt\n\n\
                   The passphrase is read from the file that PORTCULLIS_PASSPHRASE_FILE names, or from a \
                   prompt on a terminal; the key is read from the file that PORTCULLIS_KEY_FILE names. \
                   Neither can be an argument.";

/// Encrypt keystore and root key at rest, or decrypt them
#[derive(Debug, clap::Subcommand)]
#[command(after_help = HOW)]
pub(crate) enum Keystore {
    /// Show which of the files are encrypted
    Show(Files),
    /// Encrypt the keystore, and the root key if it is available
    Encrypt(Files),
    /// Decrypt the keystore, and the root key if it is available
    Decrypt(Files),
    Rekey(Rekey),
}

/// The files to process
#[derive(Debug, clap::Args)]
#[command(after_help = HOW)]
pub(crate) struct Files {
    /// The root key's file [default: root.key in the folder, if it exists]
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
}

/// Encrypt the files with another passphrase or key file
#[derive(Debug, clap::Args)]
#[command(after_help = HOW)]
pub(crate) struct Rekey {
    #[command(flatten)]
    files: Files,
    /// The file with the new passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "new_key_file")]
    new_passphrase_file: Option<PathBuf>,
    /// The new key file
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
}

impl Keystore {
    pub(super) fn run(&self, global: &Global, out: &Out) -> Result<Exit> {
        let home = global.home()?;
        home.check_keystore()?;
        match self {
            Self::Show(files) => show(&home, files.root(), out),
            Self::Encrypt(files) => {
                answer(&at_rest::encrypt(&home, files.root(), home.unlock())?, "Encrypted", out)
            }
            Self::Decrypt(files) => {
                answer(&at_rest::decrypt(&home, files.root())?, "Decrypted", out)
            }
            Self::Rekey(rekey) => {
                let done = at_rest::rekey(&home, rekey.files.root(), &rekey.with()?)?;
                answer(&done, "Encrypted", out)
            }
        }
    }
}

impl Files {
    fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }
}

impl Rekey {
    fn with(&self) -> Result<Unlock, Error> {
        match (&self.new_passphrase_file, &self.new_key_file) {
            (Some(path), _) => Ok(Unlock::passphrase_file(path)?),
            (None, Some(path)) => Ok(Unlock::key_file(path)?),
            (None, None) if std::io::IsTerminal::is_terminal(&std::io::stdin()) => {
                Ok(Unlock::ask(global::ask))
            }
            (None, None) => {
                let reason = "or --new-key-file must be given where nobody can be asked";
                Err(Error::Invalid { field: "--new-passphrase-file", reason })
            }
        }
    }
}

fn show(home: &Home, root: Option<&Path>, out: &Out) -> Result<Exit> {
    let files = at_rest::at_rest(home, root)?;
    let views = files.iter().map(|file| FileView { encrypted: file.encrypted, path: &file.path });
    out.answer(&FilesAnswer { files: views.collect() }, |o| {
        for file in &files {
            let label = if file.encrypted { "Encrypted" } else { "Plain" };
            field(o, label, file.path.display())?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

fn answer(files: &[PathBuf], label: &str, out: &Out) -> Result<Exit> {
    out.answer(&ChangedFiles { changed: files }, |o| {
        for file in files {
            field(o, label, file.display())?;
        }
        if files.is_empty() {
            writeln!(o, "nothing to do")?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

/// The files that hold secrets.
#[derive(Serialize)]
struct FilesAnswer<'a> {
    files: Vec<FileView<'a>>,
}

#[derive(Serialize)]
struct FileView<'a> {
    encrypted: bool,
    path: &'a Path,
}

#[derive(Serialize)]
struct ChangedFiles<'a> {
    changed: &'a [PathBuf],
}
