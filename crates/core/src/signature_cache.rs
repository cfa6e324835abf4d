//! Signatures that have been checked before, so that a key which comes again costs no second
//! verification by Ed25519.
//!
//! What is kept is that a signature is good, never that a key is: time, keyring and list are looked
//! at each time. A signature gets in only once it has been verified, so nobody without a signer's
//! key can fill the memo or push others out of it.

use alloc::vec::Vec;
use core::ops::Range;

use crate::crypto::PublicKey;
use crate::crypto::is_strict;

/// A signature and what it is over: all that a native verification needs.
///
/// [`Unverified::signature_to_check`](crate::verify::Unverified::signature_to_check) gives it out
/// only where its R and S are strict, so that what is left is the equation `[S]B = R + [k]A`. A host
/// whose library has the cofactorless one, as WebCrypto has in workerd, Chromium and Node, may do
/// that step and [`insert`](Memo::insert) the signature if it is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSignature {
    /// The signer's public key.
    pub key: [u8; 32],
    /// What is signed, its context included.
    pub message: [u8; 55],
    /// The signature.
    pub signature: [u8; 64],
}

impl PendingSignature {
    /// The signature over `message`, unless it is not strict.
    pub(crate) fn new(key: &PublicKey, message: &[u8; 55], signature: &[u8; 64]) -> Option<Self> {
        let (key, message, signature) = (key.to_bytes(), *message, *signature);
        is_strict(&signature).then_some(Self { key, message, signature })
    }

    /// By bytes of R, which are as good as random in a signature that is genuine.
    fn set(&self, sets: usize) -> usize {
        let [a, b, c, d, ..] = self.signature;
        let hash = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(0);
        hash.checked_rem(sets).unwrap_or(0)
    }
}

/// How many places a signature has. With one alone, two keys in steady use that share it would
/// push each other out at every request, each time at the price of a verification: of 500 such
/// keys in 1024 places two in five would. With four it is one in twenty.
const WAYS: usize = 4;

/// A bounded number of signatures that are known to be good. Of those that share their places the
/// newest stay.
#[derive(Clone, Debug, Default)]
pub struct SignatureCache {
    places: Vec<Option<PendingSignature>>,
    capacity: usize,
}

impl SignatureCache {
    /// A memo for `capacity` signatures of about 150 bytes each; 0 keeps none.
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

    /// Keeps a signature that the caller has verified.
    pub fn insert(&mut self, signature: PendingSignature) {
        if self.places.is_empty() {
            // A memo for more than there is memory for keeps none.
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
        // The oldest comes to the front, to be written over.
        if let Some(oldest) = set.len().checked_sub(1) {
            set.rotate_right(oldest.min(1));
        }
        if let Some(first) = set.first_mut() {
            *first = Some(signature);
        }
    }

    /// The places that a signature may have; the last set is what is left of the capacity.
    fn set(&self, signature: &PendingSignature) -> Option<Range<usize>> {
        let start = signature.set(self.capacity.div_ceil(WAYS)).checked_mul(WAYS)?;
        Some(start..start.checked_add(WAYS)?.min(self.capacity))
    }
}
