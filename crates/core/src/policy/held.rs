//! The files of policies and of assignments that one verifier holds.
//!
//! Every look-up starts at the directory that the current head names, and every file is identified
//! by its digest. So a new head changes all policies at once, and no outdated policy can be found
//! under it. A host asks which files are wanted, fetches them and offers them:
//!
//! ```text
//! before a new head takes effect   while policies.wants(old, new) is not empty policies.offer(...)
//! when it takes effect             policies.retain(&new)
//! on a request                     policies.find(...), on Unavailable(name) fetch and find again
//! on the key of an assigned slot   policies.find_assignment(...), likewise
//! ```

use alloc::collections::BinaryHeap;
use alloc::vec;
use alloc::vec::Vec;

use crate::assignment::{self, AssignmentBody};
use crate::file_name::{Digest, FileName};
use crate::list::{Head, ListError, Part};
use crate::policy::directory::is_directory;
use crate::policy::{Directory, Holds, Policy, PolicyBody, PolicyTooNew};
use crate::policy_file::{MAX_POLICY_FILE_LEN, Visibility};
use crate::search::lower_bound;
use crate::token::Kind;

/// Directories and bodies by digest, up to a number of bytes: of policies, and of
/// [assignments](crate::assignment).
///
/// A sorted vector: maps and `sort` would be a seventh of the whole wasm module.
#[derive(Clone, Debug)]
pub struct Policies {
    files: Vec<(Key, Held)>,
    /// The first number of each key, apart from what else a search would touch.
    words: Vec<u64>,
    bytes: usize,
    max_bytes: usize,
}

/// The largest number of a tree, and more than any policy has.
const LAST: u64 = Holds::Assignments.last();

/// A digest as numbers. Little-endian, because WebAssembly would have to swap bytes to compare
/// digests in byte order.
type Key = [u64; 4];

#[derive(Clone, Debug)]
pub(super) enum Held {
    Directory(Directory),
    Body(PolicyBody),
    Assignments(AssignmentBody),
}

/// Why no policy is available to check a request against. In either case a gate must not accept it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPolicy {
    /// The current list has no policy with the key's number.
    #[error("the list has no policy with this number; the issuer must publish one")]
    Missing,
    /// The file that leads to the policy is not held: fetch it and try again. For secret keys it is
    /// private; a verifier without a credential for it can't apply their policies.
    #[error("the policy is not held; fetch its file")]
    Unavailable(FileName),
    /// The policy has a field that this version doesn't know. Other policies are not affected.
    #[error(transparent)]
    TooNew(#[from] PolicyTooNew),
}

impl NoPolicy {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "policy_missing",
            Self::Unavailable(_) => "policy_unavailable",
            Self::TooNew(_) => "policy_too_new",
        }
    }
}

/// The policy files need more bytes than may be held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policies take {needed} bytes or more; make room for them, or fetch as keys ask")]
pub struct CapacityExceeded {
    /// The bytes of all files that are known so far, each counted as 128 at least.
    pub needed: usize,
}

const _: () = {
    let directories = Directory::MAX_LEVEL as usize + 1;
    // One path leads to an assignment, and another to the policy that it names.
    let paths = 2 * (directories * Directory::MAX_LEN + MAX_POLICY_FILE_LEN);
    assert!(2 * paths <= Policies::MIN_BYTES);
};

/// A file that a directory leads to, and the numbers that it is for.
#[derive(Clone, Copy)]
struct Place {
    name: FileName,
    first: u64,
    last: u64,
}

impl Policies {
    /// The minimal capacity: every file on the paths to one assignment and one policy, and the next
    /// version of each. With less, a look-up could evict the files on its own path, and never end.
    const MIN_BYTES: usize = 1 << 17;

