//! Idempotency keys: a request that is sent several times is executed once.

use std::time::Duration;

use portcullis_core::crypto::Digest;
use portcullis_core::time::Time;
use serde_json::Value;

use crate::actions::check_text;
use crate::error::Error;
use crate::store::Connection;
use crate::store::idempotency::{self, Made};

/// A request's idempotency key.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The client that chose the name. Names of different scopes are independent.
    pub scope: String,
    /// The name: 1 to 255 characters.
    pub name: String,
    /// How long the name is remembered.
    pub window: Duration,
}

impl Idempotency {
    /// The default window: a day.
    pub const DEFAULT_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

    /// A name of this scope, remembered for a day.
    #[must_use]
    pub fn new(scope: &str, name: &str) -> Self {
        Self { scope: scope.into(), name: name.into(), window: Self::DEFAULT_WINDOW }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        Ok(check_text("Idempotency-Key", &self.name)?)
    }

    /// The ids of the keys that an earlier request under this name made, if any.
    ///
    /// # Errors
    /// [`Error::IdempotencyMismatch`] if the earlier request differs, and the database's.
    pub(super) async fn recall(
        &self,
        connection: &mut Connection,
        request: Digest,
        now: Time,
    ) -> Result<Option<Vec<String>>, Error> {
        match idempotency::find(connection, &self.scope, &self.name, now).await? {
            Some(made) if made.request != request => Err(Error::IdempotencyMismatch),
            made => Ok(made.map(|made| made.key_ids)),
        }
    }

    /// Remembers for the window which keys the request made.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn remember(
        &self,
        connection: &mut Connection,
        made: &Made,
        now: Time,
    ) -> Result<(), Error> {
        let window = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        let until = now.plus_millis(window);
        Ok(idempotency::insert(connection, (&self.scope, &self.name), made, (now, until)).await?)
    }
}

/// The digest of a request. Equal requests have equal digests.
pub(super) fn digest(request: &Value) -> Digest {
    Digest::of(request.to_string().as_bytes())
}
