//! Admin keys, which open the issuer's API.

use crate::actions::{NotAdmin, scopes, verify};
use crate::error::Error;
use crate::publish::Publisher;
use crate::record::KeyRecord;

/// Admin keys, which open the issuer's API.
///
/// See [`Issuer::admins`](crate::Issuer::admins).
#[derive(Clone, Copy, Debug)]
pub struct AdminOperations<'a>(pub(super) &'a Publisher);

impl AdminOperations<'_> {
    /// The record of the admin key with this token. The token is verified like any key and must
    /// match a record, so a stolen signing key isn't enough.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(self, token: &str) -> Result<Result<KeyRecord, NotAdmin>, Error> {
        verify::admin(self.0.context(), token).await
    }

    /// The record of the admin key `id`, verified again as if its token had been presented.
    ///
    /// # Errors
    /// The store's.
    pub async fn find_again(self, id: &str) -> Result<Result<KeyRecord, NotAdmin>, Error> {
        verify::admin_again(self.0.context(), id).await
    }

    /// Checks that a holder of `held` may change the key `id`. An admin key requires
    /// [`ADMINS_WRITE`](crate::actions::scopes::ADMINS_WRITE) and every scope of that key, because
    /// rolling it grants them and revoking it removes them.
    ///
    /// # Errors
    /// [`Error::Scope`], and the store's. An unknown key is no error.
    pub async fn check_may_change(self, held: &[String], id: &str) -> Result<(), Error> {
        scopes::check_may_change(self.0.context(), held, id).await
    }
}
