//! The rules of a key's life cycle, shared by the command line and HTTP. A change and its event are
//! one transaction. A change of several keys applies to all or none.

pub(crate) mod bulk;
mod bulk_view;
pub(crate) mod canary;
pub(crate) mod care;
pub(crate) mod channels;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod idempotency;
pub(crate) mod idle;
pub(crate) mod import;
pub(crate) mod labels;
pub(crate) mod mint;
mod new_key;
pub(crate) mod owners;
pub(crate) mod policies;
pub(crate) mod read;
pub(crate) mod revoke;
pub(crate) mod roll;
pub(crate) mod rotation;
pub mod scopes;
pub(crate) mod settings;
pub(crate) mod signers;
pub(crate) mod suspend;
pub(crate) mod update;
pub(crate) mod usage;
pub(crate) mod verify;

pub use bulk::{BulkRevocation, BulkSelection};
pub use bulk_view::BulkView;
pub use canary::{CanaryUse, MAX_CANARIES};
pub use care::{Care, Preview};
pub use create::Creation;
pub use idempotency::Idempotency;
pub(crate) use idle::prune as prune_usage_days;
pub use idle::{IDLE_BATCH, Idle};
pub use import::{ImportLine, Imported, MAX_EXTERNAL_ID_CHARS};
pub use labels::{LabelChange, Labels, LabelsPreview, MAX_LABELS};
pub use new_key::{Expiry, Minted, NewKey};
pub use owners::{NewOwner, OwnerChange};
pub use policies::{NewPolicy, PolicyChange, PolicyRules};
pub use read::{Page, Query};
pub use revoke::{IfRevoked, Revocation, RevokedKeys, Selector};
pub use roll::{Roll, Rolled};
pub use rotation::RotationError;
pub(crate) use rotation::takes_over;
pub use settings::{Effect, KindChange, SettingsChange, SettingsChanged};
pub(crate) use signers::KEYRING_VALIDITY;
pub use signers::{KeyringChange, KeyringChanged, NewSigner, Signer, Signers};
pub use update::{FIXED_FIELDS, Update, Upsert, check_fixed};
pub use usage::{MAX_USES, Use};
pub use verify::{NotAdmin, Strict, StrictRefusal, Verdict};

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use portcullis_core::time::Time;
use serde_json::json;

use crate::error::Error;
use crate::record::KeyRecord;
use crate::store::{Connection, keys};

pub use crate::store::listing::{Criteria, Order, Span};
pub use crate::text::MAX_TITLE_CHARS;
pub(crate) use crate::text::check_text;

/// The longest metadata of a key, in bytes of JSON.
pub const MAX_METADATA_LEN: usize = 16 * 1024;
/// The most sales channels that a key can have.
pub const MAX_SALES_CHANNELS: usize = 100;

/// An instant, as commands specify it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The instant of the transaction.
    Now,
    /// This duration after the transaction.
    In(Duration),
    /// This instant.
    At(Time),
}

impl When {
    /// The part of the request digest that covers the instant.
    fn request(self) -> serde_json::Value {
        match self {
            Self::Now => json!("now"),
            Self::In(after) => json!({ "in": after.as_millis().to_string() }),
            Self::At(time) => json!({ "at": time.millis() }),
        }
    }

    /// Resolves to whole seconds, rounded down, for a transaction at `now`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `field` if tokens can't encode the instant: from 2106 on.
    fn resolve(self, now: Time, field: &'static str) -> Result<u32, Error> {
        let time = match self {
            Self::Now => now,
            Self::In(duration) => {
                now.plus_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
            }
            Self::At(time) => time,
        };
        let secs = u32::try_from(time.millis() / 1000).ok().filter(|&secs| secs < u32::MAX);
        secs.ok_or(Error::Invalid { field, reason: "must lie before the year 2106" })
    }
}

fn check_by(field: &'static str, by: Option<&str>) -> Result<(), Error> {
    Ok(by.map_or(Ok(()), |by| check_text(field, by))?)
}

/// Checks the length of a key's metadata.
fn check_metadata(metadata: &serde_json::Map<String, serde_json::Value>) -> Result<(), Error> {
    let length = serde_json::to_vec(metadata).map_or(usize::MAX, |json| json.len());
    if length > MAX_METADATA_LEN {
        let reason = "must be at most 16384 bytes of JSON";
        return Err(Error::Invalid { field: "metadata", reason });
    }
    Ok(())
}

/// Checks sales channels, sorts them and removes duplicates.
fn check_channels(channels: &[String]) -> Result<Vec<String>, Error> {
    channels.iter().try_for_each(|channel| check_text("sales_channels", channel))?;
    let channels: BTreeSet<&String> = channels.iter().collect();
    if channels.len() > MAX_SALES_CHANNELS {
        let reason = "must be at most 100";
        return Err(Error::Invalid { field: "sales_channels", reason });
    }
    Ok(channels.into_iter().cloned().collect())
}

/// The records with these ids. Duplicate ids count once; an id without a record is an error.
async fn find_all(connection: &mut Connection, ids: &[String]) -> Result<Vec<KeyRecord>, Error> {
    if ids.is_empty() {
        return Err(Error::NothingSelected);
    }
    let mut seen = HashSet::new();
    let ids: Vec<String> = ids.iter().filter(|id| seen.insert(id.as_str())).cloned().collect();
    let found = keys::find_all(connection, &ids).await?;
    if found.len() == ids.len() {
        return Ok(found);
    }
    let found: HashSet<&str> = found.iter().map(|key| key.id.as_str()).collect();
    let missing = ids.iter().filter(|id| !found.contains(id.as_str())).cloned().collect();
    Err(Error::NoSuchKeys(missing))
}
