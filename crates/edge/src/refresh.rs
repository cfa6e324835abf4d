//! A refresh: which files are fetched, in which order, and what is made of them.
//!
//! ```text
//! [keyring]   cold, every minute, or where the stamp or a key asks for a newer one
//! stamp       most refreshes end here: it is the one that is held, signed anew
//! head        named by the stamp
//! bodies      named by the head; those that are held are not fetched again
//! ```
//!
//! Nothing borrows the gate across an `await`, and nothing is adopted that the core did not check:
//! a source may be slow, lie, or go on for ever.

use core::cell::RefCell;
use core::fmt;
use core::future::Future;

use futures_util::future::try_join_all;
use portcullis_core::keyring::KeyringError;
use portcullis_core::list::{FileName, ListError, MAX_BUNDLE_LEN};
use portcullis_core::replica::{Replica, Update};
use portcullis_core::time::Time;

use crate::gate::Gate;
use crate::log::Event;
use crate::pace::Job;

/// As many connections as a Worker may have open at once.
const AT_ONCE: usize = 6;

/// Where files come from, and the few other things that a refresh needs from outside.
pub trait Source {
    /// Fetches a file, of at most [`File::longest`] bytes, within `timeout` milliseconds.
    fn get(&self, file: File, timeout: u64) -> impl Future<Output = Result<Vec<u8>, FetchError>>;

    /// The clock.
    fn now(&self) -> Time;

    /// A number that other gates would not draw at the same moment. It keeps no secret.
    fn random(&self) -> u32;

    /// Tells the operator.
    fn log(&self, event: &Event);
}

/// A file that an issuer publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// The keyring document.
    Keyring,
    /// The stamp.
    Stamp,
    /// A head, by its digest.
    Head(FileName),
    /// A body, by its digest.
    Body(FileName),
}

impl File {
    /// The path under the issuer's address.
    #[must_use]
    pub fn path(self) -> String {
        format!("/.well-known/portcullis/{self}")
    }

    /// How far a fetch reads: the length that was announced, where one was.
    #[must_use]
    pub fn longest(self) -> usize {
        match self {
            Self::Keyring => 256 << 10,
            Self::Stamp => 4 << 10,
            Self::Head(name) | Self::Body(name) => {
                usize::try_from(name.len).unwrap_or(usize::MAX).min(MAX_BUNDLE_LEN)
            }
        }
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyring => f.write_str("keyring"),
            Self::Stamp => f.write_str("stamp"),
            Self::Head(name) => write!(f, "heads/{}", name.digest),
            Self::Body(name) => write!(f, "bodies/{}", name.digest),
        }
    }
}

/// Why a file was not fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No answer, or one that broke off.
    #[error("the issuer can't be reached, or the answer broke off")]
    Unreachable,
    /// It took too long.
    #[error("the answer did not come in time")]
    Late,
    /// Another status than 200, redirects included: a list is where its issuer says, or nowhere.
    #[error("the answer has the status {0}, not 200")]
    Status(u16),
    /// It is longer than announced.
    #[error("the answer is longer than such a file can be")]
    TooLong,
}

impl FetchError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "fetch_unreachable",
            Self::Late => "fetch_late",
            Self::Status(_) => "fetch_status",
            Self::TooLong => "fetch_too_long",
        }
    }
}

/// Why a refresh failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// A file could not be fetched.
    #[error("{file}: {error}")]
    Fetch {
        /// The file.
        file: File,
        /// Why.
        error: FetchError,
    },
    /// The keyring was refused.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The list was refused.
    #[error(transparent)]
    List(#[from] ListError),
    /// Another refresh has taken over.
    #[error("the refresh took too long and was replaced")]
    Replaced,
}

impl RefreshError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fetch { error, .. } => error.code(),
            Self::Keyring(error) => error.code(),
            Self::List(error) => error.code(),
            Self::Replaced => "refresh_replaced",
        }
    }
}