    /// Holds no files yet, and never more than `max_bytes` bytes of files (at least 128 KiB); each
    /// file counts as 128 bytes at least. If a file would exceed the limit, all others are dropped,
    /// and fetched again on demand.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        let (files, words) = (Vec::new(), Vec::new());
        Self { files, words, bytes: 0, max_bytes: max_bytes.max(Self::MIN_BYTES) }
    }

    /// The bytes of all held files, each counted as 128 at least.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The policy with the number in a key of this kind, under the current head. Number 0 is
    /// [`Policy::NONE`].
    ///
    /// # Errors
    /// See [`NoPolicy`].
    pub fn find(&self, head: &Head, kind: Kind, number: u32) -> Result<Policy<'_>, NoPolicy> {
        let visibility = Visibility::of(kind);
        self.find_under(head.policies(visibility), visibility, number)
    }

    /// [`find`](Self::find) under the directory with this name.
    ///
    /// # Errors
    /// See [`NoPolicy`].
    pub fn find_under(
        &self,
        directory: FileName,
        visibility: Visibility,
        number: u32,
    ) -> Result<Policy<'_>, NoPolicy> {
        if number == 0 {
            return Ok(Policy::NONE);
        }
        if directory == FileName::NONE {
            return Err(NoPolicy::Missing);
        }
        let mut name = directory;
        let mut above: Option<u8> = None;
        // Each step goes down exactly one level, or ends: any other tree is refused.
        loop {
            match self.get(name).ok_or(NoPolicy::Unavailable(name))? {
                Held::Directory(directory)
                    if directory.holds() == Holds::Policies
                        && directory.visibility() == visibility
                        && above.is_none_or(|above| {
                            above.checked_sub(1) == Some(directory.level())
                        }) =>
                {
                    name = directory.find(number.into()).ok_or(NoPolicy::Missing)?;
                    above = Some(directory.level());
                }
                Held::Body(body) if body.visibility() == visibility && above == Some(0) => {
                    return Ok(body.find(number).ok_or(NoPolicy::Missing)??);
                }
                Held::Directory(_) | Held::Body(_) | Held::Assignments(_) => {
                    return Err(NoPolicy::Missing);
                }
            }
        }
    }

    /// The files to fetch so that what is found under the directory `old` can be found under `new`,
    /// a directory of the same kind. Offer them and ask again, until none is wanted.
    #[must_use]
    pub fn wants(&self, old: FileName, new: FileName) -> Vec<FileName> {
        let held = |place: &Place| {
            matches!(self.get(place.name), Some(Held::Body(_) | Held::Assignments(_)))
        };
        let mut in_use = self.reach(old, None);
        in_use.retain(held);
        let names = self.reach(new, Some(&in_use)).into_iter().map(|place| place.name);
        distinct(names.filter(|name| self.get(*name).is_none()))
    }

    /// The files to fetch so that every number can be found under all of these directories, also
    /// for a bundle. Offer them and ask again, until none is wanted. Files of earlier rounds stay,
    /// so this ends.
    ///
    /// # Errors
    /// [`CapacityExceeded`] as soon as the held directories name more than may be held at once:
    /// each new file would evict the files that lead to it, endlessly.
    pub fn wants_all(&self, directories: &[FileName]) -> Result<Vec<FileName>, CapacityExceeded> {
        let places = directories.iter().flat_map(|directory| self.reach(*directory, None));
        let mut names = distinct(places.map(|place| place.name));
        let lens = names.iter().map(|name| usize::try_from(name.len).unwrap_or(usize::MAX));
        let needed = lens.map(room).fold(0, usize::saturating_add);
        if needed > self.max_bytes {
            return Err(CapacityExceeded { needed });
        }
        names.retain(|name| self.get(*name).is_none());
        Ok(names)
    }

    /// Offers a file.
    ///
    /// # Errors
    /// [`ListError::WrongDigest`] if digest or length differ from the name's, and
    /// [`ListError::Wire`].
    pub fn offer(&mut self, name: FileName, file: &[u8]) -> Result<(), ListError> {
        if usize::try_from(name.len) != Ok(file.len()) || Digest::of(file) != name.digest {
            return Err(ListError::WrongDigest(Part::PolicyFile));
        }
        self.take(key(name.digest), file)
    }

    fn take(&mut self, key: Key, file: &[u8]) -> Result<(), ListError> {
        if self.place(&key).is_ok() {
            return Ok(());
        }
        let held = if is_directory(file).is_some() {
            Directory::decode(file).map(Held::Directory)
        } else if file.get(2) == Some(&assignment::BODY_LETTER) {
            AssignmentBody::decode(file).map(Held::Assignments)
        } else {
            PolicyBody::decode(file).map(Held::Body)
        };
        let held = held.map_err(ListError::wire(Part::PolicyFile))?;
        // If the memory is full, start over: the files in use are fetched again.
        if self.bytes.saturating_add(room(file.len())) > self.max_bytes {
            self.files.clear();
            self.words.clear();
            self.bytes = 0;
        }
        let (Ok(at) | Err(at)) = self.place(&key);
        let [word, ..] = key;
        self.words.insert(at, word);
        self.files.insert(at, (key, held));
        self.bytes += room(file.len());
        Ok(())
    }

    /// Takes files without names, as in a [deployment](crate::list::Deployment): each is identified
    /// by its digest, and stays if `head` leads to it by the files that are then held. Returns how
    /// many files are held afterwards; the others are dropped, and fetched on demand.
    pub fn restore(&mut self, head: &Head, files: &[&[u8]]) -> usize {
        for file in files {
            // An unreadable file is ignored, as if it were absent.
            let _ = self.take(key(Digest::of(file)), file);
        }
        self.retain(&head.directories().map(|(_, directory)| directory));
        self.files.len()
    }

    /// Drops the files that none of these directories leads to.
    pub fn retain(&mut self, directories: &[FileName]) {
        let places = directories.iter().flat_map(|directory| self.reach(*directory, None));
        let kept: BinaryHeap<Key> = places.map(|place| key(place.name.digest)).collect();
        let kept = kept.into_sorted_vec();
        self.files.retain(|(key, _)| kept.binary_search(key).is_ok());
        self.words = self.files.iter().map(|([word, ..], _)| *word).collect();
        self.bytes = self.files.iter().map(|(_, held)| room(held.len())).sum();
    }

    fn place(&self, key: &Key) -> Result<usize, usize> {
        let ([word, ..], len) = (*key, self.words.len());
        // Digests are spread evenly, so a file is near the place that its first number says.
        let near = (word >> 32).wrapping_mul(u64::try_from(len).unwrap_or(0)) >> 32;
        let near = usize::try_from(near).unwrap_or(0);
        let at = lower_bound(len, near, |at| self.words.get(at).is_some_and(|held| *held < word));
        // Another digest hardly ever has the same first number.
        let from = self.files.get(at..).unwrap_or_default();
        let below = from.iter().take_while(|(held, _)| held < key).count();
        let is_held = from.get(below).is_some_and(|(held, _)| held == key);
        if is_held { Ok(at + below) } else { Err(at + below) }
    }

    /// The file with this name. A file of another length than the name's isn't it.
    pub(super) fn get(&self, name: FileName) -> Option<&Held> {
        self.get_placed(name).map(|(_, held)| held)
    }

    fn get_placed(&self, name: FileName) -> Option<(usize, &Held)> {
        let at = self.place(&key(name.digest)).ok()?;
        let (_, held) = self.files.get(at)?;
        (usize::try_from(name.len) == Ok(held.len())).then_some((at, held))
    }

    /// Every file that `directory` leads to, itself included, as far as directories are held. With
    /// `spans` (ascending) only files for a number inside one of them. All bodies are on one level,
    /// so they are in ascending order.
    fn reach(&self, directory: FileName, spans: Option<&[Place]>) -> Vec<Place> {
        let wanted = |first: u64, last: u64| match spans {
            Some(spans) => {
                let at = spans.partition_point(|span| span.last < first);
                spans.get(at).is_some_and(|span| span.first <= last)
            }
            None => true,
        };
        // A file that is named twice is followed only once, so the work is bounded by the number of
        // files.
        let mut seen = vec![false; self.files.len()];
        let mut places = Vec::new();
        if directory != FileName::NONE && wanted(0, LAST) {
            places.push(Place { name: directory, first: 0, last: LAST });
        }
        // Breadth first: `places` is both the queue and the result.
        let mut next = 0;
        while let Some(&Place { name, last: end, .. }) = places.get(next) {
            next += 1;
            let Some((at, Held::Directory(held))) = self.get_placed(name) else { continue };
            let Some(seen @ false) = seen.get_mut(at) else { continue };
            *seen = true;
            let mut lines = held.ranges().iter().peekable();
            while let Some(line) = lines.next() {
                let last = lines.peek().map_or(end, |next| next.first - 1);
                if wanted(line.first, last) {
                    places.push(Place { name: line.file, first: line.first, last });
                }
            }
        }
        places
    }
}

