//! A verifier: the newest keyring and list of one issuer.
//!
//! It does no I/O. A host asks which file is needed next, fetches it and offers it:
//!
//! ```
//! # let bundle: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/files/list.bundle"));
//! # let root = portcullis_core::PublicKey::from_text("Ed9_Cgn9aUMnM8oyYyIf2YRyr50V8TzLtzhO1S2nPGg")?;
//! # let now = portcullis_core::Time::from_millis(1767225600000);
//! use portcullis_core::Verifier;
//! use portcullis_core::list::Bundle;
//!
//! # let files = Bundle::decode(bundle)?;
//! # let stamp = files.stamp;
//! # let fetch = |name: portcullis_core::list::FileName| {
//! #     let all = files.bodies.iter().chain([&files.head]);
//! #     all.copied().find(|file| portcullis_core::crypto::Digest::of(file) == name.digest)
//! # };
//! let mut verifier = Verifier::new(root, files.keyring)?;
//! if let Some(mut update) = verifier.offer_stamp(stamp, now)? {
//!     if let Some(name) = update.wants_head() {
//!         let head = fetch(name).ok_or("no head")?;
//!         update.offer_head(head, verifier.keyring(), now)?;
//!     }
//!     for name in update.wants_bodies() {
//!         update.offer_body(fetch(name).ok_or("no body")?)?;
//!     }
//!     verifier.commit(update)?;
//! }
//! assert!(verifier.list_at(now).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Until [`Verifier::commit`] succeeds, the held list stays in force.

use alloc::collections::BinaryHeap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::assignment::{Assignment, NoAssignment};
use crate::crypto::{Digest, HmacKey, IssuerId, PublicKey};
use crate::keyring::{Keyring, KeyringError};
use crate::list::{
    Body, Bundle, FileName, Head, ListError, ListVersion, Part, RevocationList, Stamp, Status,
};
use crate::policy::Policies;
use crate::time::Time;
use crate::token::Claims;

/// The newest keyring and list of one issuer.
#[derive(Clone, Debug)]
pub struct Verifier {
    keyring: Keyring,
    list: Option<RevocationList>,
    /// The newest stamp that was restored without its list. Older stamps are refused.
    floor: Option<Stamp>,
}

/// Why a bundle was not adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdoptError {
    /// Its keyring was refused.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Its list was refused.
    #[error(transparent)]
    List(#[from] ListError),
}

impl AdoptError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Keyring(error) => error.code(),
            Self::List(error) => error.code(),
        }
    }
}

/// A newer list that is being gathered.
#[derive(Clone, Debug)]
pub struct Update {
    stamp: Stamp,
    /// The time at which the stamp was verified.
    now: Time,
    /// The bodies of the list that was held at that time.
    held: Vec<(Digest, Arc<Body>)>,
    head: Option<Head>,
    parts: Parts,
}

/// A list that is valid at one instant.
#[derive(Clone, Copy, Debug)]
pub struct ListAt<'r> {
    pub(crate) list: &'r RevocationList,
    pub(crate) now: Time,
    pub(crate) files: Option<&'r Policies>,
}

impl<'r> ListAt<'r> {
    /// With the files that hold assignments. Without them every key that has an assignment is
    /// refused.
    #[must_use]
    pub const fn with_files(self, files: &'r Policies) -> Self {
        Self { files: Some(files), ..self }
    }

    /// The assignment of a key that this list says has one.
    pub(crate) fn assignment(&self, claims: &Claims) -> Result<Assignment, NoAssignment> {
        let head = self.list.head();
        let none = Policies::new(0);
        self.files.unwrap_or(&none).find_assignment(head, claims.kind, claims.serial)
    }

    /// The state of the key with these claims. For claims that were not authenticated, it says what
    /// the list says of such a key, and not that there is one.
    pub fn status(&self, claims: &Claims) -> Status {
        self.list.status(claims, self.now).0
    }
}

