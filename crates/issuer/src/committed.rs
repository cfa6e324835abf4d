//! The result of a committed change, and whether a published list carries it.
//!
//! A change is committed first and published afterwards. If publishing fails, the change stays
//! committed, and the next list carries it. So this is not an error: a caller that took it for one
//! would repeat what has been done.

use crate::error::Error;
use crate::store::Change;
use crate::store::lists::Published;

/// A change that is committed and not yet announced: what an action returns. Publishing takes the
/// database's write lock itself, so the change's transaction is over.
#[derive(Debug)]
#[must_use = "gates learn of a change when the publisher announces it"]
pub(crate) struct Unannounced<T> {
    value: T,
    listed: bool,
}

/// The result of a committed change, and its publication.
#[derive(Debug)]
pub struct Committed<T> {
    /// What was committed.
    pub value: T,
    /// Whether a published list carries it.
    pub publication: Publication,
}

/// Whether a published list carries a committed change.
#[derive(Debug)]
pub enum Publication {
    /// This list carries it.
    Published(Published),
    /// Publishing failed. The next list carries it.
    NotYet(Error),
    /// No list carries what was changed, so nothing was published.
    NotNeeded,
}

impl<T> Unannounced<T> {
    /// Commits a change that lists carry.
    ///
    /// # Errors
    /// The store's. On error nothing has changed.
    pub(crate) async fn commit(change: Change<'_>, value: T) -> Result<Self, Error> {
        Self::commit_if_listed(change, value, true).await
    }

    /// Commits a change that lists carry only if it is `listed`.
    ///
    /// # Errors
    /// As [`Unannounced::commit`].
    pub(crate) async fn commit_if_listed(
        change: Change<'_>,
        value: T,
        listed: bool,
    ) -> Result<Self, Error> {
        change.save().await?;
        Ok(Self { value, listed })
    }

    /// Ends a change that an earlier request has made already. If lists carry it, it is announced
    /// again, in case that request could not publish it.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn committed_before(
        change: Change<'_>,
        value: T,
        listed: bool,
    ) -> Result<Self, Error> {
        change.rollback().await?;
        Ok(Self { value, listed })
    }

    /// What was committed.
    pub(crate) const fn value(&self) -> &T {
        &self.value
    }

    /// What was committed, and whether lists carry it: for the publisher.
    pub(crate) fn into_parts(self) -> (T, bool) {
        (self.value, self.listed)
    }
}

impl<T> Committed<T> {
    /// A committed change, and the result of publishing it.
    #[must_use]
    pub fn new(value: T, published: Result<Published, Error>) -> Self {
        let publication = match published {
            Ok(list) => Publication::Published(list),
            Err(error) => Publication::NotYet(error),
        };
        Self { value, publication }
    }

    /// A committed change that lists don't carry.
    #[must_use]
    pub const fn unlisted(value: T) -> Self {
        Self { value, publication: Publication::NotNeeded }
    }

    /// The same change with another value.
    #[must_use]
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Committed<U> {
        Committed { value: with(self.value), publication: self.publication }
    }

    /// The value, for a caller that doesn't wait for a list. If publishing failed, that is logged:
    /// the next list carries the change.
    #[must_use]
    pub fn logged(self) -> T {
        if let Publication::NotYet(error) = &self.publication {
            tracing::warn!(code = error.code(), "{}", error.chain());
        }
        self.value
    }

    /// The list that carries the change, for callers that treat an unpublished change as a
    /// failure. `None` if no list needs to carry it.
    ///
    /// # Errors
    /// Why publishing failed.
    pub fn published(self) -> Result<Option<Published>, Error> {
        match self.publication {
            Publication::Published(list) => Ok(Some(list)),
            Publication::NotYet(error) => Err(error),
            Publication::NotNeeded => Ok(None),
        }
    }
}

impl Publication {
    /// The list that carries the change.
    #[must_use]
    pub const fn list(&self) -> Option<&Published> {
        match self {
            Self::Published(list) => Some(list),
            Self::NotYet(_) | Self::NotNeeded => None,
        }
    }

    /// Why publishing failed.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        match self {
            Self::NotYet(error) => Some(error),
            Self::Published(_) | Self::NotNeeded => None,
        }
    }
}
