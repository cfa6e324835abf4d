//! A cache of verified signatures, so that a key's next use costs no second Ed25519 verification.
//!
//! The cache records that a signature is good, never that a key is valid: time, keyring and list
//! are checked each time. A signature is inserted only once it has been verified, so only the
//! holder of a signer's key can fill the cache or evict entries.
//!
//! ```
//! # let bundle: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/files/list.bundle"));
//! # let root = portcullis_core::PublicKey::from_text("Ed9_Cgn9aUMnM8oyYyIf2YRyr50V8TzLtzhO1S2nPGg")?;
//! # let now = portcullis_core::Time::from_millis(1767225600000);
//! use portcullis_core::list::Bundle;
//! use portcullis_core::policy::Policies;
//! use portcullis_core::verify::Unverified;
//! use portcullis_core::{Purpose, Requirements, SignatureCache, Verifier};
//!
//! let mut verifier = Verifier::new(root, Bundle::decode(bundle)?.keyring)?;
//! verifier.adopt_bundle(bundle, now)?;
//! // No key of this list has an assignment.
//! let files = Policies::new(0);
//! let mut cache = SignatureCache::new(1024);
//! let requirements = Requirements { purpose: Purpose::Token, kind: None, environment: None };
//! let token = "sk_live_2pdeIAiMffl8YlD05XnmmoFqL57uAl3AJ4SGo0IemltWCDDVtYEBvto8Jl\
//!     dTkYNYK5De2P8B56bdlBKnptTKlT77KAjNAlRhjhmBnGFvHB8RjLJ03AJZGyB4I8rBzTgQ7lql";
//!
//! // A host whose library is faster verifies the signature itself...
//! let unverified = Unverified::parse(token)?;
//! let pending = unverified.signature_to_check(verifier.keyring(), Purpose::Token, &cache)?;
//! let pending = pending.ok_or("proved by an HMAC tag, or known already")?;
//! # fn host_verifies(_key: &[u8; 32], _message: &[u8], _signature: &[u8; 64]) -> bool { true }
//! if host_verifies(pending.key(), pending.message(), pending.signature()) {
//!     cache.insert(pending.verified_by_host());
//! }
//! // ...and the verification finds it.
//! let accepted = verifier.verify_with(&mut cache, &files, token, &requirements, now)?;
//! assert_eq!(accepted.serial().get(), 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::vec::Vec;
use core::ops::Range;

use crate::crypto::{PublicKey, is_strict};

/// A signature that is still to be verified, with its key and message: the inputs of a native
/// verification.
///
/// [`Unverified::signature_to_check`](crate::verify::Unverified::signature_to_check) returns it
/// only if its R and S are strict, so that only the equation `[S]B = R + [k]A` remains. A host may
/// check that equation, if its library uses the cofactorless form, as WebCrypto does in workerd,
/// Chromium and Node. A good signature becomes a [`VerifiedSignature`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSignature {
    key: [u8; 32],
    message: [u8; 55],
    signature: [u8; 64],
}

/// A signature that has been verified. Only such signatures enter a [`SignatureCache`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSignature(PendingSignature);

impl PendingSignature {
    /// The signature over `message`; `None` if it isn't strict.
    pub(crate) fn new(key: &PublicKey, message: &[u8; 55], signature: &[u8; 64]) -> Option<Self> {
        Self::from_parts(key.to_bytes(), *message, *signature)
    }

    /// Puts together again what a host took apart with [`key`](Self::key),
    /// [`message`](Self::message) and [`signature`](Self::signature). `None` if R and S aren't
    /// strict.
    #[must_use]
    pub fn from_parts(key: [u8; 32], message: [u8; 55], signature: [u8; 64]) -> Option<Self> {
        is_strict(&signature).then_some(Self { key, message, signature })
    }

    /// The signer's public key.
    #[must_use]
    pub const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The signed message, its context included.
    #[must_use]
    pub const fn message(&self) -> &[u8; 55] {
        &self.message
    }

    /// The signature.
    #[must_use]
    pub const fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// The host's word that its library found the signature good. Call it only after a
    /// verification: a signature that is accepted here is good from then on.
    #[must_use]
    pub const fn verified_by_host(self) -> VerifiedSignature {
        VerifiedSignature(self)
    }

    /// Verifies the signature with `key`, which is its key; `None` if it is wrong.
    pub(crate) fn verify(self, key: &PublicKey) -> Option<VerifiedSignature> {
        key.verify_message(&self.message, &self.signature).then_some(VerifiedSignature(self))
    }

    /// The set, by bytes of R, which are uniformly distributed in genuine signatures.
    fn set(&self, sets: usize) -> usize {
        let [a, b, c, d, ..] = self.signature;
        let hash = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(0);
        hash.checked_rem(sets).unwrap_or(0)
    }
}

/// Slots per set. In a direct-mapped cache, two keys in steady use that share a slot would evict
/// each other at every request, each time at the cost of a verification: of 500 such keys in 1024
/// slots two in five would. With four ways it is one in twenty.
const WAYS: usize = 4;

/// A bounded cache of good signatures. Each set keeps its newest.
#[derive(Clone, Debug, Default)]
pub struct SignatureCache {
    places: Vec<Option<PendingSignature>>,
    capacity: usize,
}

impl SignatureCache {
    /// A cache for `capacity` signatures of about 150 bytes each; 0 disables it.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { places: Vec::new(), capacity }
    }

    /// Whether the signature is known to be good.
    #[must_use]
    pub fn holds(&self, signature: &PendingSignature) -> bool {
        self.set(signature).is_some_and(|set| {
            let mut held = self.places.get(set).into_iter().flatten().flatten();
            held.any(|held| held == signature)
        })
    }

    /// Inserts a verified signature.
    pub fn insert(&mut self, VerifiedSignature(signature): VerifiedSignature) {
        if self.places.is_empty() {
            // If the memory can't be allocated, the cache stays empty.
            if self.places.try_reserve_exact(self.capacity).is_err() {
                return;
            }
            self.places.resize(self.capacity, None);
        }
        let set = self.set(&signature).and_then(|set| self.places.get_mut(set));
        let Some(set) = set else { return };
        if set.iter().flatten().any(|held| *held == signature) {
            return;
        }
        // Move the oldest to the front, to be overwritten.
        if let Some(oldest) = set.len().checked_sub(1) {
            set.rotate_right(oldest.min(1));
        }
        if let Some(first) = set.first_mut() {
            *first = Some(signature);
        }
    }

    /// The slots of a signature's set; the last set may be smaller.
    fn set(&self, signature: &PendingSignature) -> Option<Range<usize>> {
        let start = signature.set(self.capacity.div_ceil(WAYS)).checked_mul(WAYS)?;
        Some(start..start.checked_add(WAYS)?.min(self.capacity))
    }
}
