//! Writing bodies and directories. Each file is decoded by the verifying half before it is
//! returned.
//!
//! The same policies give the same files, whatever the edits that led to them: a range of numbers
//! is halved while its file would be too long, and for no other reason. So an edit writes one body,
//! rarely two, and the directories above it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::assignment::{self, AssignmentBody};
use crate::crypto::Context;
use crate::file_name::{Digest, FileName};
use crate::issue::name_file;
use crate::policy::{
    BODY_LETTER, Directory, HEADER_LEN, Holds, INDEX_LEN, MAX_POLICY_LEN, PolicyBody, RangeLine,
};
use crate::policy_file::{MAX_POLICY_FILE_LEN, SALT_LEN, Visibility};
use crate::wire::{Put as _, WireError};

/// The key that the salts of private bodies are derived with. Wiped when dropped, hidden from
/// `Debug`.
///
/// Digests of private bodies are public: without a secret salt, anyone could confirm a guessed
/// policy. The salt depends on the content, so that writing stays deterministic.
#[derive(Clone)]
pub struct SaltKey(Zeroizing<[u8; 32]>);

impl SaltKey {
    /// Takes a secret of the keystore, drawn at random for this purpose.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*secret))
    }

    /// The salt of a body; `content` is its bytes after the salt.
    fn salt(&self, content: &[u8]) -> [u8; SALT_LEN] {
        let mut block = Zeroizing::new([0; 64]);
        if let Some(front) = block.first_chunk_mut() {
            *front = *self.0;
        }
        let mac = Hmac::<Sha256>::new(&(*block).into());
        let mac = mac.chain_update(Context::SALT.bytes()).chain_update(content);
        mac.finalize().into_bytes().into()
    }
}

impl core::fmt::Debug for SaltKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SaltKey(..)")
    }
}

/// All policies, or all assignments, of one visibility as records by number, and the files of the
/// last write.
#[derive(Clone, Debug)]
pub(crate) struct RecordTree {
    holds: Holds,
    salt_key: Option<SaltKey>,
    records: BTreeMap<u64, Vec<u8>>,
    /// By the first number of their range.
    bodies: BTreeMap<u64, BodyPlan>,
    /// The numbers of the records that changed since the last write.
    changed: BTreeSet<u64>,
    /// The files of the last write.
    written: BTreeSet<Digest>,
}

#[derive(Clone, Copy, Debug)]
struct BodyPlan {
    last: u64,
    /// `None` until it is written.
    file: Option<FileName>,
}

/// The files to publish, in this order, before a head that names the directory.
#[derive(Clone, Debug)]
pub struct PolicyFiles {
    /// The directory for the head; [`FileName::NONE`] if there are no policies.
    pub directory: FileName,
    /// The files that are new since the last write: bodies, then directories, lowest level first.
    pub files: Vec<(FileName, Vec<u8>)>,
}

impl RecordTree {
    /// An empty tree; private with a salt key.
    pub(crate) const fn new(holds: Holds, salt_key: Option<SaltKey>) -> Self {
        Self {
            holds,
            salt_key,
            records: BTreeMap::new(),
            bodies: BTreeMap::new(),
            changed: BTreeSet::new(),
            written: BTreeSet::new(),
        }
    }

