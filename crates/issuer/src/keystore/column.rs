//! Secrets in the database: each is sealed under a key from the keystore and bound to its place.
//!
//! ```text
//! `s1.` base64url( nonce of 24 bytes, XChaCha20-Poly1305 of the text with its tag )
//! associated data: `portcullis column v1`, 00, the issuer's id, 00, the place
//! key: HMAC-SHA256( a secret of the keystore, `portcullis column v1` )
//! ```
//!
//! The key is derived from a secret that every machine's copy of the keystore has from the start,
//! so nothing has to be distributed. A reader of the database or its backups learns nothing. A
//! writer can't substitute one webhook's secret for another's.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use portcullis_core::crypto::IssuerId;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::random::{self, NoRandomness};

const CONTEXT: &str = "portcullis column v1";
const PREFIX: &str = "s1.";
const NONCE_LEN: usize = 24;

/// A column's text. Only a [`ColumnKey`] turns a secret into one.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedText(String);

impl SealedText {
    /// Wraps a column's text.
    pub(crate) const fn of_column(text: String) -> Self {
        Self(text)
    }

    /// The text for the column.
    pub(crate) fn as_column(&self) -> &str {
        &self.0
    }

    /// Whether the text is sealed. Databases of earlier versions hold plain secrets.
    pub(crate) fn is_sealed(&self) -> bool {
        self.0.starts_with(PREFIX)
    }
}

impl fmt::Debug for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedText(..)")
    }
}

/// Seals and opens secrets in the database.
pub struct ColumnKey {
    issuer: IssuerId,
    key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for ColumnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ColumnKey(..)")
    }
}

impl ColumnKey {
    pub(super) fn derive(issuer: IssuerId, from: &[u8; 32]) -> Result<Self, NoRandomness> {
        // HMAC accepts keys of any length, so this never fails.
        let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(from);
        let mut mac = mac.map_err(|_| NoRandomness)?;
        mac.update(CONTEXT.as_bytes());
        let key = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
        Ok(Self { issuer, key })
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.key).into())
    }

    fn bound_to(&self, place: &str) -> Vec<u8> {
        let parts: [&[u8]; 5] = [CONTEXT.as_bytes(), &[0], &self.issuer.0, &[0], place.as_bytes()];
        parts.concat()
    }

    /// Seals a text and binds it to a place, such as a webhook's id.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn seal(&self, place: &str, text: &str) -> Result<SealedText, NoRandomness> {
        let nonce: [u8; NONCE_LEN] = *random::secret()?;
        let payload = Payload { msg: text.as_bytes(), aad: &self.bound_to(place) };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        // Only texts above 256 GiB are too long.
        let sealed = sealed.map_err(|_| NoRandomness)?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok(SealedText(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Opens a text sealed for this place under this key; `None` otherwise.
    #[must_use]
    pub fn open(&self, place: &str, sealed: &SealedText) -> Option<Zeroizing<String>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed.0.strip_prefix(PREFIX)?).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let payload = Payload { msg: sealed, aad: &self.bound_to(place) };
        let text = self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(text).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_and_under_its_key_alone() {
        let key = ColumnKey::derive(IssuerId([7; 16]), &[1; 32]).unwrap();
        let sealed = key.seal("whk_a", "whsec_x").unwrap();
        assert!(sealed.is_sealed() && !sealed.as_column().contains("whsec"));
        assert_eq!(key.open("whk_a", &sealed).unwrap().as_str(), "whsec_x");
        assert_ne!(key.seal("whk_a", "whsec_x").unwrap(), sealed, "each has a nonce of its own");
        assert!(key.open("whk_b", &sealed).is_none());
        for (issuer, from) in [([7; 16], [2; 32]), ([8; 16], [1; 32])] {
            let other = ColumnKey::derive(IssuerId(issuer), &from).unwrap();
            assert!(other.open("whk_a", &sealed).is_none());
        }
        let text = sealed.as_column().to_owned();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let altered = SealedText::of_column(String::from_utf8(bytes).unwrap());
            assert!(key.open("whk_a", &altered).is_none(), "{at}");
            assert!(key.open("whk_a", &SealedText::of_column(text[..at].into())).is_none());
        }
        assert!(key.open("whk_a", &SealedText::of_column("whsec_x".into())).is_none());
        let shown = format!("{sealed:?} {key:?}");
        assert_eq!(shown, "SealedText(..) ColumnKey(..)");
    }
}