impl Verifier {
    /// A verifier that trusts `root` and holds no list yet: it refuses every key.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn new(root: PublicKey, keyring: &[u8]) -> Result<Self, KeyringError> {
        Ok(Self { keyring: Keyring::open(keyring, &root)?, list: None, floor: None })
    }

    /// Adds the secret of an HMAC key.
    ///
    /// # Errors
    /// See [`Keyring::hold_secret`].
    pub fn hold_secret(
        &mut self,
        kid: u16,
        secret: &[u8; HmacKey::SECRET_LEN],
    ) -> Result<(), KeyringError> {
        self.keyring.hold_secret(kid, secret)
    }

    /// The held keyring.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The issuer.
    #[must_use]
    pub const fn issuer(&self) -> IssuerId {
        self.keyring.issuer()
    }

    /// The held list, even if it is past its next update: its parts, but no key's state, which
    /// [`ListAt`] alone has.
    #[must_use]
    pub const fn list(&self) -> Option<&RevocationList> {
        self.list.as_ref()
    }

    /// Adopts a newer keyring; returns whether it was newer. Drops a list of a lower epoch.
    ///
    /// # Errors
    /// See [`Keyring::succeed`]. What is held stays as it is.
    pub fn offer_keyring(&mut self, document: &[u8]) -> Result<bool, KeyringError> {
        let Some(next) = self.keyring.succeed(document)? else {
            return Ok(false);
        };
        self.list = self.list.take().filter(|list| list.list_version().epoch == next.epoch());
        self.floor = self.floor.take().filter(|stamp| stamp.list_version().epoch == next.epoch());
        self.keyring = next;
        Ok(true)
    }

    /// Verifies a stamp and starts an update. `None` if no file is needed: the stamp is the held
    /// one, an older renewal of it, or a newer renewal, which has been adopted.
    ///
    /// # Errors
    /// See [`ListError`]. What is held stays as it is.
    pub fn offer_stamp(&mut self, file: &[u8], now: Time) -> Result<Option<Update>, ListError> {
        let stamp = Stamp::open(file, &self.keyring, now)?;
        let offered = stamp.list_version();
        // Refuse a lower number, and the same number for another head.
        if let Some(newest) = self.newest() {
            let held = newest.list_version().number;
            if offered.number < held {
                return Err(ListError::Rollback { held, offered: offered.number });
            }
            if offered.number == held && stamp.head() != newest.head() {
                return Err(ListError::Equivocation(held));
            }
        }
        // The same list: adopt a newer renewal of the stamp.
        if let Some(list) =
            self.list.as_mut().filter(|list| list.list_version().number == offered.number)
        {
            if offered.this_update > list.list_version().this_update {
                list.renew(stamp);
            }
            return Ok(None);
        }
        let held = self.list.iter().flat_map(RevocationList::bodies).collect();
        Ok(Some(Update { stamp, now, held, head: None, parts: Parts::default() }))
    }

    /// Adopts the list that `update` has gathered.
    ///
    /// # Errors
    /// [`ListError::WrongDigest`] if a part is missing, and the errors of
    /// [`offer_stamp`](Self::offer_stamp), which is checked again: another update may have been
    /// committed meanwhile.
    pub fn commit(&mut self, update: Update) -> Result<(), ListError> {
        // Check under the current keyring: it may have retired the stamp's signer meanwhile.
        update.stamp.check(&self.keyring, update.now)?;
        let offered = update.stamp.list_version().number;
        let list = self.list.as_ref().map(|list| list.list_version().number);
        let floor = self.floor.as_ref().map(|stamp| stamp.list_version().number);
        let held = list.filter(|held| *held >= offered).or(floor.filter(|held| *held > offered));
        if let Some(held) = held {
            return Err(ListError::Rollback { held, offered });
        }
        let head = update.head.ok_or(ListError::WrongDigest(Part::Head))?;
        let shards = head
            .shards()
            .iter()
            .map(|line| Some((line.shard, update.parts.get(line.body)?.body.clone()?)))
            .collect::<Option<_>>()
            .ok_or(ListError::WrongDigest(Part::Body))?;
        self.list = Some(RevocationList::assemble(update.stamp, head, shards));
        Ok(())
    }

    /// Adopts keyring and list from a bundle; returns whether either was new.
    ///
    /// # Errors
    /// See [`AdoptError`]. An older keyring in a bundle is skipped: its list may be newer.
    pub fn adopt_bundle(&mut self, file: &[u8], now: Time) -> Result<bool, AdoptError> {
        let bundle = Bundle::decode(file).map_err(ListError::wire(Part::Bundle))?;
        let newer_keyring = match self.offer_keyring(bundle.keyring) {
            Err(KeyringError::Older { .. }) => false,
            other => other?,
        };
        let before = self.list.as_ref().map(RevocationList::list_version);
        if let Some(mut update) = self.offer_stamp(bundle.stamp, now)? {
            update.offer_head(bundle.head, &self.keyring, now)?;
            for body in bundle.bodies {
                update.offer_body(body)?;
            }
            self.commit(update)?;
        }
        Ok(newer_keyring || self.list.as_ref().map(RevocationList::list_version) != before)
    }

    /// Restores from a bundle what was held before: stored by an earlier verifier, or deployed with
    /// this one. A list past its next update verifies nothing, but nothing older is adopted any
    /// more, and a new stamp for the same head is all that has to be fetched. If bodies are
    /// missing, only the stamp is kept, as that floor. Returns whether anything in the bundle was
    /// new.
    ///
    /// # Errors
    /// See [`AdoptError`]. An older keyring in the bundle is skipped. If the list is too new to be
    /// read, its stamp is kept as the floor nevertheless.
    pub fn restore(&mut self, file: &[u8], now: Time) -> Result<bool, AdoptError> {
        let bundle = Bundle::decode(file).map_err(ListError::wire(Part::Bundle))?;
        let newer_keyring = match self.offer_keyring(bundle.keyring) {
            Err(KeyringError::Older { .. }) => false,
            other => other?,
        };
        let (stamp, then) = Stamp::open_past(bundle.stamp, &self.keyring, now)?;
        if self
            .newest()
            .is_some_and(|held| held.list_version().number >= stamp.list_version().number)
        {
            return Ok(newer_keyring);
        }
        let mut update =
            Update { stamp, now: then, held: Vec::new(), head: None, parts: Parts::default() };
        if !bundle.head.is_empty() {
            let mut bodies = bundle.bodies.into_iter();
            let offered = update
                .offer_head(bundle.head, &self.keyring, then)
                .and_then(|()| bodies.try_for_each(|body| update.offer_body(body)));
            if let Err(error) = offered {
                // A newer version held this list: nothing older counts here either.
                if error.is_too_new() {
                    self.floor = Some(stamp);
                }
                return Err(error.into());
            }
        }
        if update.head.is_some() && update.wants_bodies().is_empty() {
            self.commit(update)?;
        } else {
            self.floor = Some(stamp);
        }
        Ok(true)
    }

    /// The newest known stamp: the list's, or the floor.
    fn newest(&self) -> Option<&Stamp> {
        let list = self.list.as_ref().map(RevocationList::stamp);
        list.into_iter().chain(&self.floor).max_by_key(|stamp| stamp.list_version().number)
    }

    /// The list, if it is valid at `now` under the current keyring, which may have retired the
    /// list's signer since.
    ///
    /// # Errors
    /// [`ListError::Missing`], and the errors of [`Stamp::open`] except for the signature.
    pub fn list_at(&self, now: Time) -> Result<ListAt<'_>, ListError> {
        let list = self.list.as_ref().ok_or(ListError::Missing)?;
        list.stamp().check(&self.keyring, now)?;
        Ok(ListAt { list, now, files: None })
    }
}

