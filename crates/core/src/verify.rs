//! The steps of a verification.
//!
//! ```
//! # use portcullis_core::{verifier::Verifier, time::Time, verify::*};
//! # fn verify(
//! #     verifier: &Verifier, text: &str, requirements: &Requirements, now: Time,
//! # ) -> Result<Accepted, Refusal> {
//!     Unverified::parse(text)?
//!         .authenticate(verifier.keyring(), requirements.purpose)?
//!         .current(&verifier.list_at(now)?)?
//!         .accept(requirements)
//! # }
//! ```

use crate::crypto::{IssuerId, PublicKey};
use crate::keyring::{KeyEntry, Keyring, Material, Purpose};
use crate::list::{List, ListVersion, Status};
use crate::signature_cache::{PendingSignature, SignatureCache};
use crate::time::Time;
use crate::token::{
    Algorithm, Claims, Environment, Kind, Malformed, Name, Prefix, Serial, Text, message_in,
    with_signed,
};
use crate::verifier::{ListAt, Verifier};

pub use crate::refusal::Refusal;

/// What the caller requires of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// The purpose that the key's signer must have: token, or admin.
    pub purpose: Purpose,
    /// The required kind, if any.
    pub kind: Option<Kind>,
    /// The required environment, if any.
    pub environment: Option<Environment>,
}

/// A well-formed text. Nothing is verified yet.
#[derive(Debug)]
pub struct Unverified(Text);

impl Unverified {
    /// Reads a key's text.
    ///
    /// # Errors
    /// [`Malformed`].
    #[inline]
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Text::parse(text).map(Self)
    }

    /// The text's form: prefix, length, and the signer that it names.
    #[must_use]
    pub const fn text(&self) -> &Text {
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
        // this purpose, kind and environment.
        let Claims { kid, kind, environment, .. } = *self.0.claims();
        let block = keyring.block(self.0.prefix()).ok_or(Refusal::ForeignLabel)?;
        let signer = keyring.entry(kid).ok_or(Refusal::UnknownKid(kid))?;
        if signer.purpose != purpose || !signer.may_sign(kind, environment) {
            return Err(Refusal::SignerNotAllowed(kid));
        }
        // Check the tag, or assemble the signed message.
        let block = with_signed(block, self.0.signed().ok_or(Malformed::Length)?);
        let proof = match (&signer.material, self.0.proof().ok_or(Malformed::Length)?) {
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

    /// Verifies the signature here. A good one may be inserted into a [`SignatureCache`].
    ///
    /// # Errors
    /// [`Refusal::BadSignature`].
    pub fn verify(self) -> Result<(Authentic<'v>, PendingSignature), Refusal> {
        let Self { authentic, key, signature } = self;
        if key.verify_message(&signature.message, &signature.signature) {
            Ok((authentic, signature))
        } else {
            Err(Refusal::BadSignature)
        }
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
    let good = key.verify_message(&signature.message, &signature.signature);
    if good {
        signature_cache.insert(signature);
    }
    good
}

/// A key whose tag or signature is verified. It may still be revoked, expired, or not what the
/// caller requires.
///
/// It borrows the text and the keyring: a verification copies no claims before it accepts them.
#[derive(Debug)]
pub struct Authentic<'v> {
    text: &'v Text,
    signer: &'v KeyEntry,
    keyring: &'v Keyring,
}

impl<'v> Authentic<'v> {
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

    /// Checks the key against a list that is valid now.
    ///
    /// # Errors
    /// [`Refusal`], from [`Refusal::ForeignList`] to [`Refusal::Expired`].
    pub fn current(self, fresh: &ListAt<'v>) -> Result<Current<'v>, Refusal> {
        let claims = self.text.claims();
        if fresh.list.issuer() != self.keyring.issuer() {
            return Err(Refusal::ForeignList);
        }
        if !self.signer.counts_at(fresh.now) {
            return Err(Refusal::SignerNotAllowed(self.signer.kid));
        }
        match fresh.list.status(claims, fresh.now) {
            Status::Good => {}
            Status::Revoked => return Err(Refusal::Revoked),
            Status::Suspended => return Err(Refusal::Suspended),
            Status::NotCovered => return Err(Refusal::NotCovered),
        }
        if claims.lifetime.is_over(fresh.now) {
            return Err(Refusal::Expired);
        }
        Ok(Current { text: self.text, list: fresh.list })
    }
}

/// An authentic key that is neither revoked nor expired.
#[derive(Debug)]
pub struct Current<'v> {
    text: &'v Text,
    list: &'v List,
}

impl Current<'_> {
    /// Checks the key against the caller's requirements.
    ///
    /// # Errors
    /// [`Refusal::WrongKind`] and [`Refusal::WrongEnvironment`].
    pub fn accept(self, requirements: &Requirements) -> Result<Accepted, Refusal> {
        let claims = *self.text.claims();
        let Claims { kind, environment, .. } = claims;
        if let Some(needed) = requirements.kind.filter(|needed| *needed != kind) {
            return Err(Refusal::WrongKind { needed, given: kind });
        }
        if let Some(needed) = requirements.environment.filter(|needed| *needed != environment) {
            return Err(Refusal::WrongEnvironment { needed, given: environment });
        }
        Ok(Accepted {
            claims,
            prefix: *self.text.prefix(),
            issuer: self.list.issuer(),
            // From the length; the signer's entry has the same algorithm.
            algorithm: self.text.algorithm(),
            list: self.list.list_version(),
        })
    }
}

/// A key that passed every check. Only this type gives access to claims.
#[must_use]
#[derive(Debug)]
pub struct Accepted {
    claims: Claims,
    prefix: Prefix,
    issuer: IssuerId,
    algorithm: Algorithm,
    list: ListVersion,
}

impl Accepted {
    /// The key's public name.
    #[must_use]
    pub fn name(&self) -> Name {
        Name::derive(self.issuer, self.claims.serial)
    }

    /// The issuer.
    #[must_use]
    pub const fn issuer(&self) -> IssuerId {
        self.issuer
    }

    /// The prefix, label included.
    #[must_use]
    pub const fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The algorithm that proved the key.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key's claims.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The key's index in the revocation list.
    #[must_use]
    pub const fn serial(&self) -> Serial {
        self.claims.serial
    }

    /// The list that the key was checked against.
    #[must_use]
    pub const fn list(&self) -> ListVersion {
        self.list
    }
}

impl Verifier {
    /// Verifies `text` at `now`: all steps.
    ///
    /// # Errors
    /// [`Refusal`]: whatever can't be verified is refused.
    pub fn verify(
        &self,
        text: &str,
        requirements: &Requirements,
        now: Time,
    ) -> Result<Accepted, Refusal> {
        self.verify_with(&mut SignatureCache::new(0), text, requirements, now)
    }

    /// [`verify`](Self::verify) with a cache of verified signatures.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_with(
        &self,
        signature_cache: &mut SignatureCache,
        text: &str,
        requirements: &Requirements,
        now: Time,
    ) -> Result<Accepted, Refusal> {
        let mut unverified = Unverified(Text::BLANK);
        unverified.0.read(text)?;
        unverified
            .authenticate_with(signature_cache, self.keyring(), requirements.purpose)?
            .current(&self.list_at(now)?)?
            .accept(requirements)
    }
}
