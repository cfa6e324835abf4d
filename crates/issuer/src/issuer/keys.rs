//! API keys: their records, and what is done with them.

use portcullis_core::token::{Environment, Kind};

use crate::Committed;
use crate::actions::{
    CanaryUse, Care, Creation, Idempotency, Idle, IfRevoked, ImportLine, Imported, Minted, NewKey,
    Page, Preview, Query, Revocation, RevokedKeys, Roll, Rolled, Selector, Strict, Update, Upsert,
    Verdict, canary, channels, create, delete, idle, import, read, revoke, roll, suspend, update,
    usage, verify,
};
use crate::actor::Actor;
use crate::error::Error;
use crate::publish::Publisher;
use crate::record::KeyRecord;
use crate::settings::Class;
use crate::store::bulk::EffectiveKey;
use crate::store::keys::Use;

/// API keys: their records, and what is done with them.
///
/// See [`Issuer::keys`](crate::Issuer::keys).
#[derive(Clone, Copy, Debug)]
pub struct KeyOperations<'a>(pub(super) &'a Publisher);

impl KeyOperations<'_> {
    /// Makes a key. The published list already covers its serial, so gates accept it at once. If
    /// the key gets a policy of its own, gates accept it when a list with that policy is published,
    /// which is at once unless publishing fails.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NoSigner`], [`Error::ShardFull`], and the store's.
    pub async fn create(self, new: &NewKey) -> Result<Minted, Error> {
        let made = self.create_all(std::slice::from_ref(new), None).await?;
        made.keys.into_iter().next().ok_or(Error::SelfCheck)
    }

    /// Makes keys, all or none. A request that repeats an idempotency key returns the keys of the
    /// earlier request. Their tokens are signed again from the records.
    ///
    /// # Errors
    /// As [`KeyOperations::create`]; [`Error::IdempotencyMismatch`]; [`Error::NoSuchKeys`] if keys
    /// of the earlier request have been deleted.
    pub async fn create_all(
        self,
        new: &[NewKey],
        idempotency: Option<&Idempotency>,
    ) -> Result<Creation, Error> {
        let done = create::create_all(self.0.context(), new, idempotency).await?;
        Ok(self.0.announce(done).await.logged())
    }

    /// Undoes the making of keys, all or none: revokes and deletes them in one transaction, and
    /// publishes. Their idempotency keys become available again. Returns the records as they were
    /// before.
    ///
    /// # Errors
    /// [`Error::NothingSelected`], [`Error::NoSuchKeys`], [`Error::LastAdmin`], and the store's. On
    /// error nothing has changed.
    pub async fn undo_create(
        self,
        ids: &[String],
        by: Option<&str>,
    ) -> Result<Committed<Vec<KeyRecord>>, Error> {
        let done = delete::undo_create(self.0.context(), ids, by).await?;
        Ok(self.0.announce(done).await)
    }

    /// The record of the key with this id.
    ///
    /// # Errors
    /// [`Error::NotFound`] and the store's.
    pub async fn show(self, id: &str) -> Result<EffectiveKey, Error> {
        read::show(self.0.context(), id).await
    }

    /// A page of records. A key that doesn't change between pages appears on exactly one.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an invalid limit, cursor or search, and the store's.
    pub async fn list(self, query: &Query) -> Result<Page, Error> {
        read::list_keys(self.0.context(), query).await
    }

    /// Changes the stored properties of a key, revoked or not. Publishes if sales channels change.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::NotPublishable`], [`Error::SharedPolicy`],
    /// and the store's. On error nothing has changed.
    pub async fn update(
        self,
        id: &str,
        update: &Update,
        by: Option<&str>,
    ) -> Result<Committed<EffectiveKey>, Error> {
        let done = update::update(self.0.context(), id, update, by).await?;
        Ok(self.0.announce(done).await)
    }

    /// Makes keys and changes others, all or none. Returns the new keys, then the changed ones.
    ///
    /// # Errors
    /// Those of [`KeyOperations::create`] and [`KeyOperations::update`]. On error nothing has
    /// changed.
    pub async fn upsert(self, all: &[Upsert]) -> Result<(Vec<Minted>, Vec<EffectiveKey>), Error> {
        let done = update::upsert(self.0.context(), all).await?;
        Ok(self.0.announce(done).await.logged())
    }

    /// Adds and removes sales channels of a publishable key, and publishes. Adding a channel that
    /// the key has, or removing one that it lacks, changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotPublishable`], [`Error::SharedPolicy`], [`Error::Invalid`],
    /// and the store's. On error nothing has changed.
    pub async fn change_sales_channels(
        self,
        id: &str,
        add: &[String],
        remove: &[String],
        by: Option<&str>,
    ) -> Result<Committed<EffectiveKey>, Error> {
        let done = channels::change_sales_channels(self.0.context(), id, add, remove, by).await?;
        Ok(self.0.announce(done).await)
    }

    /// Revokes a key, commits, and publishes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyRevoked`], [`Error::NotEarlier`], [`Error::Invalid`],
    /// and the store's. On error nothing has changed.
    pub async fn revoke(
        self,
        id: &str,
        revocation: &Revocation,
    ) -> Result<Committed<EffectiveKey>, Error> {
        self.revoke_with(id, revocation, &Care::MEANT, IfRevoked::Refuse).await
    }

    /// Like [`KeyOperations::revoke`], with the caller's confirmations. With [`IfRevoked::Skip`], a
    /// key that is revoked already is returned unchanged.
    ///
    /// # Errors
    /// As [`KeyOperations::revoke`], and [`Error::LastAdmin`].
    pub async fn revoke_with(
        self,
        id: &str,
        revocation: &Revocation,
        care: &Care,
        if_revoked: IfRevoked,
    ) -> Result<Committed<EffectiveKey>, Error> {
        let done = revoke::revoke_with(self.0.context(), id, revocation, care, if_revoked).await?;
        Ok(self.0.announce(done).await)
    }

    /// Revokes keys, all or none, commits, and publishes.
    ///
    /// # Errors
    /// [`Error::NothingSelected`], [`Error::NoSuchKeys`], [`Error::SomeAlreadyRevoked`],
    /// [`Error::SomeNotEarlier`], [`Error::Invalid`], and the store's. On error nothing has
    /// changed.
    pub async fn revoke_all(
        self,
        selector: &Selector,
        revocation: &Revocation,
    ) -> Result<Committed<RevokedKeys>, Error> {
        self.revoke_all_with(selector, revocation, &Care::MEANT, IfRevoked::Refuse).await
    }

    /// Like [`KeyOperations::revoke_all`], with the caller's confirmations.
    ///
    /// # Errors
    /// As [`KeyOperations::revoke_all`]; [`Error::NotTheCount`], [`Error::LastAdmin`].
    pub async fn revoke_all_with(
        self,
        selector: &Selector,
        revocation: &Revocation,
        care: &Care,
        if_revoked: IfRevoked,
    ) -> Result<Committed<RevokedKeys>, Error> {
        let done =
            revoke::revoke_all_with(self.0.context(), selector, revocation, care, if_revoked)
                .await?;
        Ok(self.0.announce(done).await)
    }

    /// Previews [`KeyOperations::revoke_all_with`] and the keys it would revoke. Changes nothing.
    ///
    /// # Errors
    /// As [`KeyOperations::revoke_all`].
    pub async fn preview_revoke_all(
        self,
        selector: &Selector,
        revocation: &Revocation,
        if_revoked: IfRevoked,
    ) -> Result<(Vec<EffectiveKey>, Preview), Error> {
        revoke::preview_all(self.0.context(), selector, revocation, if_revoked).await
    }

    /// Revokes at once the key with this token, for any holder of the text. Secret keys only: the
    /// text of a publishable key is public.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`], [`Error::PublicText`], [`Error::AlreadyRevoked`], and the store's.
    pub async fn revoke_by_token(self, token: &str) -> Result<Committed<EffectiveKey>, Error> {
        let done = revoke::revoke_by_token(self.0.context(), token).await?;
        // The holder of a token acts as that key, and publishes as it too.
        let holder = self.0.context().acting_as(Actor::key(&done.value().id));
        Ok(self.0.with(holder).announce(done).await)
    }

    /// Suspends a key, commits, and publishes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyRevoked`], [`Error::Expired`], [`Error::Suspended`],
    /// and the store's. On error nothing has changed.
    pub async fn suspend(
        self,
        id: &str,
        by: Option<&str>,
    ) -> Result<Committed<EffectiveKey>, Error> {
        let done = suspend::suspend(self.0.context(), id, by).await?;
        Ok(self.0.announce(done).await)
    }

    /// Resumes a suspended key, commits, and publishes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyRevoked`], [`Error::Expired`], [`Error::NotSuspended`],
    /// and the store's. On error nothing has changed.
    pub async fn resume(
        self,
        id: &str,
        by: Option<&str>,
    ) -> Result<Committed<EffectiveKey>, Error> {
        let done = suspend::resume(self.0.context(), id, by).await?;
        Ok(self.0.announce(done).await)
    }

    /// Makes a copy of the key with the changes in `roll`. Revokes the old key after the overlap,
    /// or at its earlier expiry. Commits, and publishes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyRevoked`], [`Error::Suspended`], [`Error::Expired`],
    /// those of [`KeyOperations::create`], and the store's. On error nothing has changed.
    pub async fn roll(self, id: &str, roll: &Roll) -> Result<Committed<Rolled>, Error> {
        self.roll_once(id, roll, None).await
    }

    /// Like [`KeyOperations::roll`], with an idempotency key. A request that repeats the key
    /// returns the new key of the earlier request, its token signed again from the record, and
    /// makes no second one.
    ///
    /// # Errors
    /// As [`KeyOperations::roll`]; [`Error::IdempotencyMismatch`]; [`Error::NoSuchKeys`] if either
    /// key has been deleted since the earlier request.
    pub async fn roll_once(
        self,
        id: &str,
        roll: &Roll,
        idempotency: Option<&Idempotency>,
    ) -> Result<Committed<Rolled>, Error> {
        let done = roll::roll_once(self.0.context(), id, roll, idempotency).await?;
        Ok(self.0.announce(done).await)
    }

    /// Deletes the records of revoked keys, all or none.
    ///
    /// # Errors
    /// [`Error::NothingSelected`], [`Error::NoSuchKeys`], [`Error::NotRevoked`] with the keys not
    /// yet revoked, and the store's. On error nothing has changed.
    pub async fn delete(self, ids: &[String], by: Option<&str>) -> Result<Vec<String>, Error> {
        delete::delete(self.0.context(), ids, by).await
    }

    /// Makes a key for each record that has none yet, all or none. Returns one result per line, in
    /// order.
    ///
    /// # Errors
    /// Those of [`KeyOperations::create`]. On error nothing has changed.
    pub async fn import(self, lines: &[ImportLine]) -> Result<Vec<Imported>, Error> {
        let done = import::import(self.0.context(), lines).await?;
        Ok(self.0.announce(done).await.logged())
    }

    /// Verifies a token as a gate that requires this kind and environment does.
    ///
    /// # Errors
    /// The store's. A refused key is no error.
    pub async fn verify(
        self,
        token: &str,
        kind: Option<Kind>,
        environment: Option<Environment>,
    ) -> Result<Verdict, Error> {
        verify::verify(self.0.context(), token, kind, environment).await
    }

    /// Verifies a token against the list if one is in force, and against its record in any case. A
    /// key of a kind other than `kind` is refused.
    ///
    /// # Errors
    /// The store's. A refused key is no error.
    pub async fn authenticate(
        self,
        token: &str,
        kind: Kind,
        environment: Option<Environment>,
    ) -> Result<Strict, Error> {
        verify::authenticate(self.0.context(), token, kind, environment).await
    }

    /// Adds a gate's report to the records in one transaction. Returns how many of the reported
    /// keys exist. A report isn't a change of a key: it publishes nothing and writes no event.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than [`MAX_USES`](crate::actions::MAX_USES), and the store's.
    pub async fn report_usage(self, uses: &[Use]) -> Result<u64, Error> {
        usage::report_usage(self.0.context(), uses).await
    }

    /// Writes an event for each canary that a gate was sent. Returns how many of the reported
    /// canaries exist and aren't revoked.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than [`MAX_CANARIES`](crate::actions::MAX_CANARIES), and the
    /// store's.
    pub async fn report_canaries(self, uses: &[CanaryUse]) -> Result<u64, Error> {
        canary::report(self.0.context(), uses).await
    }

    /// Counts, per kind, the keys that the job would suspend now, or gives the reason that it
    /// waits.
    ///
    /// # Errors
    /// The store's.
    pub async fn preview_idle(self) -> Result<Vec<(Class, Idle)>, Error> {
        idle::preview_idle(self.0.context()).await
    }
}
