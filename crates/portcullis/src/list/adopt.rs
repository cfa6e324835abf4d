//! Adopts a file as a verifier does that starts with it.

use portcullis_core::crypto::PublicKey;
use portcullis_core::list::{Bundle, Deployment, ListError, Part, RevocationList};
use portcullis_core::policy::Policies;
use portcullis_core::time::Time;
use portcullis_core::verifier::{AdoptError, Verifier};

/// A new replica, in the state in which a verifier that pins `root` starts, and the number of
/// policy files that its list refers to.
pub(crate) fn adopt(
    file: &[u8],
    root: PublicKey,
    now: Time,
) -> Result<(Verifier, usize), AdoptError> {
    let wire = |error| ListError::Wire { part: Part::Bundle, error };
    let Deployment { bundle, policies } = Deployment::decode(file).map_err(wire)?;
    let mut verifier = Verifier::new(root, Bundle::decode(bundle).map_err(wire)?.keyring)?;
    verifier.adopt_bundle(bundle, now)?;
    let head = verifier.list().map(RevocationList::head).ok_or(ListError::Missing)?;
    let held = Policies::new(usize::MAX).restore(head, &policies);
    if held != policies.len() {
        return Err(ListError::WrongDigest(Part::PolicyFile).into());
    }
    Ok((verifier, held))
}
