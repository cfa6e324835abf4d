//! The first steps of a verification: from a text to a key with a verified tag or signature.

use crate::crypto::PublicKey;
use crate::keyring::{KeyEntry, Keyring, Material, Purpose};
use crate::refusal::Refusal;
use crate::signature_cache::{PendingSignature, SignatureCache, VerifiedSignature};
use crate::token::{Claims, MalformedToken, Name, TokenText, message_in, with_signed};

/// A well-formed text. Nothing is verified yet.
#[derive(Debug)]
pub struct Unverified(TokenText);

impl Unverified {
    /// A buffer to [`read`](Self::read) a text into.
    pub(crate) const BLANK: Self = Self(TokenText::BLANK);

    /// Reads a key's text into this buffer. After an error the contents are unspecified.
    #[inline]
    pub(crate) fn read(&mut self, text: &str) -> Result<(), MalformedToken> {
        self.0.read(text)
    }

    /// Reads a key's text.
    ///
    /// # Errors
    /// [`MalformedToken`].
    #[inline]
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        TokenText::parse(text).map(Self)
    }

    /// The text's form: prefix, length, and the signer that it names.
    #[must_use]
    pub const fn text(&self) -> &TokenText {
        &self.0
    }

    /// Verifies the tag or signature with the key that the keyring lists for the token's kid. The
    /// keyring's entry determines the algorithm, never the token.
    ///
    /// # Errors
    /// [`Refusal`], from [`Refusal::ForeignLabel`] to [`Refusal::BadSignature`].
    pub fn authenticate<'v>(
        &'v self,
        keyring: &'v Keyring,
        purpose: Purpose,
    ) -> Result<Authentic<'v>, Refusal> {
        self.authenticate_with(&mut SignatureCache::new(0), keyring, purpose)
    }

    /// [`authenticate`](Self::authenticate) with a cache: a signature in `signature_cache` is not
    /// verified again.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub fn authenticate_with<'v>(
        &'v self,
        signature_cache: &mut SignatureCache,
        keyring: &'v Keyring,
        purpose: Purpose,
    ) -> Result<Authentic<'v>, Refusal> {
        // A tag was verified on the way. A signature is verified only if the cache doesn't hold it.
        let (signer, proof) = self.proof(keyring, purpose)?;
        let authentic = match proof {
            Proof::Tag(good) => good,
            Proof::Signature { key, message, signature } => {
                let signature = PendingSignature::new(key, &message, signature);
                signature.is_some_and(|signature| is_good(signature_cache, key, signature))
            }
        };
        if !authentic {
            return Err(Refusal::BadSignature);
        }
        Ok(Authentic { text: &self.0, signer, keyring })
    }

    /// Authenticates if no Ed25519 verification is needed: the key's tag is right, or
    /// `signature_cache` holds its signature. `None` decides nothing about the key.
    #[must_use]
    pub fn authenticate_known<'v>(
        &'v self,
        signature_cache: &SignatureCache,
        keyring: &'v Keyring,
        purpose: Purpose,
    ) -> Option<Authentic<'v>> {
        let (signer, proof) = self.proof(keyring, purpose).ok()?;
        let known = match proof {
            Proof::Tag(good) => good,
            Proof::Signature { key, message, signature } => {
                signature_cache.holds(&PendingSignature::new(key, &message, signature)?)
            }
        };
        known.then_some(Authentic { text: &self.0, signer, keyring })
    }

    /// Authenticates as far as possible without an Ed25519 verification: checks a tag, and accepts
    /// a signature that `signature_cache` holds. Any other signature is returned, for the caller to
    /// verify in the fastest way.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub fn authenticate_by<'v>(
        &'v self,
        signature_cache: &SignatureCache,
        keyring: &'v Keyring,
        purpose: Purpose,
    ) -> Result<Authentication<'v>, Refusal> {
        // A tag decides at once, and so does a cached signature.
        let (signer, proof) = self.proof(keyring, purpose)?;
        let authentic = Authentic { text: &self.0, signer, keyring };
        match proof {
            Proof::Tag(true) => Ok(Authentication::Authentic(authentic)),
            Proof::Tag(false) => Err(Refusal::BadSignature),
            Proof::Signature { key, message, signature } => {
                let signature = PendingSignature::new(key, &message, signature);
                let signature = signature.ok_or(Refusal::BadSignature)?;
                Ok(if signature_cache.holds(&signature) {
                    Authentication::Authentic(authentic)
                } else {
                    Authentication::Unchecked(UncheckedSignature { authentic, key, signature })
                })
            }
        }
    }

    /// The signature that a host may verify natively and insert into `signature_cache` before it
    /// calls [`authenticate_with`](Self::authenticate_with). `None` if the key has an HMAC tag, or
    /// the cache holds its signature.
    ///
    /// # Errors
    /// The [`Refusal`] of [`authenticate`](Self::authenticate), if it doesn't depend on the
    /// signature's verification.
    pub fn signature_to_check(
        &self,
        keyring: &Keyring,
        purpose: Purpose,
        signature_cache: &SignatureCache,
    ) -> Result<Option<PendingSignature>, Refusal> {
        match self.proof(keyring, purpose)?.1 {
            Proof::Tag(true) => Ok(None),
            Proof::Tag(false) => Err(Refusal::BadSignature),
            Proof::Signature { key, message, signature } => {
                let signature = PendingSignature::new(key, &message, signature);
                let signature = signature.ok_or(Refusal::BadSignature)?;
                Ok(Some(signature).filter(|signature| !signature_cache.holds(signature)))
            }
        }
    }

    /// Finds the signer and checks a tag. For a signature, returns the inputs of its verification.
    fn proof<'k, 't>(
        &'t self,
        keyring: &'k Keyring,
        purpose: Purpose,
    ) -> Result<(&'k KeyEntry, Proof<'k, 't>), Refusal> {
        use crate::token::Proof as Carried;
        // Find the signer: the prefix must be the issuer's, and the keyring must list the kid for
        // this purpose, kind and environment. A key says itself whether it is an admin key, and
        // prefix, signed bytes and the signer's purpose must agree.
        let Claims { kid, kind, is_admin, environment, .. } = *self.0.claims();
        let block = keyring.block(self.0.prefix()).ok_or(Refusal::ForeignLabel)?;
        let signer = keyring.entry(kid).ok_or(Refusal::UnknownKid(kid))?;
        let agrees = is_admin == matches!(signer.purpose, Purpose::Admin);
        if signer.purpose != purpose || !agrees || !signer.may_sign(kind, environment) {
            return Err(Refusal::SignerNotAllowed(kid));
        }
        // Check the tag, or assemble the signed message.
        let block = with_signed(block, self.0.signed().ok_or(MalformedToken::Length)?);
        let proof = match (&signer.material, self.0.proof().ok_or(MalformedToken::Length)?) {
            (Material::Hmac { .. }, Carried::Tag(tag)) => {
                let secret = keyring.secret(kid).ok_or(Refusal::SecretNotHeld(kid))?;
                Proof::Tag(secret.verify_block(&block, tag))
            }
            (Material::Ed25519(key), Carried::Signature(signature)) => {
                Proof::Signature { key, message: message_in(&block), signature }
            }
            (Material::Hmac { .. }, Carried::Signature(_))
            | (Material::Ed25519(_), Carried::Tag(_)) => return Err(Refusal::BadSignature),
        };
        Ok((signer, proof))
    }
}

