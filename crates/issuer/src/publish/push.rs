//! Updates a target: bodies, then the head, then the stamp, each read back.
//!
//! The data comes from the database, so a publisher that takes over writes the same bytes as its
//! predecessor. The target's current stamp is read first: if it is newer than anything this
//! database has promised, the database is a restored backup.

use std::collections::HashSet;

use portcullis_core::crypto::Digest;
use portcullis_core::keyring::Keyring;
use portcullis_core::list::{ListError, ListVersion, Part, Stamp};
use portcullis_core::policy::Visibility;
use portcullis_core::time::Time;

use super::destination::{Destination, Fault, Found, Target};
use super::policies::files_under;
use crate::context::Context;
use crate::error::Error;
use crate::store::StoreError;
use crate::store::lists::{self, Published};
use crate::store::{policies, shards, targets};

/// The files that a target is known to hold.
#[derive(Debug, Default)]
pub(super) struct Known {
    files: HashSet<Digest>,
    head: Option<Digest>,
    keyring: Option<u32>,
}

/// Updates a target.
///
/// # Errors
/// [`Error::Target`] if the target fails, [`StoreError::Restored`], and the database's.
pub(super) async fn push(
    context: &Context,
    target: &Target,
    known: &mut Known,
) -> Result<(), Error> {
    let failed = |fault: Fault| fault.at(&target.name);
    let published = context.published().await?;
    let found = target.destination.get("stamp").await.map_err(failed)?;
    // A truncated stamp is ignored and overwritten.
    let is_cut = found.bytes.as_ref().is_some_and(|file| file.len() < Stamp::LEN);
    if !is_cut && let Some(stamp) = read_stamp(context, target, &found).await? {
        check_witness(context, &target.name, &stamp).await?;
        let list_version = stamp.list_version();
        if (list_version.epoch, list_version.this_update)
            >= (published.epoch, published.this_update)
        {
            let carries = (list_version.epoch, list_version.number, list_version.this_update);
            return note(context, target, carries).await;
        }
    }
    let keyring = put_files(context, target, &published, known).await?;
    let destination = &target.destination;
    destination.replace("stamp", &published.stamp, &found).await.map_err(failed)?;
    destination.read_back("stamp", &published.stamp).await.map_err(failed)?;
    known.keyring = Some(keyring);
    known.head = Some(published.digest);
    note(context, target, (published.epoch, published.number, published.this_update)).await
}

async fn note(context: &Context, target: &Target, carries: (u32, u64, Time)) -> Result<(), Error> {
    let mut writing = context.store().bookkeeping().await?;
    let now = writing.clock();
    targets::carries(&mut writing, &target.name, carries, now).await?;
    Ok(writing.save().await?)
}

/// Writes the files that the target lacks. Returns the version of its keyring afterwards.
async fn put_files(
    context: &Context,
    target: &Target,
    published: &Published,
    known: &mut Known,
) -> Result<u32, Error> {
    let failed = |fault: Fault| fault.at(&target.name);
    let destination = &target.destination;
    let mut reading = context.store().read().await?;
    let version = lists::keyring_version(&mut reading).await?;
    let keyring = lists::keyring(&mut reading).await?;
    // Collect everything that the head names.
    let view = context.published_state(&mut reading).await?;
    let (head, bodies) = crate::local_verifier::stored_head(&mut reading, published.digest).await?;
    let mut files: Vec<(String, Digest, Visibility)> = Vec::new();
    let list = view.verifier().list().filter(|list| list.stamp().head() == published.digest);
    let list = list.ok_or(ListError::WrongDigest(Part::Head))?;
    for visibility in Visibility::ALL {
        if visibility == Visibility::Private && !destination.is_private() {
            continue;
        }
        let folder = if visibility == Visibility::Public { "policies" } else { "private" };
        let directory = list.head().policies(visibility);
        for digest in files_under(&mut reading, visibility, directory).await? {
            files.push((format!("{folder}/{digest}"), digest, visibility));
        }
    }
    let mut wanted: HashSet<Digest> = bodies.iter().copied().collect();
    wanted.extend(files.iter().map(|(_, digest, _)| *digest));
    wanted.insert(published.digest);
    // Write what is missing: bodies and policies before the head that names them.
    for digest in bodies.iter().filter(|digest| !known.files.contains(digest)) {
        let body = shards::body(&mut reading, *digest).await?;
        let body = body.ok_or(ListError::WrongDigest(Part::Body))?;
        destination.put_once(&format!("bodies/{digest}"), &body).await.map_err(failed)?;
    }
    for (name, digest, visibility) in &files {
        if !known.files.contains(digest) {
            let file = policies::file(&mut reading, *visibility, *digest).await?;
            let file = file.ok_or(ListError::WrongDigest(Part::PolicyFile))?;
            destination.put_once(name, &file).await.map_err(failed)?;
        }
    }
    drop(reading);
    if known.keyring != Some(version) {
        destination.put("keyring", &keyring).await.map_err(failed)?;
    }
    if known.head != Some(published.digest) {
        let name = format!("heads/{}", published.digest);
        destination.put_once(&name, &head).await.map_err(failed)?;
        destination.put("head", &head).await.map_err(failed)?;
    }
    known.files = wanted;
    Ok(version)
}

