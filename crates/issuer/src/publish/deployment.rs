//! What is deployed with a gate: the bundle, and the policies that its head leads to.
//!
//! Those of secret keys among them: the file is for the gate alone, as its secrets are.

use std::collections::{BTreeSet, VecDeque};

use portcullis_core::crypto::Digest;
use portcullis_core::list::{Deployment, FileName, Head, ListError};
use portcullis_core::policy::{Policies, PolicyDirectory, Visibility};

use crate::error::Error;
use crate::issuer::Issuer;
use crate::store::policies;

/// How many bytes of policies a gate holds.
const GATE_ROOM: usize = 8 << 20;
/// What a file counts as there at least.
const LEAST_ROOM: usize = 128;

/// A file to deploy with a gate.
#[derive(Debug)]
pub struct GateFile {
    /// The [deployment](Deployment).
    pub file: Vec<u8>,
    /// How many files of policies are in it, public and private.
    pub policies: [usize; 2],
    /// How many bytes those are.
    pub policies_len: usize,
    /// How many were left out because there was no room. What a directory among them names is not
    /// counted.
    pub left_out: usize,
}

impl Issuer {
    /// Puts `bundle` and the files of policies under its `head` into one file of at most `max_len`
    /// bytes, and of no more policies than a gate holds: directories first, then bodies, by number.
    ///
    /// # Errors
    /// The database's, and [`ListError::WrongDigest`] where a file is not there any more: a newer
    /// list is out.
    pub async fn gate_file(
        &self,
        bundle: &[u8],
        head: &Head,
        max_len: usize,
    ) -> Result<GateFile, Error> {
        let mut reading = self.store().read().await?;
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
            let missing = ListError::WrongDigest("policy file");
            let file = policies::file(&mut reading, visibility, name.digest).await?;
            let file = file.filter(|file| Digest::of(file) == name.digest).ok_or(missing)?;
            if let Ok(directory) = PolicyDirectory::decode(&file) {
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
        // As the gate will: whatever it would pass over was made wrongly.
        if Policies::new(GATE_ROOM).restore(head, &policies) != policies.len() {
            return Err(ListError::WrongDigest("policy file").into());
        }
        let file = Deployment { bundle, policies }.encode();
        Ok(GateFile { file, policies: count, policies_len, left_out })
    }
}
