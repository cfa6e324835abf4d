//! The files of policies: bodies and directories, built from the records.
//!
//! The trees stay in memory between publications, so that an edit only rewrites its body and the
//! directories above. They are a cache: they follow other processes' edits through the outbox, and
//! are rebuilt from the records after a failed publication.

use std::collections::BTreeSet;

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{PolicyTree, SaltKey};
use portcullis_core::list::{FileName, ListError, Part};
use portcullis_core::policy::{Directory, Visibility};
use portcullis_core::time::Time;

use crate::error::Error;
use crate::store::Connection;
use crate::store::policies::{self, Say};

/// The trees of both visibilities, as of an event.
#[derive(Debug)]
pub(crate) struct PolicyTrees {
    public: PolicyTree,
    private: PolicyTree,
    position: i64,
}

impl PolicyTrees {
    async fn load(
        connection: &mut Connection,
        salt: &SaltKey,
        position: i64,
    ) -> Result<Self, Error> {
        let (public, private) = (PolicyTree::public(), PolicyTree::private(salt.clone()));
        let mut policy_trees = Self { public, private, position };
        for say in policies::all_policy_rows(connection).await? {
            policy_trees.take(&say)?;
        }
        Ok(policy_trees)
    }

    async fn follow(&mut self, connection: &mut Connection, position: i64) -> Result<(), Error> {
        for number in policies::changed_since(connection, self.position).await? {
            if let Some(say) = policies::say_one(connection, number).await? {
                self.take(&say)?;
            }
        }
        self.position = position;
        Ok(())
    }

    fn take(&mut self, (number, visibility, draft): &Say) -> Result<(), Error> {
        let tree = self.tree(*visibility);
        match draft {
            Some(draft) => tree.set(*number, draft)?,
            None => {
                tree.remove(*number);
            }
        }
        Ok(())
    }

    fn tree(&mut self, visibility: Visibility) -> &mut PolicyTree {
        match visibility {
            Visibility::Public => &mut self.public,
            Visibility::Private => &mut self.private,
        }
    }
}

/// Writes the files of policies that have changed since the event `last`, and records the
/// directories. Returns whether a directory has changed. The caller must drop `held` if the
/// transaction isn't committed.
pub(super) async fn renew_policies(
    connection: &mut Connection,
    held: &mut Option<PolicyTrees>,
    salt: &SaltKey,
    (last, position): (i64, i64),
    (now, since): (Time, Time),
) -> Result<bool, Error> {
    if policies::changed_since(connection, last).await?.is_empty() {
        return Ok(false);
    }
    let mut policy_trees = match held.take() {
        Some(mut policy_trees) => {
            policy_trees.follow(connection, position).await?;
            policy_trees
        }
        None => PolicyTrees::load(connection, salt, position).await?,
    };
    let mut changed = false;
    for visibility in Visibility::ALL {
        let before = policies::directory(connection, visibility).await?;
        let written = policy_trees.tree(visibility).write()?;
        for (name, file) in &written.files {
            policies::put_file(connection, visibility, *name, file).await?;
        }
        if written.directory == before {
            continue;
        }
        changed = true;
        policies::set_directory(connection, visibility, written.directory).await?;
        // Record which files are out of use, and which are in use again.
        let old = files_under(connection, visibility, before).await?;
        let new = files_under(connection, visibility, written.directory).await?;
        for digest in old.difference(&new) {
            policies::set_left(connection, *digest, Some(now)).await?;
        }
        for digest in new.difference(&old) {
            policies::set_left(connection, *digest, None).await?;
        }
    }
    policies::prune_files(connection, since).await?;
    *held = Some(policy_trees);
    Ok(changed)
}

/// All files that a verifier may fetch: the directory, those under it, and the bodies.
pub(crate) async fn files_under(
    connection: &mut Connection,
    visibility: Visibility,
    directory: FileName,
) -> Result<BTreeSet<Digest>, Error> {
    let mut found = BTreeSet::new();
    let mut wanted = vec![directory];
    while let Some(name) = wanted.pop() {
        if name == FileName::NONE || !found.insert(name.digest) {
            continue;
        }
        let file = policies::file(connection, visibility, name.digest).await?;
        let file = file.ok_or(ListError::WrongDigest(Part::PolicyFile))?;
        let read = Directory::decode(&file)?;
        let ranges = read.ranges().iter().map(|line| line.file);
        if read.level() == 0 {
            found.extend(ranges.map(|name| name.digest));
        } else {
            wanted.extend(ranges);
        }
    }
    Ok(found)
}
