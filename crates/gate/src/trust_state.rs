//! What the gate holds of its issuer: the keyring, the revocation list, its stamp, its policies and
//! its assignments.
//!
//! A [`TrustState`] is a value: it holds no counter, no cache and no fetch in flight, and it is
//! `Send + Sync`. A host with one thread changes it in place. A host with several can clone it,
//! offer files to the clone, and swap the whole value; a decision then reads one snapshot.

use portcullis_core::assignment::{Assignment, NoAssignment};
use portcullis_core::keyring::KeyringError;
use portcullis_core::list::{
    Bundle, Deployment, FileName, Head, ListError, ListVersion, Part, RevocationList,
};
use portcullis_core::policy::{NoPolicy, Policies, Policy, Visibility};
use portcullis_core::time::Time;
use portcullis_core::token::{Kind, Serial};
use portcullis_core::verifier::{AdoptError, Update, Verifier};

use crate::settings::Settings;
use crate::telemetry::log::Event;

/// Bytes of policies that are held at most, of an isolate's 128 MB.
const MAX_BYTES: usize = 8 << 20;

/// The verified files of one issuer. It starts empty, so it accepts no key.
#[derive(Clone, Debug)]
pub struct TrustState {
    verifier: Option<Verifier>,
    policies: Policies,
    /// The stamp of the held list, byte for byte as received.
    stamp: Vec<u8>,
}

