//! The rules of a key's life, one set for command line and HTTP: create, read, revoke, roll,
//! verify. Each change and its event are one transaction.

mod create;
mod read;
mod revoke;
mod roll;
mod rotation;
pub mod scopes;
mod signers;
mod verify;

pub use create::{Minted, NewKey};
pub use read::{Page, Query};
pub use revoke::{Revocation, Revoked};
pub use roll::{Roll, Rolled};
pub use rotation::RotationError;
pub use signers::{KeyringChange, KeyringChanged, NewSigner, Signer, Signers};
pub use verify::{NotAdmin, Verdict};

use std::time::Duration;

use portcullis_core::time::Time;

use crate::error::Error;

/// The longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 255;

/// An instant, as commands name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The instant of the transaction.
    Now,
    /// So much later.
    In(Duration),
    /// This one.
    At(Time),
}

impl Moment {
    /// The whole second of this moment, rounded down, for a transaction at `now`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `field` where tokens can't spell it: from 2106 on.
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

/// Checks a text that people chose: not blank, at most 255 characters, no control characters.
pub(crate) fn check_text(field: &'static str, text: &str) -> Result<(), Error> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > MAX_TITLE_CHARS || text.chars().any(char::is_control) {
        let reason = "must be 1 to 255 characters, not all blank, without control characters";
        return Err(Error::Invalid { field, reason });
    }
    Ok(())
}