impl Update {
    /// The head to fetch next, unless it has been offered.
    #[must_use]
    pub fn wants_head(&self) -> Option<FileName> {
        let name = FileName { digest: self.stamp.head(), len: self.stamp.head_len() };
        self.head.is_none().then_some(name)
    }

    /// Offers the head.
    ///
    /// # Errors
    /// See [`Head::open`].
    pub fn offer_head(
        &mut self,
        file: &[u8],
        keyring: &Keyring,
        now: Time,
    ) -> Result<(), ListError> {
        let head = Head::open(file, &self.stamp, keyring, now)?;
        self.parts = Parts::of(&head);
        for (digest, body) in &self.held {
            self.parts.put(*digest, body);
        }
        self.head = Some(head);
        Ok(())
    }

    /// The head, once it has been offered: it names the policies of the new list.
    #[must_use]
    pub const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The bodies still to fetch, each once, in the order in which the head first names them. Empty
    /// until the head has been offered.
    #[must_use]
    pub fn wants_bodies(&self) -> Vec<FileName> {
        let lines = self.head.iter().flat_map(Head::shards).zip(0..);
        let wanted = lines.filter(|(line, at)| {
            self.parts.get(line.body).is_some_and(|part| part.line == *at && part.body.is_none())
        });
        wanted.map(|(line, _)| FileName { digest: line.body, len: line.len }).collect()
    }

