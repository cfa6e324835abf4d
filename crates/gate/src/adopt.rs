//! What the gate holds of its issuer, and how newer data replaces it.

use std::rc::Rc;

use portcullis_core::keyring::KeyringError;
use portcullis_core::list::{Bundle, Deployment, List, ListError, ListVersion};
use portcullis_core::time::Time;
use portcullis_core::verifier::{AdoptError, Update, Verifier};

use crate::assertions::AssertionCache;
use crate::gate::Gate;
use crate::log::Event;
use crate::policies::PolicyFiles;
use crate::refresh_schedule::{Job, RefreshSchedule};
use crate::settings::Settings;
use crate::usage::Usage;

impl Gate {
    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The settings, as an `Rc` that outlives a borrow of the gate.
    #[must_use]
    pub fn shared_settings(&self) -> Rc<Settings> {
        Rc::clone(&self.settings)
    }

    /// The refresh schedule.
    pub const fn refresh_schedule_mut(&mut self) -> &mut RefreshSchedule {
        &mut self.refresh_schedule
    }

    /// The uses that were counted.
    pub const fn usage_mut(&mut self) -> &mut Usage {
        &mut self.usage
    }

    /// The cache of signed assertions.
    pub const fn assertions_mut(&mut self) -> &mut AssertionCache {
        &mut self.assertions
    }

    /// The policies.
    #[must_use]
    pub const fn policies(&self) -> &PolicyFiles {
        &self.policies
    }

    /// The policies.
    pub const fn policies_mut(&mut self) -> &mut PolicyFiles {
        &mut self.policies
    }

    /// The held keyring and list.
    #[must_use]
    pub const fn verifier(&self) -> Option<&Verifier> {
        self.verifier.as_ref()
    }

    /// Whether the list is young enough that nothing newer need be fetched.
    #[must_use]
    pub fn is_young(&self, now: Time) -> bool {
        let half = self.refresh_schedule.bounds().fresh_for / 2;
        self.held(now).is_ok_and(|list_version| list_version.age_millis(now) < half)
    }

    /// Starts a refresh that no request needs; `None` while one is in flight.
    pub(crate) fn refresh_now(&mut self, now: Time) -> Option<Job> {
        let held = self.held(now).ok();
        (!self.refresh_schedule.is_in_flight(now))
            .then(|| self.refresh_schedule.start(held, None, now))
    }

    /// Ends a refresh.
    pub fn end_refresh(&mut self, job: &Job, good: bool, now: Time, random: u32) {
        let held = self.held(now).ok();
        self.refresh_schedule.end(job, good, held, now, random);
    }

    /// Adopts a keyring. Returns what the operator should know of its secrets.
    ///
    /// # Errors
    /// See [`KeyringError`]. What is held stays as it is.
    pub fn adopt_keyring(&mut self, document: &[u8]) -> Result<Vec<Event>, KeyringError> {
        let is_new = match &mut self.verifier {
            Some(verifier) => verifier.offer_keyring(document)?,
            none => {
                *none = Some(Verifier::new(self.settings.root, document)?);
                true
            }
        };
        Ok(if is_new { self.hold_secrets() } else { Vec::new() })
    }

    /// Gives the verifier the HMAC secrets. A secret that doesn't match is not held, and keys of
    /// its kid stay refused.
    fn hold_secrets(&mut self) -> Vec<Event> {
        let (Some(verifier), Some(secrets)) = (&mut self.verifier, &self.settings.secrets) else {
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
        let verifier = self.verifier.as_mut().ok_or(ListError::Missing)?;
        let before = verifier.list().map(List::list_version);
        let update = verifier.offer_stamp(file, now)?;
        if verifier.list().map(List::list_version) != before {
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
    /// with.
    ///
    /// # Errors
    /// See [`ListError`]. What is held stays as it is.
    pub fn commit(&mut self, update: Update, stamp: Vec<u8>) -> Result<(), ListError> {
        let verifier = self.verifier.as_mut().ok_or(ListError::Missing)?;
        verifier.commit(update)?;
        self.stamp = stamp;
        if let Some(list) = verifier.list() {
            self.policies.retain(list.head());
        }
        Ok(())
    }

    /// Restores what was held before: deployed with the gate, or kept by another isolate. A
    /// restored list past its next update verifies nothing, but from then on nothing older is
    /// adopted. Of the policies in the file, those are taken that the held list's head then names.
    ///
    /// # Errors
    /// See [`AdoptError`]. What is held stays as it is.
    pub fn restore(&mut self, file: &[u8], now: Time) -> Result<Vec<Event>, AdoptError> {
        let wire = |error| ListError::Wire { part: "bundle", error };
        let Deployment { bundle, policies } = Deployment::decode(file).map_err(wire)?;
        let keyring = Bundle::decode(bundle).map_err(wire)?.keyring;
        let events = match self.adopt_keyring(keyring) {
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

    /// Epoch, number and times of the held list, even if it is past its next update.
    #[must_use]
    pub fn list_version(&self) -> Option<ListVersion> {
        self.verifier.as_ref().and_then(Verifier::list).map(List::list_version)
    }
}