/// The stamp at a place, if it is this issuer's.
pub(super) async fn read_stamp(
    context: &Context,
    target: &Target,
    found: &Found,
) -> Result<Option<Stamp>, Error> {
    let Some(file) = &found.bytes else { return Ok(None) };
    let mut reading = context.store().read().await?;
    let ours = lists::keyring(&mut reading).await?;
    drop(reading);
    let keyring = Keyring::open(&ours, context.root())?;
    match Stamp::open_at_its_own_time(file, &keyring) {
        Ok(stamp) => Ok(Some(stamp)),
        // It was made under a keyring that this database lacks; the place holds that keyring
        // too.
        Err(
            ListError::KeyringBehind { .. }
            | ListError::WrongEpoch { .. }
            | ListError::NotAListKey(_),
        ) => {
            if let Some(stamp) = read_old_stamp(context, file).await? {
                return Ok(Some(stamp));
            }
            let keyring = newer_keyring(&*target.destination, keyring).await;
            let keyring = keyring.map_err(|fault| fault.at(&target.name))?;
            Ok(Some(Stamp::open_at_its_own_time(file, &keyring)?))
        }
        Err(error) => {
            let reason = format!("its stamp is not this issuer's: {error}");
            Err(Error::Target { target: target.name.clone(), reason })
        }
    }
}

/// A stamp by a signer that has been retired since, or of an earlier epoch.
async fn read_old_stamp(context: &Context, file: &[u8]) -> Result<Option<Stamp>, Error> {
    let keyrings = lists::keyrings(&mut *context.store().read().await?).await?;
    let opened = keyrings.iter().rev().skip(1).filter_map(|(document, _)| {
        let keyring = Keyring::open(document, context.root()).ok()?;
        Stamp::open_at_its_own_time(file, &keyring).ok()
    });
    Ok(opened.into_iter().next())
}

/// Compares a published stamp with this database's last promise.
pub(super) async fn check_witness(
    context: &Context,
    name: &str,
    stamp: &Stamp,
) -> Result<(), Error> {
    let list_version = stamp.list_version();
    let promise = lists::promise(&mut *context.store().read().await?).await?;
    if promise.is_some_and(|promise| !is_later(&list_version, &promise.list_version)) {
        return Ok(());
    }
    let mut writing = context.store().bookkeeping().await?;
    // Check again under the write lock: another issuer may have promised since.
    let promise = lists::promise(&mut writing).await?;
    if promise.is_some_and(|promise| !is_later(&list_version, &promise.list_version)) {
        return Ok(());
    }
    let now = writing.clock();
    targets::set_restored(&mut writing, name, list_version.this_update, now).await?;
    writing.save().await?;
    tracing::error!(witness = name, "the database is a restored backup");
    Err(StoreError::Restored { witness: name.into() }.into())
}

/// Whether a list is newer than the promised one. A later epoch always wins over an earlier one,
/// whatever their times.
pub(super) fn is_later(list_version: &ListVersion, promised: &ListVersion) -> bool {
    (list_version.epoch, list_version.this_update) > (promised.epoch, promised.this_update)
}

/// The keyring at a place, if it is a successor of `held`; otherwise `held`.
pub(super) async fn newer_keyring(
    destination: &dyn Destination,
    held: Keyring,
) -> Result<Keyring, Fault> {
    let document = destination.get("keyring").await?.bytes.ok_or("holds a stamp and no keyring")?;
    match held.succeed(&document) {
        Ok(Some(keyring)) => Ok(keyring),
        Ok(None) => Ok(held),
        Err(error) => Err(format!("its keyring is refused: {error}").into()),
    }
}
