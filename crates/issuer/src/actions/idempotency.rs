//! Requests that have a name: each is done once, however often it is sent.

use std::time::Duration;

use portcullis_core::crypto::Digest;
use portcullis_core::time::Time;
use serde_json::Value;

use crate::actions::check_text;
use crate::error::Error;
use crate::store::Connection;
use crate::store::idempotency::{self, Made};

/// A name for a request, under which it is done once however often it is sent.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// Who chose the name: others' names do not meet it.
    pub scope: String,
    /// The name, 1 to 255 characters.
    pub name: String,
    /// For how long the name is remembered.
    pub window: Duration,
}

impl Idempotency {
    /// The window if nothing else is said: a day.
    pub const DEFAULT_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

    /// A name of this scope, remembered for a day.
    #[must_use]
    pub fn new(scope: &str, name: &str) -> Self {
        Self { scope: scope.into(), name: name.into(), window: Self::DEFAULT_WINDOW }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        check_text("Idempotency-Key", &self.name)
    }

    /// The ids of the keys that an earlier request of this name made, if there was one.
    ///
    /// # Errors
    /// [`Error::IdempotencyMismatch`] if it asked for something else, and the database's.
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
        idempotency::insert(connection, (&self.scope, &self.name), made, (now, until)).await
    }
}

/// The digest of what is asked for: two requests are the same if it is.
pub(super) fn digest(request: &Value) -> Digest {
    Digest::of(request.to_string().as_bytes())
}
