//! Proving a key, and proving that an admin key was shown where none belongs.

use portcullis_core::keyring::{Keyring, Purpose};
use portcullis_core::time::Time;
use portcullis_core::verify::{Authentic, Authentication, Canary, Refusal, Unverified};

use super::{Evaluation, Need, Pipeline, Stop};
use crate::refresh::schedule::RefreshReason;
use crate::response::refused::Reason;

impl Pipeline<'_> {
    /// Authenticates a key that its caller requires for `purpose`.
    ///
    /// An admin key in another key's place is refused, whatever it proves. It is proved all the
    /// same: the log says that an admin key was shown only if that is true, since everybody can make
    /// a text that looks like one.
    pub(super) fn authenticate<'v>(
        &self,
        unverified: &'v Unverified,
        keyring: &'v Keyring,
        purpose: Purpose,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<Authentic<'v>, Stop> {
        let is_misplaced = unverified.text().prefix().is_admin && purpose != Purpose::Admin;
        if !is_misplaced {
            return self.prove(unverified, keyring, purpose, evaluation);
        }
        let admin = self.prove(unverified, keyring, Purpose::Admin, evaluation)?;
        let kid = unverified.text().kid();
        if counts(keyring, kid, evaluation.now) {
            Err(Stop::Refuse(Reason::AdminKey, Some(admin.name())))
        } else {
            Err(Stop::because(Refusal::SignerNotAllowed(kid)))
        }
    }

    /// Verifies tag or signature: by the signature cache, or by a verification on the host or here.
    fn prove<'v>(
        &self,
        unverified: &'v Unverified,
        keyring: &'v Keyring,
        purpose: Purpose,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<Authentic<'v>, Stop> {
        match unverified.authenticate_by(self.signatures, keyring, purpose) {
            Ok(Authentication::Authentic(authentic)) => Ok(authentic),
            Ok(Authentication::Unchecked(unchecked)) => {
                let signature = unchecked.signature();
                if evaluation.state.rejected.as_ref() == Some(signature) {
                    return Err(Stop::because(Refusal::BadSignature));
                }
                if !evaluation.state.verifies_here {
                    return Err(Stop::Need(Need::Signature(Box::new(signature.clone()))));
                }
                let (authentic, signature) = unchecked.verify().map_err(Stop::because)?;
                evaluation.verified = Some(Box::new(signature));
                Ok(authentic)
            }
            Err(refusal) => {
                self.refresh_for(RefreshReason::of(refusal), evaluation)?;
                // Whatever is found here, the request goes on as a forgery does.
                if evaluation.seeks_canaries {
                    evaluation.canary = Canary::recognise(unverified, refusal, keyring);
                }
                Err(Stop::because(refusal))
            }
        }
    }
}

/// Whether signatures of this kid count now.
fn counts(keyring: &Keyring, kid: u16, now: Time) -> bool {
    keyring.entry(kid).is_some_and(|signer| signer.counts_at(now))
}
