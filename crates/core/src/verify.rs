//! The path of a verification.
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

use crate::crypto::{Context, HmacKey, IssuerId, PublicKey, last_block};
use crate::keyring::{KeyEntry, Keyring, Material, Purpose};
use crate::list::{List, ListVersion, Status};
use crate::signature_cache::{PendingSignature, SignatureCache};
use crate::time::Time;
use crate::token::{
    Algorithm, Claims, Environment, Kind, Malformed, Name, Prefix, Serial, SignedPart, Text,
};
use crate::verifier::{ListAt, Verifier};

pub use crate::refusal::Refusal;

/// What the caller asks of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// The purpose that the key's signer must have: token, or admin.
    pub purpose: Purpose,
    /// The kind, where only one will do.
    pub kind: Option<Kind>,
    /// The environment, where only one will do.
    pub environment: Option<Environment>,
}

/// A text of the right form. Nothing is known of who made it.
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

    /// Checks the tag or signature under the key that the keyring lists for the token's kid. The
    /// keyring's entry decides the algorithm, the token never does.
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

    /// The same; a signature that `signature_cache` holds is not verified again.
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

    /// The same where nothing is left to verify by Ed25519: the key's tag is right, or `signature_cache` holds
    /// its signature. `None` says nothing of the key.
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

    /// Authenticates as far as nothing has to be verified by Ed25519: a tag is checked, and a
    /// signature that `signature_cache` holds is good. Any other is given back, for the caller to have verified
    /// by whatever is quickest.
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

    /// The signature that a host may verify natively and insert into `signature_cache` before it calls
    /// [`authenticate_with`](Self::authenticate_with): `None` where the key is proved by an HMAC, or the memo
    /// holds its signature.
    ///
    /// # Errors
    /// [`Refusal`], as [`authenticate`](Self::authenticate) has it of this key whatever the host
    /// would find.
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

    /// Finds the signer, and looks at a tag; what there is to look at of a signature is given.
    fn proof<'k, 't>(
        &'t self,
        keyring: &'k Keyring,
        purpose: Purpose,
    ) -> Result<(&'k KeyEntry, Proof<'k, 't>), Refusal> {
        use crate::token::Proof as Carried;
        let Claims { kid, kind, environment, .. } = *self.0.claims();
        let block = keyring.block(self.0.prefix()).ok_or(Refusal::ForeignLabel)?;
        let signer = keyring.entry(kid).ok_or(Refusal::UnknownKid(kid))?;
        if signer.purpose != purpose || !signer.may_sign(kind, environment) {
            return Err(Refusal::SignerNotAllowed(kid));
        }
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

/// How far a key is authenticated without Ed25519.
#[derive(Debug)]
pub enum Authentication<'v> {
    /// All the way.
    Authentic(Authentic<'v>),
    /// Its signature is still to be verified.
    Unchecked(UncheckedSignature<'v>),
}

/// A key whose signature is still to be verified: its issuer's only if that is good.
#[derive(Debug)]
pub struct UncheckedSignature<'v> {
    authentic: Authentic<'v>,
    key: &'v PublicKey,
    signature: PendingSignature,
}

impl<'v> UncheckedSignature<'v> {
    /// What a host may verify natively.
    #[must_use]
    pub const fn signature(&self) -> &PendingSignature {
        &self.signature
    }

    /// Verifies it here. What is good may be kept in a [`SignatureCache`].
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

/// What was found of a token's tag or signature.
enum Proof<'k, 't> {
    /// Whether the tag is right.
    Tag(bool),
    /// A signature that is still to be checked.
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

/// The block of SHA-256 in which a token's message stands with its padding, but for the signed
/// part: context, binding, 28 zeros, and the padding of a message behind HMAC's first block.
pub(crate) fn message_block(binding: &[u8; 16]) -> [u8; 64] {
    let mut message = [0; HmacKey::MESSAGE_LEN];
    let parts = Context::TOKEN.bytes().iter().chain(binding);
    message.iter_mut().zip(parts).for_each(|(slot, byte)| *slot = *byte);
    last_block(&message, 64 + HmacKey::MESSAGE_LEN)
}

/// The same with the 28 bytes as they were received.
pub(crate) fn with_signed(block: &[u8; 64], signed: &SignedPart) -> [u8; 64] {
    const AT: usize = Context::LEN + 16;
    let mut block = *block;
    if let Some(place) = block.get_mut(AT..AT + signed.len()) {
        place.copy_from_slice(signed);
    }
    block
}

/// What a tag or signature covers: context, binding, signed part.
pub(crate) fn message_in(block: &[u8; 64]) -> [u8; HmacKey::MESSAGE_LEN] {
    block.first_chunk().copied().unwrap_or([0; HmacKey::MESSAGE_LEN])
}

/// A key that its issuer made. It may be revoked, expired, or for another door.
///
/// It looks at the text and the keyring where they lie: a verification copies no claims before it
/// accepts them.
#[derive(Debug)]
pub struct Authentic<'v> {
    text: &'v Text,
    signer: &'v KeyEntry,
    keyring: &'v Keyring,
}

impl<'v> Authentic<'v> {
    /// The key's public name: for the log line of a key that is its issuer's and refused all the
    /// same.
    #[must_use]
    pub fn name(&self) -> Name {
        Name::derive(self.keyring.issuer(), self.text.claims().serial)
    }

    /// The same, for a caller that seldom needs it: deriving it takes a hash.
    pub fn namer(&self) -> impl Fn() -> Name + use<> {
        let (issuer, serial) = (self.keyring.issuer(), self.text.claims().serial);
        move || Name::derive(issuer, serial)
    }

    /// Checks the key against a list that may be judged by now.
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
    /// Checks the key against what this door asks for.
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
            // The length says it, and the signer's entry agreed.
            algorithm: self.text.algorithm(),
            list: self.list.list_version(),
        })
    }
}

/// A key that passed every check: the only place where claims can be read.
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

    /// What the key says.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The key's place in the revocation list.
    #[must_use]
    pub const fn serial(&self) -> Serial {
        self.claims.serial
    }

    /// The list that the verdict was given by.
    #[must_use]
    pub const fn list(&self) -> ListVersion {
        self.list
    }
}

impl Verifier {
    /// Judges `text` at `now`: the whole path.
    ///
    /// # Errors
    /// [`Refusal`]: every doubt is one.
    pub fn verify(
        &self,
        text: &str,
        requirements: &Requirements,
        now: Time,
    ) -> Result<Accepted, Refusal> {
        self.verify_with(&mut SignatureCache::new(0), text, requirements, now)
    }

    /// The same, with the signatures that were checked before.
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
