//! Minting tokens.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::base62;
use crate::crypto::{HmacKey, IssuerId};
use crate::issue::SigningKey;
use crate::token::{
    Algorithm, Claims, Label, Prefix, SignedPart, as_canary, checksum, message_block, message_in,
    toggle_mask, with_signed,
};

/// A signer of tokens: a keyring key of the purpose token or admin, with its private half.
#[derive(Debug)]
pub enum TokenSigner {
    /// HMAC-SHA256 truncated to 128 bits.
    Hmac(HmacSigner),
    /// Ed25519.
    Ed25519(SigningKey),
}

/// An HMAC key for minting.
#[derive(Debug)]
pub struct HmacSigner(HmacKey);

impl HmacSigner {
    /// Prepares a secret.
    #[must_use]
    pub fn new(secret: &[u8; HmacKey::SECRET_LEN]) -> Self {
        Self(HmacKey::new(secret))
    }

    /// Mints the canary with `claims`, for `issuer`, under `label`: a key that every verifier
    /// refuses as forged, and that those with the secret can
    /// [recognise](crate::verify::Canary::recognise).
    #[must_use]
    pub fn mint_canary(
        &self,
        issuer: IssuerId,
        label: Label,
        claims: &Claims,
    ) -> Zeroizing<String> {
        let message = Message::new(issuer, label, claims);
        message.spell(&self.0.tag(&as_canary(&message.block)))
    }
}

impl TokenSigner {
    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hmac(_) => Algorithm::HmacSha256,
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Mints the token with `claims`, for `issuer`, under `label`. The same arguments give the same
    /// text.
    #[must_use]
    pub fn mint(&self, issuer: IssuerId, label: Label, claims: &Claims) -> Zeroizing<String> {
        let message = Message::new(issuer, label, claims);
        match self {
            Self::Hmac(HmacSigner(key)) => message.spell(&key.tag(&message.block)),
            Self::Ed25519(key) => message.spell(&key.sign_message(&message_in(&message.block))),
        }
    }
}

/// What is signed for a token, and its prefix.
struct Message {
    prefix: Prefix,
    signed: SignedPart,
    block: [u8; 64],
}

impl Message {
    fn new(issuer: IssuerId, label: Label, claims: &Claims) -> Self {
        let Claims { kind, is_admin, environment, .. } = *claims;
        let prefix = Prefix { label, kind, is_admin, environment };
        let signed = claims.encode();
        let block = with_signed(&message_block(&prefix.binding(issuer)), &signed);
        Self { prefix, signed, block }
    }

    /// The text of the token with this tag or signature.
    fn spell(&self, proof: &[u8]) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(96));
        bytes.extend_from_slice(&self.signed);
        bytes.extend_from_slice(proof);
        // What is signed is unmasked; what the checksum covers is masked, as it is sent.
        toggle_mask(&mut bytes);
        let front = format!("{}", self.prefix);
        let checksum = checksum(front.as_bytes(), &bytes);
        bytes.extend_from_slice(&checksum);
        let mut text = Zeroizing::new(String::with_capacity(crate::token::TokenText::MAX_LEN));
        text.push_str(&front);
        base62::encode_into(&bytes, &mut text);
        text
    }
}

/// The form of a token for people, which may be shown after its issuance: its prefix, `***`, its
/// last 5 characters. Of a text without a token's prefix and length it shows nothing.
#[must_use]
pub fn redact(token: &str) -> String {
    let (front, body) = token.split_at(token.rfind('_').map_or(0, |underscore| underscore + 1));
    let prefix = Prefix::parse(front.as_bytes());
    let last = prefix.filter(|prefix| prefix.fits(body.len())).and_then(|_| {
        let at = body.len().checked_sub(SHOWN)?;
        body.get(at..)
    });
    let (Some(prefix), Some(last)) = (prefix, last) else { return String::from("***") };
    format!("{prefix}***{last}")
}

/// How many characters of a token's end its form for people shows. Among a million keys, about one
/// in a thousand shares its form with another.
const SHOWN: usize = 5;
