//! The files of policies that one verifier holds.
//!
//! Every look-up begins at the directory that the head in force names, and every file is known by
//! its digest: so a new head changes all policies at once, and no old one can be found under it.
//! A host that fetches files asks what is wanted, and hands in what it got:
//!
//! ```text
//! before a new head counts:   while policies.wants(old, new) is not empty   policies.offer(...)
//! when it counts:             policies.retain(&new)
//! on a request:               policies.find(...), and on Unavailable(name) fetch it and ask again
//! ```

use alloc::collections::BinaryHeap;
use alloc::vec;
use alloc::vec::Vec;

use crate::crypto::Digest;
use crate::list::{FileName, Head, ListError};
use crate::policy::{MAX_FILE_LEN, Policy, PolicyBody, PolicyDirectory, Visibility, directory};
use crate::token::Kind;

/// Directories and bodies by digest, up to a number of bytes.
///
/// By ascending digest in one piece: maps and `sort` would be a seventh of the whole wasm module.
#[derive(Clone, Debug)]
pub struct Policies {
    files: Vec<(Key, Held)>,
    bytes: usize,
    max_bytes: usize,
}

/// A digest as numbers: WebAssembly reads bytes little-endian, and would have to swap each of them
/// to compare digests as texts.
type Key = [u64; 4];

#[derive(Clone, Debug)]
enum Held {
    Directory(PolicyDirectory),
    Body(PolicyBody),
}

/// Why there is no policy to hold a request against. Neither lets a gate accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPolicy {
    /// The list in force has no policy with the key's number.
    #[error("the list has no policy with this number; the issuer must publish one")]
    Missing,
    /// The file in which it would be found is not held: fetch it and ask again. It is private for
    /// secret keys; who has no credential for it can't judge their policies.
    #[error("the policy is not held; fetch its file")]
    Unavailable(FileName),
}

impl NoPolicy {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "policy_missing",
            Self::Unavailable(_) => "policy_unavailable",
        }
    }
}

/// There are more files of policies than may be held at once: they can't all be looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policies take {needed} bytes or more; make room for them, or fetch as keys ask")]
pub struct CapacityExceeded {
    /// The bytes of all files that are known of so far, each counted as 128 or more.
    pub needed: usize,
}

const _: () = {
    let directories = PolicyDirectory::MAX_LEVEL as usize + 1;
    assert!(2 * (directories * PolicyDirectory::MAX_LEN + MAX_FILE_LEN) <= Policies::MIN_BYTES);
};

/// A file that a directory leads to, and the numbers that it is asked about.
#[derive(Clone, Copy)]
struct Place {
    name: FileName,
    first: u32,
    last: u32,
}

impl Policies {
    /// The least room: that of every file on the way to one policy, and the next version of each.
    /// With less, looking a policy up could let go of what it was looked up by, and never end.
    const MIN_BYTES: usize = 1 << 16;

