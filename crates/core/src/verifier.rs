//! A replica: keyring and list as one verifier holds them, always the newest that it has seen.
//!
//! It does no I/O. A host that fetches files asks what is wanted next and hands in what it got:
//!
//! ```text
//! let mut update = match verifier.offer_stamp(&stamp, now)? { Some(update) => update, None => done };
//! if update.wants_head()      update.offer_head(&file)?
//! for name in update.wants_bodies()   update.offer_body(&file)?
//! verifier.commit(update)?
//! ```
//!
//! Until [`Verifier::commit`] succeeds the list that is held goes on counting.

use alloc::collections::BinaryHeap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::crypto::{Digest, HmacKey, IssuerId, PublicKey};
use crate::keyring::{Keyring, KeyringError};
use crate::list::{Body, Bundle, FileName, Head, List, ListError, ListVersion, Stamp};
use crate::time::Time;

/// The newest keyring and list of one issuer.
#[derive(Clone, Debug)]
pub struct Verifier {
    keyring: Keyring,
    list: Option<List>,
    /// The newest stamp that was restored without its list: nothing older counts.
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

/// A list on its way in.
#[derive(Clone, Debug)]
pub struct Update {
    stamp: Stamp,
    /// When the stamp was weighed.
    now: Time,
    /// The bodies of the list that was held then.
    held: Vec<(Digest, Arc<Body>)>,
    head: Option<Head>,
    parts: Parts,
}

/// A list that may be judged by at one instant.
#[derive(Clone, Copy, Debug)]
pub struct ListAt<'r> {
    pub(crate) list: &'r List,
    pub(crate) now: Time,
}

impl Verifier {
    /// A replica that trusts `root` and holds no list yet: it refuses every key.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn new(root: PublicKey, keyring: &[u8]) -> Result<Self, KeyringError> {
        Ok(Self { keyring: Keyring::open(keyring, &root)?, list: None, floor: None })
    }

    /// Holds the secret of an HMAC key.
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

    /// The keyring that is held.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The issuer.
    #[must_use]
    pub const fn issuer(&self) -> IssuerId {
        self.keyring.issuer()
    }

    /// The list that is held, whether or not it may still be judged by.
    #[must_use]
    pub const fn list(&self) -> Option<&List> {
        self.list.as_ref()
    }

    /// Takes a newer keyring; says whether it was one. A list of a lower epoch is let go.
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

    /// Weighs a stamp. `None`: nothing more is wanted, because it is the one that is held, an
    /// older renewal of it, or a newer renewal, which has been taken.
    ///
    /// # Errors
    /// See [`ListError`]. What is held stays as it is.
    pub fn offer_stamp(&mut self, file: &[u8], now: Time) -> Result<Option<Update>, ListError> {
        let stamp = Stamp::open(file, &self.keyring, now)?;
        let offered = stamp.list_version();
        if let Some(newest) = self.newest() {
            let held = newest.list_version().number;
            if offered.number < held {
                return Err(ListError::Rollback { held, offered: offered.number });
            }
            if offered.number == held && stamp.head() != newest.head() {
                return Err(ListError::Equivocation(held));
            }
        }
        if let Some(list) =
            self.list.as_mut().filter(|list| list.list_version().number == offered.number)
        {
            if offered.this_update > list.list_version().this_update {
                list.renew(stamp);
            }
            return Ok(None);
        }
        let held = self.list.iter().flat_map(List::bodies).collect();
        Ok(Some(Update { stamp, now, held, head: None, parts: Parts::default() }))
    }

    /// Takes the list that `update` has gathered.
    ///
    /// # Errors
    /// [`ListError::WrongDigest`] where a part is still wanted, and the reasons of
    /// [`offer_stamp`](Self::offer_stamp), looked at again: another update may have come first.
    pub fn commit(&mut self, update: Update) -> Result<(), ListError> {
        // Under the keyring that is held now: it may have retired the stamp's signer since.
        update.stamp.check(&self.keyring, update.now)?;
        let offered = update.stamp.list_version().number;
        let list = self.list.as_ref().map(|list| list.list_version().number);
        let floor = self.floor.as_ref().map(|stamp| stamp.list_version().number);
        let held = list.filter(|held| *held >= offered).or(floor.filter(|held| *held > offered));
        if let Some(held) = held {
            return Err(ListError::Rollback { held, offered });
        }
        let head = update.head.ok_or(ListError::WrongDigest("head"))?;
        let shards = head
            .shards()
            .iter()
            .map(|line| Some((line.shard, update.parts.get(line.body)?.body.clone()?)))
            .collect::<Option<_>>()
            .ok_or(ListError::WrongDigest("body"))?;
        self.list = Some(List::assemble(update.stamp, head, shards));
        Ok(())
    }

    /// Takes keyring and list from a bundle; says whether anything in it was news.
    ///
    /// # Errors
    /// See [`AdoptError`]. An older keyring in a bundle is passed over: its list may be newer.
    pub fn adopt_bundle(&mut self, file: &[u8], now: Time) -> Result<bool, AdoptError> {
        let bundle = Bundle::decode(file).map_err(ListError::wire("bundle"))?;
        let newer_keyring = match self.offer_keyring(bundle.keyring) {
            Err(KeyringError::Older { .. }) => false,
            other => other?,
        };
        let before = self.list.as_ref().map(List::list_version);
        if let Some(mut update) = self.offer_stamp(bundle.stamp, now)? {
            update.offer_head(bundle.head, &self.keyring, now)?;
            for body in bundle.bodies {
                update.offer_body(body)?;
            }
            self.commit(update)?;
        }
        Ok(newer_keyring || self.list.as_ref().map(List::list_version) != before)
    }

    /// Takes from a bundle what was held before: kept by a verifier that ended, or deployed with it.
    /// Its list may be past its next update: then nothing is judged by it, but nothing older is
    /// taken either, and a new stamp for the same head is all that has to be fetched. Where bodies
    /// are left out the stamp counts as that floor alone. Says whether anything in it was news.
    ///
    /// # Errors
    /// See [`AdoptError`]. An older keyring in the bundle is passed over.
    pub fn restore(&mut self, file: &[u8], now: Time) -> Result<bool, AdoptError> {
        let bundle = Bundle::decode(file).map_err(ListError::wire("bundle"))?;
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
            update.offer_head(bundle.head, &self.keyring, then)?;
            for body in bundle.bodies {
                update.offer_body(body)?;
            }
        }
        if update.head.is_some() && update.wants_bodies().is_empty() {
            self.commit(update)?;
        } else {
            self.floor = Some(stamp);
        }
        Ok(true)
    }

    /// The newest stamp that is known of: the list's, or the floor.
    fn newest(&self) -> Option<&Stamp> {
        let list = self.list.as_ref().map(List::stamp);
        list.into_iter().chain(&self.floor).max_by_key(|stamp| stamp.list_version().number)
    }

    /// The list, if it may be judged by at `now`, under the keyring that is held now: its signer
    /// may have been retired since it came.
    ///
    /// # Errors
    /// [`ListError::Missing`], and what [`Stamp::open`] refuses but for the signature.
    pub fn list_at(&self, now: Time) -> Result<ListAt<'_>, ListError> {
        let list = self.list.as_ref().ok_or(ListError::Missing)?;
        list.stamp().check(&self.keyring, now)?;
        Ok(ListAt { list, now })
    }
}

