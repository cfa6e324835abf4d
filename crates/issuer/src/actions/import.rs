//! Imports records of another system and makes a key for each. The other system's ids are kept, so
//! repeating an import makes no key twice.

use std::collections::HashMap;

use crate::actions::check_text;
use crate::actions::mint::{KeyRequest, are_listed, make, sign_again};
use crate::actions::new_key::{Minted, NewKey};
use crate::committed::Unannounced;
use crate::context::Context;
use crate::error::Error;
use crate::store::{bulk, idempotency, keys};

/// The longest id in another system, in characters.
pub const MAX_EXTERNAL_ID_CHARS: usize = super::MAX_TITLE_CHARS;

/// A record of another system.
#[derive(Clone, Debug)]
pub struct ImportLine {
    /// The record's id in the other system.
    pub external_id: String,
    /// The key to make for the record.
    pub new: NewKey,
}

/// The result for one record.
#[derive(Clone, Debug)]
pub enum Imported {
    /// The import made this key.
    Made(Minted),
    /// An earlier import, or an earlier line of this one, made this key.
    Before(Minted),
    /// An earlier import made the key with this id, and it has been deleted since.
    Deleted(String),
}

impl ImportLine {
    /// Checks everything that doesn't depend on the clock or the store.
    ///
    /// # Errors
    /// [`Error::Invalid`] and the like, as of [`NewKey::check`].
    pub fn check(&self) -> Result<(), Error> {
        check_text("external_id", &self.external_id)?;
        self.new.check()
    }
}

/// Makes a key for each record that has none yet, all or none. Returns one result per line, in
/// order.
pub(crate) async fn import(
    context: &Context,
    lines: &[ImportLine],
) -> Result<Unannounced<Vec<Imported>>, Error> {
    lines.iter().try_for_each(ImportLine::check)?;
    let mut change = context.change(None).await?;
    let external: Vec<&str> = lines.iter().map(|line| line.external_id.as_str()).collect();
    let before = idempotency::imported(&mut change, &external).await?;

    // Make one key for each external id that is new, however many lines name it.
    let mut places = HashMap::new();
    let mut key_requests = Vec::new();
    for ImportLine { external_id, new } in lines {
        if !before.contains_key(external_id) && !places.contains_key(external_id.as_str()) {
            places.insert(external_id.as_str(), key_requests.len());
            key_requests.push(KeyRequest { new, rolled_from: None });
        }
    }
    let made = make(context, &mut change, &key_requests).await?;
    let pairs = places.iter().filter_map(|(external_id, place)| {
        made.get(*place).map(|minted| (*external_id, minted.record.id.as_str()))
    });
    idempotency::insert_imports(&mut change, &pairs.collect::<Vec<_>>()).await?;

    // Answer each line. The first line with a new id gets `Made`, its repetitions `Before`.
    let ids: Vec<String> = before.values().cloned().collect();
    let known = keys::find_all(&mut change, &ids).await?;
    let known = bulk::effective_all(&mut change, known).await?;
    let known: HashMap<&str, _> = known.iter().map(|key| (key.id.as_str(), key)).collect();
    let mut imported = Vec::with_capacity(lines.len());
    let mut told = vec![false; made.len()];
    for line in lines {
        let place = places.get(line.external_id.as_str());
        if let Some((minted, told)) =
            place.and_then(|place| Some((made.get(*place)?, told.get_mut(*place)?)))
        {
            let first = !std::mem::replace(told, true);
            let minted = minted.clone();
            imported.push(if first { Imported::Made(minted) } else { Imported::Before(minted) });
            continue;
        }
        // An earlier import made this key: sign its token again, or report its deletion.
        let id = before.get(&line.external_id).ok_or(Error::SelfCheck)?;
        imported.push(match known.get(id.as_str()) {
            None => Imported::Deleted(id.clone()),
            Some(record) => {
                let token = sign_again(context, record)?;
                Imported::Before(Minted { record: (*record).clone(), token })
            }
        });
    }
    Unannounced::commit_if_listed(change, imported, are_listed(&made)).await
}
