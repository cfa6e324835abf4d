//! The file deployed with a gate: the bundle, and the policies that its head names.
//!
//! It includes the policies of secret keys, so it is for the gate only, like the gate's secrets.

use std::collections::{BTreeSet, VecDeque};

use portcullis_core::crypto::Digest;
use portcullis_core::list::{Deployment, FileName, Head, ListError, Part};
use portcullis_core::policy::{Directory, Policies, Visibility};

use crate::context::Context;
use crate::error::Error;
use crate::store::policies;

/// The most bytes of policies that a gate holds.
const GATE_ROOM: usize = 8 << 20;
/// The least size that a gate counts for a file.
const LEAST_ROOM: usize = 128;

/// A file to deploy with a gate.
#[derive(Debug)]
pub struct GateFile {
    /// The [deployment](Deployment).
    pub file: Vec<u8>,
    /// How many policy files it contains, public and private.
    pub policies: [usize; 2],
    /// Their total size in bytes.
    pub policies_len: usize,
    /// How many files were left out for lack of room. The contents of a directory left out aren't
    /// counted.
    pub left_out: usize,
}

/// Combines `bundle` and the policy files under its `head` into one file of at most `max_len`
/// bytes, and of no more policies than a gate holds. Directories come first, then bodies, by
/// number.
pub(crate) async fn gate_file(
    context: &Context,
    bundle: &[u8],
    head: &Head,
    max_len: usize,
) -> Result<GateFile, Error> {
    let mut reading = context.store().read().await?;
    let mut wanted: VecDeque<(Visibility, FileName)> =
        Visibility::ALL.map(|visibility| (visibility, head.policies(visibility))).into();
    let mut seen = BTreeSet::from([FileName::NONE.digest]);
    let empty = Deployment { bundle, policies: Vec::new() }.encode().len();
    let (mut len, mut room, mut left_out, mut count) = (empty, 0_usize, 0, [0, 0]);
    let mut files = Vec::new();
    while let Some((visibility, name)) = wanted.pop_front() {
        if !seen.insert(name.digest) {
            continue;
        }
        let file_len = usize::try_from(name.len).unwrap_or(usize::MAX);
        let longer = len.saturating_add(file_len).saturating_add(4);
        let taken = room.saturating_add(file_len.max(LEAST_ROOM));
        if longer > max_len || taken > GATE_ROOM {
            left_out += 1;
            continue;
        }
        let missing = ListError::WrongDigest(Part::PolicyFile);
        let file = policies::file(&mut reading, visibility, name.digest).await?;
        let file = file.filter(|file| Digest::of(file) == name.digest).ok_or(missing)?;
        if let Ok(directory) = Directory::decode(&file) {
            wanted.extend(directory.ranges().iter().map(|line| (visibility, line.file)));
        }
        match (visibility, &mut count) {
            (Visibility::Public, [count, _]) | (Visibility::Private, [_, count]) => *count += 1,
        }
        (len, room) = (longer, taken);
        files.push(file);
    }
    let policies_len = files.iter().map(Vec::len).sum();
    let policies: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    // Restore them as the gate does: a file that it would skip is a bug here.
    if Policies::new(GATE_ROOM).restore(head, &policies) != policies.len() {
        return Err(ListError::WrongDigest(Part::PolicyFile).into());
    }
    let file = Deployment { bundle, policies }.encode();
    Ok(GateFile { file, policies: count, policies_len, left_out })
}