impl Update {
    /// The head to fetch next, if it has not been handed in.
    #[must_use]
    pub fn wants_head(&self) -> Option<FileName> {
        let name = FileName { digest: self.stamp.head(), len: self.stamp.head_len() };
        self.head.is_none().then_some(name)
    }

    /// Hands in the head.
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

    /// The head that was handed in: it says which policies the new list has.
    #[must_use]
    pub const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The bodies still to fetch, each once, in the order in which the head first names them. Empty
    /// before the head has been handed in.
    #[must_use]
    pub fn wants_bodies(&self) -> Vec<FileName> {
        let lines = self.head.iter().flat_map(Head::shards).zip(0..);
        let wanted = lines.filter(|(line, at)| {
            self.parts.get(line.body).is_some_and(|part| part.line == *at && part.body.is_none())
        });
        wanted.map(|(line, _)| FileName { digest: line.body, len: line.len }).collect()
    }

    /// Hands in a body. It is known by its digest; one that the head does not name is refused, and
    /// one that is held already is passed over unread.
    ///
    /// # Errors
    /// [`ListError::WrongDigest`] and [`ListError::Wire`].
    pub fn offer_body(&mut self, file: &[u8]) -> Result<(), ListError> {
        let digest = Digest::of(file);
        let part = self.parts.get_mut(digest).ok_or(ListError::WrongDigest("body"))?;
        if part.body.is_none() {
            part.body = Some(Arc::new(Body::decode(file).map_err(ListError::wire("body"))?));
        }
        Ok(())
    }
}

/// The bodies that a head names, each once, by ascending digest: a head may have as many shards as
/// it likes, so nothing is looked for from line to line.
#[derive(Clone, Debug, Default)]
struct Parts(Vec<Part>);

#[derive(Clone, Debug)]
struct Part {
    digest: Digest,
    /// The first of the head's lines that names it.
    line: u32,
    body: Option<Arc<Body>>,
}

impl Parts {
    fn of(head: &Head) -> Self {
        // By a heap, because `sort` would be a quarter of the whole wasm module.
        let lines: BinaryHeap<(Digest, u32)> =
            head.shards().iter().map(|shard| shard.body).zip(0..).collect();
        let mut lines = lines.into_sorted_vec();
        lines.dedup_by_key(|(digest, _)| *digest);
        let part = |(digest, line)| Part { digest, line, body: None };
        Self(lines.into_iter().map(part).collect())
    }

    fn place(&self, digest: Digest) -> Option<usize> {
        self.0.binary_search_by_key(&digest, |part| part.digest).ok()
    }

    fn get(&self, digest: Digest) -> Option<&Part> {
        self.0.get(self.place(digest)?)
    }

    fn get_mut(&mut self, digest: Digest) -> Option<&mut Part> {
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
