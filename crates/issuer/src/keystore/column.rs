//! Secrets that lie in the database: each sealed under a key of the keystore and bound to its place.
//!
//! ```text
//! `s1.` base64url( nonce of 24 bytes, XChaCha20-Poly1305 of the text with its tag )
//! associated data: `portcullis column v1`, 00, the issuer's id, 00, the place
//! key: HMAC-SHA256( a secret of the keystore, `portcullis column v1` )
//! ```
//!
//! The key is derived from what every machine's copy of the keystore holds from the beginning on,
//! so that nothing has to be handed round. Who reads the database, or a backup of it, learns
//! nothing; who writes it can't put one webhook's secret in the place of another's.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use portcullis_core::crypto::IssuerId;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::Error;

const CONTEXT: &str = "portcullis column v1";
const PREFIX: &str = "s1.";
const NONCE_LEN: usize = 24;

/// A text as it lies in the database. Only a [`ColumnKey`] makes one of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedText(String);

impl SealedText {
    /// What a column holds.
    pub(crate) const fn of_column(text: String) -> Self {
        Self(text)
    }

    /// As the column holds it.
    pub(crate) fn as_column(&self) -> &str {
        &self.0
    }

    /// Whether this was sealed at all: a database of before has secrets as they are.
    pub(crate) fn is_sealed(&self) -> bool {
        self.0.starts_with(PREFIX)
    }
}

impl fmt::Debug for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedText(..)")
    }
}

/// What seals secrets in the database, and opens them.
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
    pub(super) fn derive(issuer: IssuerId, from: &[u8; 32]) -> Result<Self, Error> {
        // HMAC takes keys of any length: this never fails.
        let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(from);
        let mut mac = mac.map_err(|_| Error::Random)?;
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

    /// Seals a text for its place, such as a webhook's id.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn seal(&self, place: &str, text: &str) -> Result<SealedText, Error> {
        let nonce: [u8; NONCE_LEN] = *crate::random::secret()?;
        let payload = Payload { msg: text.as_bytes(), aad: &self.bound_to(place) };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        // Only a text of 256 GiB is too long.
        let sealed = sealed.map_err(|_| Error::Random)?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok(SealedText(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Opens what was sealed for that place under this key; `None` for anything else.
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