impl TrustState {
    /// Holds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { verifier: None, policies: Policies::new(MAX_BYTES), stamp: Vec::new() }
    }

    /// The held keyring and list.
    #[must_use]
    pub const fn verifier(&self) -> Option<&Verifier> {
        self.verifier.as_ref()
    }

    /// The held list, even if it is past its next update.
    #[must_use]
    pub fn list(&self) -> Option<&RevocationList> {
        self.verifier.as_ref().and_then(Verifier::list)
    }

    /// Epoch, number and times of the held list, even if it is past its next update.
    #[must_use]
    pub fn list_version(&self) -> Option<ListVersion> {
        self.list().map(RevocationList::list_version)
    }

    /// Epoch, number and times of the held list, if it is in force at `now`.
    ///
    /// # Errors
    /// See [`ListError`].
    pub fn list_in_force(&self, now: Time) -> Result<ListVersion, ListError> {
        let verifier = self.verifier.as_ref().ok_or(ListError::Missing)?;
        verifier.list_at(now).map(|list| list.list_version())
    }

    /// The number of the held list, and the version of the keyring that its stamp names.
    #[must_use]
    pub fn versions(&self) -> Option<(u64, u32)> {
        let list = self.list()?;
        Some((list.list_version().number, list.stamp().keyring_version()))
    }

    /// Adopts a keyring, and gives it the HMAC secrets of the settings. Returns what the operator
    /// should know of these secrets.
    ///
    /// # Errors
    /// See [`KeyringError`]. What is held stays as it is.
    pub fn adopt_keyring(
        &mut self,
        document: &[u8],
        settings: &Settings,
    ) -> Result<Vec<Event>, KeyringError> {
        let is_new = match &mut self.verifier {
            Some(verifier) => verifier.offer_keyring(document)?,
            none => {
                *none = Some(Verifier::new(settings.root, document)?);
                true
            }
        };
        Ok(if is_new { self.hold_secrets(settings) } else { Vec::new() })
    }

    /// Gives the verifier the HMAC secrets. A secret that doesn't match is not held, and keys of
    /// its kid stay refused.
    fn hold_secrets(&mut self, settings: &Settings) -> Vec<Event> {
        let (Some(verifier), Some(secrets)) = (&mut self.verifier, &settings.secrets) else {
            return Vec::new();
        };
        if !secrets.belong_to(verifier.issuer()) {
            return vec![Event::ForeignSecrets];
        }
        let refused = secrets
            .keys()
            .filter_map(|(kid, secret)| verifier.hold_secret(kid, secret).err().map(Event::Secret));
        refused.collect()
    }

    /// Offers a stamp to the verifier. See [`Verifier::offer_stamp`].
    ///
    /// # Errors
    /// See [`ListError`]. What is held stays as it is.
    pub fn offer_stamp(&mut self, file: &[u8], now: Time) -> Result<Option<Update>, ListError> {
        let before = self.list_version();
        let verifier = self.verifier.as_mut().ok_or(ListError::Missing)?;
        let update = verifier.offer_stamp(file, now)?;
        // The verifier has adopted a renewal of the held list: keep the stamp of what is held.
        if self.list_version() != before {
            self.stamp = file.to_vec();
        }
        Ok(update)
    }

    /// Offers a head to an update.
    ///
    /// # Errors
    /// See [`ListError`].
    pub fn offer_head(&self, update: &mut Update, file: &[u8], now: Time) -> Result<(), ListError> {
        let verifier = self.verifier.as_ref().ok_or(ListError::Missing)?;
        update.offer_head(file, verifier.keyring(), now)
    }

    /// Commits the list that an update has gathered; `stamp` is the stamp that the update began
    /// with. Drops the policies that the new list doesn't name.
    ///
    /// # Errors
    /// See [`ListError`]. What is held stays as it is.
    pub fn commit(&mut self, update: Update, stamp: Vec<u8>) -> Result<(), ListError> {
        let verifier = self.verifier.as_mut().ok_or(ListError::Missing)?;
        verifier.commit(update)?;
        self.stamp = stamp;
        if let Some(list) = verifier.list() {
            let directories = list.head().directories();
            self.policies.retain(&directories.map(|(_, directory)| directory));
        }
        Ok(())
    }

    /// Restores what was held before: deployed with the gate, or stored by another isolate. A
    /// restored list past its next update verifies nothing, but from then on nothing older is
    /// adopted. Of the policies in the file, those are taken that the held list's head then names.
    ///
    /// # Errors
    /// See [`AdoptError`]. What is held stays as it is.
    pub fn restore(
        &mut self,
        file: &[u8],
        settings: &Settings,
        now: Time,
    ) -> Result<Vec<Event>, AdoptError> {
        let wire = |error| ListError::Wire { part: Part::Bundle, error };
        let Deployment { bundle, policies } = Deployment::decode(file).map_err(wire)?;
        let keyring = Bundle::decode(bundle).map_err(wire)?.keyring;
        // The held keyring may be newer than the restored one, whose list may still be of use.
        let events = match self.adopt_keyring(keyring, settings) {
            Err(KeyringError::Older { .. }) => Vec::new(),
            other => other?,
        };
        if let Some(verifier) = &mut self.verifier {
            verifier.restore(bundle, now)?;
            if let Some(list) = verifier.list().filter(|_| !policies.is_empty()) {
                self.policies.restore(list.head(), &policies);
            }
        }
        Ok(events)
    }

    /// The keyring and the newest stamp, for other isolates to [`restore`](Self::restore): a
    /// rollback floor. `None` without a keyring or stamp.
    #[must_use]
    pub fn floor(&self) -> Option<Vec<u8>> {
        let keyring = self.verifier.as_ref().map(|verifier| verifier.keyring().document())?;
        let bundle = Bundle { keyring, stamp: &self.stamp, head: &[], bodies: Vec::new() };
        (!self.stamp.is_empty()).then(|| bundle.encode())
    }

    /// The policy with the number that a key of this kind carries, under the held list.
    ///
    /// # Errors
    /// [`PolicyUnknown`].
    pub fn policy(&self, kind: Kind, number: u32) -> Result<Policy<'_>, PolicyUnknown> {
        let list = self.list().ok_or(PolicyUnknown::NoList)?;
        self.policies.find(list.head(), kind, number).map_err(PolicyUnknown::Policy)
    }

    /// The assignment of the key of this kind with this serial, under the held list.
    ///
    /// # Errors
    /// [`NoAssignment`]; [`NoAssignment::Missing`] without a list.
    pub fn assignment(&self, kind: Kind, serial: Serial) -> Result<Assignment, NoAssignment> {
        let list = self.list().ok_or(NoAssignment::Missing)?;
        self.policies.find_assignment(list.head(), kind, serial)
    }

    /// The files of policies and assignments.
    pub(crate) const fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Takes a file of policies or assignments under the name that it was fetched by.
    ///
    /// # Errors
    /// See [`Policies::offer`].
    pub fn offer_policy(&mut self, name: FileName, file: &[u8]) -> Result<(), ListError> {
        self.policies.offer(name, file)
    }

    /// The files of policies and assignments under the head `new` that replace those in use under the held list.
    #[must_use]
    pub fn policy_successors(&self, new: &Head) -> Vec<(Visibility, FileName)> {
        let Some(old) = self.list().map(RevocationList::head) else { return Vec::new() };
        let pairs = old.directories().into_iter().zip(new.directories());
        let wanted = pairs.flat_map(|((visibility, old), (_, new))| {
            let names = self.policies.wants(old, new);
            names.into_iter().map(move |name| (visibility, name))
        });
        wanted.collect()
    }

    /// How many bytes of policies and assignments are held.
    #[must_use]
    pub const fn policy_bytes(&self) -> usize {
        self.policies.bytes()
    }
}

impl Default for TrustState {
    fn default() -> Self {
        Self::new()
    }
}

/// Why no policy was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyUnknown {
    /// No list is held, and the list names the policies.
    NoList,
    /// The list names no such policy, or its file is not held.
    Policy(NoPolicy),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_can_be_shared_between_threads() {
        const fn is_snapshot<T: Clone + Send + Sync + 'static>() {}
        is_snapshot::<TrustState>();
        let state = TrustState::new();
        let (version, floor) =
            std::thread::spawn(move || (state.list_version(), state.floor())).join().unwrap();
        assert_eq!((version, floor), (None, None));
    }
}
