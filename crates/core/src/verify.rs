//! The path of a verification: from a key's text to its claims.
//!
//! [`Verifier::verify`] takes all steps. A host that verifies signatures itself, or needs to know
//! how far a key came, takes them one by one:
//!
//! ```
//! # let bundle: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/files/list.bundle"));
//! # let root = portcullis_core::PublicKey::from_text("Ed9_Cgn9aUMnM8oyYyIf2YRyr50V8TzLtzhO1S2nPGg")?;
//! # let now = portcullis_core::Time::from_millis(1767225600000);
//! use portcullis_core::list::Bundle;
//! use portcullis_core::verify::Unverified;
//! use portcullis_core::{Purpose, Requirements, Verifier};
//!
//! let mut verifier = Verifier::new(root, Bundle::decode(bundle)?.keyring)?;
//! verifier.adopt_bundle(bundle, now)?;
//! let requirements = Requirements { purpose: Purpose::Token, kind: None, environment: None };
//! let token = "sk_live_2pdeIAiMffl8YlD05XnmmoFqL57uAl3AJ4SGo0IemltWCDDVtYEBvto8Jl\
//!     dTkYNYK5De2P8B56bdlBKnptTKlT77KAjNAlRhjhmBnGFvHB8RjLJ03AJZGyB4I8rBzTgQ7lql";
//!
//! let accepted = Unverified::parse(token)?
//!     .authenticate(verifier.keyring(), requirements.purpose)?
//!     .current(&verifier.list_at(now)?)?
//!     .accept(&requirements)?;
//! assert_eq!(accepted.claims().kid, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::assignment::{Assignment, Changes, NoAssignment};
use crate::crypto::IssuerId;
use crate::keyring::{Keyring, Purpose};
use crate::list::{ListVersion, RevocationList, Status};
use crate::policy::Policies;
use crate::signature_cache::SignatureCache;
use crate::time::Time;
use crate::token::{Algorithm, Claims, Environment, Kind, Name, Prefix, Serial, TokenText};
use crate::verifier::{ListAt, Verifier};

pub use crate::authenticate::{Authentic, Authentication, UncheckedSignature, Unverified};
pub use crate::canary::Canary;
pub use crate::refusal::Refusal;

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
        self.verify_in(&mut SignatureCache::new(0), None, text, requirements, now)
    }

    /// [`verify`](Self::verify) with a cache of verified signatures, and with the files that hold
    /// assignments. Without a file that a key's assignment is in, the key is refused.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_with(
        &self,
        signature_cache: &mut SignatureCache,
        files: &Policies,
        text: &str,
        requirements: &Requirements,
        now: Time,
    ) -> Result<Accepted, Refusal> {
        self.verify_in(signature_cache, Some(files), text, requirements, now)
    }

    fn verify_in(
        &self,
        signature_cache: &mut SignatureCache,
        files: Option<&Policies>,
        text: &str,
        requirements: &Requirements,
        now: Time,
    ) -> Result<Accepted, Refusal> {
        // Read in place: a `TokenText` is long, and returning it would copy it.
        let mut unverified = Unverified::BLANK;
        unverified.read(text)?;
        unverified
            .authenticate_with(signature_cache, self.keyring(), requirements.purpose)?
            .current(&ListAt { files, ..self.list_at(now)? })?
            .accept(requirements)
    }
}

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

impl<'v> Authentic<'v> {
    /// Checks the key against a list that is valid now.
    ///
    /// # Errors
    /// [`Refusal`], from [`Refusal::ForeignList`] to [`Refusal::Expired`]. If the list says that the
    /// key has an assignment, it is looked for in the files of [`ListAt::with_files`].
    #[inline]
    pub fn current(self, list: &ListAt<'v>) -> Result<Current<'v>, Refusal> {
        let (text, signer, keyring) = self.parts();
        let claims = text.claims();
        // The list must be the issuer's, and the signer's signatures valid at this time.
        if list.list.issuer() != keyring.issuer() {
            return Err(Refusal::ForeignList);
        }
        if !signer.counts_at(list.now) {
            return Err(Refusal::SignerNotAllowed(signer.kid));
        }
        // Neither revoked nor suspended.
        let (status, is_assigned) = list.list.status(claims, list.now);
        match status {
            Status::Good => {}
            Status::Revoked => return Err(Refusal::Revoked),
            Status::Suspended => return Err(Refusal::Suspended),
            Status::NotCovered => return Err(Refusal::NotCovered),
        }
        // What is assigned takes the place of what the token says, its end included.
        let assignment = if is_assigned { Some(assigned(claims, keyring, list)?) } else { None };
        let is_over = match &assignment {
            None => claims.lifetime.is_over(list.now),
            Some(assignment) => assignment.apply(claims).lifetime.is_over(list.now),
        };
        if is_over {
            return Err(Refusal::Expired);
        }
        Ok(Current { text, list: list.list, assignment })
    }
}

/// The assignment of a key that the list says has one, within what the root allows the head's signer
/// to change.
#[cold]
fn assigned(
    claims: &Claims,
    keyring: &Keyring,
    list: &ListAt<'_>,
) -> Result<Assignment, NoAssignment> {
    // Admin keys are the issuer's own matter.
    if claims.is_admin {
        return Err(NoAssignment::NotAllowed);
    }
    let assignment = list.assignment(claims)?;
    let allowed = keyring.entry(list.list.head().kid()).map_or(Changes::NONE, |signer| {
        let counts = signer.purpose == Purpose::List && signer.counts_at(list.now);
        if counts { signer.changes } else { Changes::NONE }
    });
    if allowed.covers(assignment.changes(claims)) {
        Ok(assignment)
    } else {
        Err(NoAssignment::NotAllowed)
    }
}

/// An authentic key that is neither revoked nor expired.
#[derive(Debug)]
pub struct Current<'v> {
    text: &'v TokenText,
    list: &'v RevocationList,
    assignment: Option<Assignment>,
}

impl Current<'_> {
    /// Checks the key against the caller's requirements.
    ///
    /// # Errors
    /// [`Refusal::WrongKind`] and [`Refusal::WrongEnvironment`].
    #[inline]
    pub fn accept(self, requirements: &Requirements) -> Result<Accepted, Refusal> {
        // No assignment changes these two.
        let Claims { kind, environment, .. } = *self.text.claims();
        if let Some(needed) = requirements.kind.filter(|needed| *needed != kind) {
            return Err(Refusal::WrongKind { needed, given: kind });
        }
        if let Some(needed) = requirements.environment.filter(|needed| *needed != environment) {
            return Err(Refusal::WrongEnvironment { needed, given: environment });
        }
        Ok(Accepted {
            claims: match &self.assignment {
                None => *self.text.claims(),
                Some(assignment) => assignment.apply(self.text.claims()),
            },
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

    /// The key's claims in effect: those of its token, with what is [assigned](crate::assignment) in
    /// their place.
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