/// Does a refresh and ends its lease.
pub async fn refresh<S: Source>(gate: &RefCell<Gate>, source: &S, job: Job) {
    let seen = number_and_keyring(gate);
    let run = Run { gate, source, job };
    let outcome = run.all().await;
    if let Err(error) = outcome {
        source.log(&Event::Refresh(error));
    }
    gate.borrow_mut().end_refresh(&job, outcome.is_ok(), source.now(), source.random());
    if let Some((number, keyring)) = number_and_keyring(gate).filter(|now| Some(*now) != seen) {
        source.log(&Event::List { number, keyring });
    }
}

fn number_and_keyring(gate: &RefCell<Gate>) -> Option<(u64, u32)> {
    let gate = gate.borrow();
    let list = gate.replica().and_then(Replica::list)?;
    Some((list.mark().number, list.stamp().keyring_version()))
}

struct Run<'g, S> {
    gate: &'g RefCell<Gate>,
    source: &'g S,
    job: Job,
}

impl<S: Source> Run<'_, S> {
    async fn all(&self) -> Result<(), RefreshError> {
        let cold = self.gate.borrow().replica().is_none();
        let mut keyring_fetched = false;
        if cold || self.job.keyring {
            match self.keyring().await {
                Ok(()) => keyring_fetched = true,
                // With a keyring in hand a newer stamp is worth more than a newer keyring.
                Err(error) if !cold && error != RefreshError::Replaced => {
                    self.source.log(&Event::Keyring(error));
                }
                Err(error) => return Err(error),
            }
        }
        let stamp = self.get(File::Stamp).await?;
        let mut offered = self.offer_stamp(&stamp);
        if !keyring_fetched && offered.as_ref().is_err_and(|error| asks_for_keyring(*error)) {
            self.keyring().await?;
            offered = self.offer_stamp(&stamp);
        }
        let Some(mut update) = offered? else { return Ok(()) };
        if let Some(name) = update.wants_head() {
            let file = self.get(File::Head(name)).await?;
            self.gate.borrow().offer_head(&mut update, &file, self.source.now())?;
        }
        for names in update.wants_bodies().chunks(AT_ONCE) {
            let files = names.iter().map(|name| self.get(File::Body(*name)));
            for file in try_join_all(files).await? {
                update.offer_body(&file)?;
            }
        }
        Ok(self.gate.borrow_mut().commit(update)?)
    }

    async fn keyring(&self) -> Result<(), RefreshError> {
        let document = self.get(File::Keyring).await?;
        let events = self.gate.borrow_mut().adopt_keyring(&document)?;
        events.iter().for_each(|event| self.source.log(event));
        Ok(())
    }

    fn offer_stamp(&self, file: &[u8]) -> Result<Option<Update>, ListError> {
        self.gate.borrow_mut().offer_stamp(file, self.source.now())
    }

    async fn get(&self, file: File) -> Result<Vec<u8>, RefreshError> {
        let goes_on = self.gate.borrow_mut().pace_mut().extend(&self.job, self.source.now());
        if !goes_on {
            return Err(RefreshError::Replaced);
        }
        let fetched = self.source.get(file, self.job.file_timeout).await;
        fetched.map_err(|error| RefreshError::Fetch { file, error })
    }
}

/// Whether a newer keyring may make this stamp acceptable.
const fn asks_for_keyring(error: ListError) -> bool {
    match error {
        ListError::KeyringBehind { .. }
        | ListError::NotAListKey(_)
        | ListError::WrongEpoch { .. }
        | ListError::KeyringExpired
        | ListError::TooLongValid => true,
        ListError::Wire { .. }
        | ListError::ForeignIssuer
        | ListError::BadSignature
        | ListError::Rollback { .. }
        | ListError::Equivocation(_)
        | ListError::FromTheFuture
        | ListError::PastNextUpdate
        | ListError::WrongDigest(_)
        | ListError::Missing => false,
    }
}