/// Each name once, at its first position.
fn distinct(names: impl Iterator<Item = FileName>) -> Vec<FileName> {
    let mut names: Vec<Option<FileName>> = names.map(Some).collect();
    let keys = names.iter().flatten().map(|name| key(name.digest)).zip(0_usize..);
    let keys = keys.collect::<BinaryHeap<_>>().into_sorted_vec();
    for pair in keys.windows(2) {
        if let [(first, _), (second, at)] = pair
            && first == second
            && let Some(name) = names.get_mut(*at)
        {
            *name = None;
        }
    }
    names.into_iter().flatten().collect()
}

/// The bytes that a file counts as. With a minimum, so that short files can't fill the limit with
/// hundreds of thousands of entries.
fn room(len: usize) -> usize {
    len.max(128)
}

fn key(Digest(bytes): Digest) -> Key {
    let (chunks, _) = bytes.as_chunks();
    let mut key = [0; 4];
    key.iter_mut().zip(chunks).for_each(|(word, chunk)| *word = u64::from_le_bytes(*chunk));
    key
}

impl Held {
    fn len(&self) -> usize {
        match self {
            Self::Directory(directory) => directory.file_len(),
            Self::Body(body) => body.file().len(),
            Self::Assignments(body) => body.file().len(),
        }
    }
}