/// The result of authentication without Ed25519.
#[derive(Debug)]
pub enum Authentication<'v> {
    /// The key is authentic.
    Authentic(Authentic<'v>),
    /// Its signature has to be verified.
    Unchecked(UncheckedSignature<'v>),
}

/// A key with an unverified signature. The key is authentic only if the signature is good.
#[derive(Debug)]
pub struct UncheckedSignature<'v> {
    authentic: Authentic<'v>,
    key: &'v PublicKey,
    signature: PendingSignature,
}

impl<'v> UncheckedSignature<'v> {
    /// The signature, which a host may verify natively.
    #[must_use]
    pub const fn signature(&self) -> &PendingSignature {
        &self.signature
    }

    /// Verifies the signature here.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`].
    pub fn verify(self) -> Result<(Authentic<'v>, VerifiedSignature), Refusal> {
        let Self { authentic, key, signature } = self;
        let signature = signature.verify(key).ok_or(Refusal::BadSignature)?;
        Ok((authentic, signature))
    }
}

/// The state of a token's tag or signature.
enum Proof<'k, 't> {
    /// Whether the tag is right.
    Tag(bool),
    /// A signature that has to be verified.
    Signature { key: &'k PublicKey, message: [u8; 55], signature: &'t [u8; 64] },
}

fn is_good(
    signature_cache: &mut SignatureCache,
    key: &PublicKey,
    signature: PendingSignature,
) -> bool {
    if signature_cache.holds(&signature) {
        return true;
    }
    match signature.verify(key) {
        Some(signature) => {
            signature_cache.insert(signature);
            true
        }
        None => false,
    }
}

/// A key with a verified tag or signature. It may still be revoked, expired, or not what the
/// caller requires.
///
/// It borrows the text and the keyring: a verification copies no claims before it accepts them.
#[derive(Debug)]
pub struct Authentic<'v> {
    text: &'v TokenText,
    signer: &'v KeyEntry,
    keyring: &'v Keyring,
}

impl<'v> Authentic<'v> {
    /// The text, its signer, and the keyring that lists the signer.
    pub(crate) const fn parts(&self) -> (&'v TokenText, &'v KeyEntry, &'v Keyring) {
        (self.text, self.signer, self.keyring)
    }

    /// The key's public name, for the log line of an authentic key that is refused.
    #[must_use]
    pub fn name(&self) -> Name {
        Name::derive(self.keyring.issuer(), self.text.claims().serial)
    }

    /// A closure that derives [`name`](Self::name) on demand, which takes a hash.
    pub fn namer(&self) -> impl Fn() -> Name + use<> {
        let (issuer, serial) = (self.keyring.issuer(), self.text.claims().serial);
        move || Name::derive(issuer, serial)
    }
}