    const fn visibility(&self) -> Visibility {
        match self.salt_key {
            None => Visibility::Public,
            Some(_) => Visibility::Private,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Adds or replaces the record with this number.
    pub(crate) fn set(&mut self, number: u64, record: Vec<u8>) {
        self.records.insert(number, record);
        self.changed.insert(number);
    }

    /// Removes the record with this number; returns whether it existed.
    pub(crate) fn remove(&mut self, number: u64) -> bool {
        let was_there = self.records.remove(&number).is_some();
        if was_there {
            self.changed.insert(number);
        }
        was_there
    }

    /// Writes what has changed since the last write. The work is that of the changed bodies and of
    /// all directories, which take about half a byte per policy.
    ///
    /// # Errors
    /// [`WireError`] if a file can't be decoded again.
    pub(crate) fn write(&mut self) -> Result<PolicyFiles, WireError> {
        self.plan();
        let mut files = Vec::new();
        let mut lines = Vec::new();
        let (records, salt_key, holds) = (&self.records, self.salt_key.as_ref(), self.holds);
        for (&first, plan) in &mut self.bodies {
            // A body has a name but isn't written if the last write failed after it.
            let file = match plan.file.filter(|file| self.written.contains(&file.digest)) {
                Some(file) => file,
                None => {
                    let body = encode_body(holds, salt_key, records.range(first..=plan.last));
                    match holds {
                        Holds::Policies => PolicyBody::decode(&body).map(|_| ())?,
                        Holds::Assignments => AssignmentBody::decode(&body).map(|_| ())?,
                    }
                    let name = name_file(&body);
                    files.push((name, body));
                    *plan.file.insert(name)
                }
            };
            lines.push(RangeLine { first, file });
        }
        let directory = self.write_directories(lines, &mut files)?;
        let fresh = |(name, _): &(FileName, Vec<u8>)| !self.written.contains(&name.digest);
        let names: Vec<Digest> = files.iter().map(|(name, _)| name.digest).collect();
        files.retain(fresh);
        // Unchanged bodies count as written too.
        self.written = names
            .into_iter()
            .chain(self.bodies.values().filter_map(|b| Some(b.file?.digest)))
            .collect();
        Ok(PolicyFiles { directory, files })
    }

    fn write_directories(
        &self,
        mut lines: Vec<RangeLine>,
        files: &mut Vec<(FileName, Vec<u8>)>,
    ) -> Result<FileName, WireError> {
        let mut put = |level: u8, lines: &[RangeLine]| {
            let file = encode_directory(self.holds, self.visibility(), level, lines);
            Directory::decode(&file)?;
            let name = name_file(&file);
            files.push((name, file));
            Ok(name)
        };
        if lines.is_empty() {
            return Ok(FileName::NONE);
        }
        // As long as one directory can't hold all ranges, add a level above it.
        let mut level = 0;
        while lines.len() > Directory::MAX_RANGES {
            let mut pages = Vec::new();
            halve(&lines, 0, self.holds.bits(), &mut pages);
            lines = pages
                .into_iter()
                .map(|(first, page)| Ok(RangeLine { first, file: put(level, page)? }))
                .collect::<Result<_, WireError>>()?;
            level += 1;
        }
        put(level, &lines)
    }

    /// Assigns every changed number the widest range around it that fits into a body.
    fn plan(&mut self) {
        let mut changed = core::mem::take(&mut self.changed);
        let mut planned: Option<RangeInclusive<u64>> = None;
        while let Some(number) = changed.pop_first() {
            if planned.as_ref().is_some_and(|range| range.contains(&number)) {
                continue;
            }
            let range = self.widest(number);
            let (first, last) = (*range.start(), *range.end());
            let before = self.bodies.range(..=number).next_back();
            if let Some((&start, &BodyPlan { last: end, .. })) = before
                && end >= number
                && (start < first || end > last)
            {
                // The body has outgrown its limit: plan all of its policies anew.
                self.bodies.remove(&start);
                changed.extend(self.records.range(start..=end).map(|(number, _)| *number));
            }
            let merged: Vec<u64> =
                self.bodies.range(range.clone()).map(|(first, _)| *first).collect();
            for first in merged {
                self.bodies.remove(&first);
            }
            if self.records.range(range.clone()).next().is_some() {
                self.bodies.insert(first, BodyPlan { last, file: None });
            }
            planned = Some(range);
        }
    }

    /// The widest range around `number` (all numbers, a half, a quarter, …) that fits into a body.
    fn widest(&self, number: u64) -> RangeInclusive<u64> {
        let around = |bits: u32| {
            let rest = self.holds.last() >> bits;
            number & !rest..=number | rest
        };
        (0..self.holds.bits()).map(around).find(|range| self.fits(range)).unwrap_or(number..=number)
    }

    fn fits(&self, range: &RangeInclusive<u64>) -> bool {
        let salt = if self.salt_key.is_some() { SALT_LEN } else { 0 };
        let mut len = HEADER_LEN + salt;
        self.records.range(range.clone()).all(|(_, record)| {
            len += INDEX_LEN + record.len();
            len <= MAX_POLICY_FILE_LEN
        })
    }
}

/// Halves a range until no part has more lines than a directory holds. The range starts at `first`,
/// and its numbers differ in the last `bits` bits alone.
fn halve<'l>(
    lines: &'l [RangeLine],
    first: u64,
    bits: u32,
    pages: &mut Vec<(u64, &'l [RangeLine])>,
) {
    if let (true, Some(rest)) = (lines.len() > Directory::MAX_RANGES, bits.checked_sub(1)) {
        let middle = first | 1 << rest;
        let (low, high) = lines.split_at(lines.partition_point(|line| line.first < middle));
        halve(low, first, rest, pages);
        halve(high, middle, rest, pages);
    } else if !lines.is_empty() {
        pages.push((first, lines));
    }
}

fn encode_directory(
    holds: Holds,
    visibility: Visibility,
    level: u8,
    lines: &[RangeLine],
) -> Vec<u8> {
    let mut out = Vec::new();
    let count = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    out.put_magic(holds.letter()).put_u8(visibility.code()).put_u8(level).put_u16(count);
    for RangeLine { first, file } in lines {
        put_number(holds, *first, &mut out).put_u32(file.len).put(&file.digest.0);
    }
    out
}

fn put_number(holds: Holds, number: u64, out: &mut Vec<u8>) -> &mut Vec<u8> {
    match holds {
        Holds::Policies => out.put_u32(u32::try_from(number).unwrap_or(u32::MAX)),
        Holds::Assignments => out.put_u48(number),
    }
}

fn encode_body<'r>(
    holds: Holds,
    salt_key: Option<&SaltKey>,
    records: impl Iterator<Item = (&'r u64, &'r Vec<u8>)> + Clone,
) -> Vec<u8> {
    let mut content = Vec::new();
    content.put_u16(u16::try_from(records.clone().count()).unwrap_or(u16::MAX));
    let letter = match holds {
        // An index of numbers and ends, then the records.
        Holds::Policies => {
            let mut end = 0;
            for (number, record) in records.clone() {
                end += record.len();
                put_number(holds, *number, &mut content);
                content.put_u16(u16::try_from(end).unwrap_or(u16::MAX));
            }
            for (_, record) in records {
                content.put(record);
            }
            BODY_LETTER
        }
        // Each record behind its serial.
        Holds::Assignments => {
            for (number, record) in records {
                put_number(holds, *number, &mut content).put(record);
            }
            assignment::BODY_LETTER
        }
    };
    let mut out = Vec::new();
    out.put_magic(letter);
    match salt_key {
        None => out.put_u8(Visibility::Public.code()),
        Some(key) => out.put_u8(Visibility::Private.code()).put(&key.salt(&content)),
    };
    out.put(&content);
    out
}

// A policy of maximal length fits into a private body.
const _: () = assert!(HEADER_LEN + SALT_LEN + INDEX_LEN + MAX_POLICY_LEN <= MAX_POLICY_FILE_LEN);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::PolicyDraft;

    #[test]
    fn a_body_that_was_named_by_a_writing_that_failed_is_handed_out_by_the_next() {
        let mut tree = RecordTree::new(Holds::Policies, None);
        tree.set(9, PolicyDraft::default().encode().unwrap());
        tree.plan();
        let body = encode_body(Holds::Policies, None, tree.records.iter());
        for plan in tree.bodies.values_mut() {
            plan.file = Some(name_file(&body));
        }
        let written = tree.write().unwrap();
        assert_eq!(written.files.len(), 2);
        assert_eq!(written.files.first().unwrap().1, body);
        assert!(tree.write().unwrap().files.is_empty());
    }
}
