//! Reading records: one, or a page of them.

use portcullis_core::token::{Environment, Kind};

use crate::error::Error;
use crate::issuer::Issuer;
use crate::record::{KeyRecord, KeyState};
use crate::rules::mass::show_wide;
use crate::store::{self, keys};

/// Which keys to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only this environment.
    pub environment: Option<Environment>,
    /// Only keys in this state.
    pub state: Option<KeyState>,
    /// At most so many, 1 to 200; 50 by default.
    pub limit: Option<u32>,
    /// The cursor of the page before.
    pub cursor: Option<String>,
}

/// A page of records, newest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// The records.
    pub keys: Vec<KeyRecord>,
    /// Where the next page starts, if there is one.
    pub next_cursor: Option<String>,
}

impl Issuer {
    /// The record of the key with this id.
    ///
    /// # Errors
    /// [`Error::NotFound`] and the store's.
    pub async fn show(&self, id: &str) -> Result<KeyRecord, Error> {
        let mut reading = self.store().read().await?;
        let mut key = keys::find(&mut reading, id).await?.ok_or(Error::NotFound)?;
        show_wide(&mut reading, [&mut key]).await?;
        Ok(key)
    }

    /// A page of records, newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a limit or cursor that is none, and the store's.
    pub async fn list_keys(&self, query: &Query) -> Result<Page, Error> {
        const MAX: u32 = 200;
        let limit = query.limit.unwrap_or(50);
        if !(1..=MAX).contains(&limit) {
            return Err(Error::Invalid { field: "limit", reason: "must be 1 to 200" });
        }
        let mut reading = self.store().read().await?;
        let before = match &query.cursor {
            None => None,
            Some(cursor) => {
                let reason = "must be the `next_cursor` of the page before";
                let unknown = Error::Invalid { field: "cursor", reason };
                Some(keys::place(&mut reading, cursor).await?.ok_or(unknown)?)
            }
        };
        let now = store::now(&mut reading, self.now()).await?;
        let filter = keys::Filter {
            kind: query.kind,
            environment: query.environment,
            state: query.state,
            before,
            limit: limit.saturating_add(1),
        };
        let mut keys = keys::list(&mut reading, &filter, now.secs()).await?;
        show_wide(&mut reading, &mut keys).await?;
        // One more than asked for tells whether there is another page.
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = keys.len() > wanted;
        keys.truncate(wanted);
        let next_cursor = keys.last().filter(|_| more).map(|key| key.id.clone());
        Ok(Page { keys, next_cursor })
    }
}
