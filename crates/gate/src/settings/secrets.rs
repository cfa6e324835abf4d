//! The secrets that the issuer exports for gates: for HMAC keys, and for signing assertions.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::crypto::{HmacKey, IssuerId};
use zeroize::Zeroizing;

use crate::settings::error::Fault;

/// The HMAC secrets and the assertion key of one issuer. Wiped when dropped, hidden from `Debug`.
pub struct Secrets {
    issuer: String,
    keys: Vec<Named>,
    assertion: Option<Named>,
}

/// A secret with its kid.
type Named = (u16, Zeroizing<[u8; HmacKey::SECRET_LEN]>);

impl Secrets {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        #[derive(serde::Deserialize)]
        struct Export<'a> {
            #[serde(borrow)]
            issuer: &'a str,
            #[serde(borrow)]
            secrets: Vec<Key<'a>>,
            #[serde(borrow, default)]
            assertion: Option<Key<'a>>,
        }
        #[derive(serde::Deserialize)]
        struct Key<'a> {
            kid: u16,
            #[serde(borrow)]
            secret: &'a str,
        }
        let export: Export<'_> = serde_json::from_str(text).map_err(|_| Fault::SecretsForm)?;
        // Decode into zeroizing memory. An error names the kid, never the text.
        let read = |key: &Key<'_>| {
            let mut secret = Zeroizing::new([0; HmacKey::SECRET_LEN]);
            match URL_SAFE_NO_PAD.decode_slice(key.secret, secret.as_mut()) {
                Ok(HmacKey::SECRET_LEN) => Ok((key.kid, secret)),
                Ok(_) | Err(_) => Err(Fault::Secret(key.kid)),
            }
        };
        Ok(Self {
            issuer: export.issuer.to_owned(),
            keys: export.secrets.iter().map(read).collect::<Result<_, _>>()?,
            assertion: export.assertion.as_ref().map(read).transpose()?,
        })
    }

    /// Whether these secrets belong to `issuer`.
    #[must_use]
    pub fn belong_to(&self, issuer: IssuerId) -> bool {
        self.issuer == issuer.to_string()
    }

    /// The signer of assertions: its kid and the seed of its Ed25519 key.
    #[must_use]
    pub fn assertion(&self) -> Option<(u16, &[u8; 32])> {
        self.assertion.as_ref().map(|(kid, seed)| (*kid, &**seed))
    }

    /// Each secret with its kid.
    pub fn keys(&self) -> impl Iterator<Item = (u16, &[u8; HmacKey::SECRET_LEN])> {
        self.keys.iter().map(|(kid, secret)| (*kid, &**secret))
    }
}

impl core::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Secrets").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