    /// Offers a body, identified by its digest. A body that the head doesn't name is refused; one
    /// that is held already is skipped without decoding.
    ///
    /// # Errors
    /// [`ListError::WrongDigest`] and [`ListError::Wire`].
    pub fn offer_body(&mut self, file: &[u8]) -> Result<(), ListError> {
        let digest = Digest::of(file);
        let part = self.parts.get_mut(digest).ok_or(ListError::WrongDigest(Part::Body))?;
        if part.body.is_none() {
            part.body = Some(Arc::new(Body::decode(file).map_err(ListError::wire(Part::Body))?));
        }
        Ok(())
    }
}

/// The bodies that a head names, each once, by ascending digest. Sorted for binary search, because
/// the number of a head's shards is unbounded.
#[derive(Clone, Debug, Default)]
struct Parts(Vec<GatheredBody>);

#[derive(Clone, Debug)]
struct GatheredBody {
    digest: Digest,
    /// The first line of the head that names it.
    line: u32,
    body: Option<Arc<Body>>,
}

impl Parts {
    fn of(head: &Head) -> Self {
        // A heap sorts here, because `sort` would be a quarter of the whole wasm module.
        let lines: BinaryHeap<(Digest, u32)> =
            head.shards().iter().map(|shard| shard.body).zip(0..).collect();
        let mut lines = lines.into_sorted_vec();
        lines.dedup_by_key(|(digest, _)| *digest);
        let part = |(digest, line)| GatheredBody { digest, line, body: None };
        Self(lines.into_iter().map(part).collect())
    }

    fn place(&self, digest: Digest) -> Option<usize> {
        self.0.binary_search_by_key(&digest, |part| part.digest).ok()
    }

    fn get(&self, digest: Digest) -> Option<&GatheredBody> {
        self.0.get(self.place(digest)?)
    }

    fn get_mut(&mut self, digest: Digest) -> Option<&mut GatheredBody> {
        let at = self.place(digest)?;
        self.0.get_mut(at)
    }

    fn put(&mut self, digest: Digest, body: &Arc<Body>) {
        if let Some(part) = self.get_mut(digest) {
            part.body = Some(Arc::clone(body));
        }
    }
}

impl ListAt<'_> {
    /// Epoch, number and times of the list.
    #[must_use]
    pub fn list_version(&self) -> ListVersion {
        self.list.list_version()
    }
}
