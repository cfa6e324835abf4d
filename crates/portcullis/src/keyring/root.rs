//! The options for the root key, which signs every keyring.

use std::path::PathBuf;

use portcullis_issuer::actions::{KeyringChange, KeyringChanged};
use portcullis_issuer::keystore::Vault;
use portcullis_issuer::{Committed, Error, Issuer};

/// The options for the root key, which signs every keyring.
#[derive(Debug, clap::Args)]
pub(super) struct Root {
    /// The root key's file [default: root.key in the folder]
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// The person that you act for, for the audit trail
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

impl Root {
    pub(super) async fn change(
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