    /// Holds nothing yet, and never more than `max_bytes` bytes of files (64 KiB at least), of which
    /// each counts as 128 or more. Where a file would go beyond them, all others are let go and
    /// fetched again when they are asked for.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { files: Vec::new(), bytes: 0, max_bytes: max_bytes.max(Self::MIN_BYTES) }
    }

    /// How many bytes of files are held, each file counted as 128 or more.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The policy with the number that a key of this kind carries, under the head in force. Number
    /// 0 is [`Policy::NONE`].
    ///
    /// # Errors
    /// See [`NoPolicy`].
    pub fn find(&self, head: &Head, kind: Kind, number: u32) -> Result<Policy<'_>, NoPolicy> {
        let visibility = Visibility::of(kind);
        self.find_under(head.policies(visibility), visibility, number)
    }

    /// [`find`](Self::find) under the directory of this name.
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
        // Each step goes down one level: a tree that doesn't is refused, so this ends.
        loop {
            match self.get(name).ok_or(NoPolicy::Unavailable(name))? {
                Held::Directory(directory)
                    if directory.visibility() == visibility
                        && above.is_none_or(|above| {
                            above.checked_sub(1) == Some(directory.level())
                        }) =>
                {
                    name = directory.find(number).ok_or(NoPolicy::Missing)?;
                    above = Some(directory.level());
                }
                Held::Body(body) if body.visibility() == visibility && above == Some(0) => {
                    return body.find(number).ok_or(NoPolicy::Missing);
                }
                Held::Directory(_) | Held::Body(_) => return Err(NoPolicy::Missing),
            }
        }
    }

    /// What to fetch so that numbers that could be looked up under the directory `old` can be under
    /// `new`. Ask again when it has been offered, until nothing is wanted.
    #[must_use]
    pub fn wants(&self, old: FileName, new: FileName) -> Vec<FileName> {
        let held = |place: &Place| matches!(self.get(place.name), Some(Held::Body(_)));
        let mut in_use = self.reach(old, None);
        in_use.retain(held);
        let names = self.reach(new, Some(&in_use)).into_iter().map(|place| place.name);
        distinct(names.filter(|name| self.get(*name).is_none()))
    }

    /// What to fetch so that every number can be looked up under all of these directories, and what
    /// to put into a bundle. Ask again when it has been offered, until nothing is wanted: every
    /// round brings files that stay, so this ends.
    ///
    /// # Errors
    /// [`CapacityExceeded`] as soon as the directories that are held name more than may be held at once: what
    /// is offered next would push out what it was found by, for ever.
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

    /// Hands in a file.
    ///
    /// # Errors
    /// [`ListError::WrongDigest`] where it is not the one that is named, its length included, and
    /// [`ListError::Wire`].
    pub fn offer(&mut self, name: FileName, file: &[u8]) -> Result<(), ListError> {
        if usize::try_from(name.len) != Ok(file.len()) || Digest::of(file) != name.digest {
            return Err(ListError::WrongDigest("policy file"));
        }
        self.take(key(name.digest), file)
    }

    fn take(&mut self, key: Key, file: &[u8]) -> Result<(), ListError> {
        if self.place(&key).is_ok() {
            return Ok(());
        }
        let held = if file.get(2) == Some(&directory::LETTER) {
            PolicyDirectory::decode(file).map(Held::Directory)
        } else {
            PolicyBody::decode(file).map(Held::Body)
        };
        let held = held.map_err(ListError::wire("policy file"))?;
        if self.bytes.saturating_add(room(file.len())) > self.max_bytes {
            self.files.clear();
            self.bytes = 0;
        }
        let (Ok(at) | Err(at)) = self.place(&key);
        self.files.insert(at, (key, held));
        self.bytes += room(file.len());
        Ok(())
    }

    /// Takes files whose names were not handed over, as a [deployment](crate::list::Deployment) holds
    /// them: each counts under the digest that it has, and stays if `head` leads to it by what is
    /// held then. Gives how many were taken; the others are passed over, and fetched when they are
    /// asked for.
    pub fn restore(&mut self, head: &Head, files: &[&[u8]]) -> usize {
        for file in files {
            // What can't be read is no policy file: it is as if it were not there.
            let _ = self.take(key(Digest::of(file)), file);
        }
        self.retain(&Visibility::ALL.map(|visibility| head.policies(visibility)));
        self.files.len()
    }

    /// Lets go of the files that none of these directories leads to.
    pub fn retain(&mut self, directories: &[FileName]) {
        let places = directories.iter().flat_map(|directory| self.reach(*directory, None));
        let kept: BinaryHeap<Key> = places.map(|place| key(place.name.digest)).collect();
        let kept = kept.into_sorted_vec();
        self.files.retain(|(key, _)| kept.binary_search(key).is_ok());
        self.bytes = self.files.iter().map(|(_, held)| room(held.len())).sum();
    }

    fn place(&self, key: &Key) -> Result<usize, usize> {
        self.files.binary_search_by(|(held, _)| held.cmp(key))
    }

    /// A file that has another length than its name says is not the one that is named.
    fn get(&self, name: FileName) -> Option<&Held> {
        self.get_placed(name).map(|(_, held)| held)
    }

    fn get_placed(&self, name: FileName) -> Option<(usize, &Held)> {
        let at = self.place(&key(name.digest)).ok()?;
        let (_, held) = self.files.get(at)?;
        (usize::try_from(name.len) == Ok(held.len())).then_some((at, held))
    }

    /// Every file that `directory` leads to, itself included, as far as directories are held; with
    /// `spans` (ascending) only those that are asked about a number inside of one. All bodies stand
    /// on one level, so they come by ascending range.
    fn reach(&self, directory: FileName, spans: Option<&[Place]>) -> Vec<Place> {
        let wanted = |first: u32, last: u32| match spans {
            Some(spans) => {
                let at = spans.partition_point(|span| span.last < first);
                spans.get(at).is_some_and(|span| span.first <= last)
            }
            None => true,
        };
        // A file that is named twice is followed once, so that no tree takes longer than its size.
        let mut seen = vec![false; self.files.len()];
        let mut places = Vec::new();
        if directory != FileName::NONE && wanted(0, u32::MAX) {
            places.push(Place { name: directory, first: 0, last: u32::MAX });
        }
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

/// Each name once, where it comes first.
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

/// What a file counts as. One of hardly any bytes takes a place like any other: without that a
/// room for a few long files would hold hundreds of thousands of short ones.
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
        }
    }
}
