//! A refresh: which files it fetches, in which order, and how it applies them.
//!
//! ```text
//! [floor]     cold gate: what another isolate in the same location has stored
//! [keyring]   cold gate, every minute, or if the stamp or a key needs a newer one
//! stamp       from every source at once; most refreshes end here: it is the one that is held
//! head        named by the stamp
//! bodies      named by the head; those that are held are not fetched again
//! policies    the successors of those in use, as far as the time allows
//! ```
//!
//! Stamps are applied as they arrive, until the list is young: a slow source delays nobody, and the
//! highest number wins. A file with a digest in its name is fetched from the source of the stamp,
//! and from the others if that source fails or is slow.
//!
//! The gate is never borrowed across an `await`, and it adopts nothing that the core did not
//! verify: a source may be slow, lie, or send without end.

mod hedged;
pub mod policy;
pub mod policy_fetches;
pub mod schedule;
pub mod source;

use core::cell::{Cell, RefCell};

use futures_util::future::{Either, join, select, try_join_all};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use portcullis_core::list::ListError;
use portcullis_core::verifier::Update;

use crate::gate::Gate;
use crate::host::Host;
use crate::refresh::hedged::from_any;
use crate::refresh::schedule::Job;
use crate::refresh::source::{FetchError, File, RefreshError};
use crate::telemetry::log::Event;

/// As many connections as a Worker may have open at once.
const MAX_CONNECTIONS: usize = 6;
/// How long a cold gate waits for the stored floor, in milliseconds.
const FLOOR_TIMEOUT: u64 = 200;
/// If more policy files than this changed, a refresh fetches none: keys then fetch theirs on
/// demand.
const MAX_POLICIES: usize = 48;

/// Runs a refresh and ends its lease.
pub async fn refresh<H: Host>(gate: &RefCell<Gate>, host: &H, job: Job) {
    let before = gate.borrow().trust().versions();
    let run = Run { gate, host, job, keyring_tried: Cell::new(false) };
    let mut cold = gate.borrow().verifier().is_none();
    if cold {
        run.restore().await;
        cold = gate.borrow().verifier().is_none();
    }
    let end = |good| {
        let (now, random) = (host.now(), host.random());
        gate.borrow_mut().end_refresh(&job, good, now, random);
    };
    if cold {
        // A stamp can't be verified without a keyring.
        let good = run.keyring(Until::First).await && run.list().await.is_ok();
        end(good);
    } else if job.keyring_first {
        let (_, list) = join(run.keyring(Until::Newer), run.list()).await;
        end(list.is_ok());
    } else {
        // The lease ends with the list, so that a slow keyring doesn't delay the next refresh.
        let list = async { end(run.list().await.is_ok()) };
        let keyring = async { job.keyring && run.keyring(Until::Newer).await };
        join(list, keyring).await;
    }
    // Log the new list, and store it as the floor for other isolates.
    let after = gate.borrow().trust().versions();
    if let Some((number, keyring)) = after.filter(|_| after != before) {
        host.log(&Event::List { number, keyring });
        let floor = gate.borrow().trust().floor();
        if let Some(floor) = floor {
            host.store_floor(floor).await;
        }
    }
}

/// Which keyring ends the search.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    First,
    Newer,
}

struct Run<'g, H> {
    gate: &'g RefCell<Gate>,
    host: &'g H,
    job: Job,
    keyring_tried: Cell<bool>,
}

impl<H: Host> Run<'_, H> {
    /// Restores the floor that another isolate has stored, if it arrives within [`FLOOR_TIMEOUT`].
    async fn restore(&self) {
        let kept = core::pin::pin!(self.host.load_floor());
        let late = core::pin::pin!(self.host.sleep(FLOOR_TIMEOUT));
        let Either::Left((Some(kept), _)) = select(kept, late).await else { return };
        let restored = self.gate.borrow_mut().restore(&kept, self.host.now());
        match restored {
            Ok(events) => events.iter().for_each(|event| self.host.log(event)),
            Err(error) => self.host.log(&Event::Floor(error)),
        }
    }

    /// Fetches the stamp of every source and applies each, until the list is young.
    async fn list(&self) -> Result<(), RefreshError> {
        // Fetch from all sources at once, so that a slow one delays no other.
        let sources = self.gate.borrow().settings().sources.len();
        let stamps =
            (0..sources).map(|source| async move { (source, self.get(source, File::Stamp).await) });
        let mut stamps: FuturesUnordered<_> = stamps.collect();
        let mut outcome = Err(RefreshError::Replaced);
        let mut failures = Vec::new();
        while let Some((source, fetched)) = stamps.next().await {
            let applied = match fetched {
                Ok(stamp) => self.apply_stamp(source, stamp).await,
                Err(error) => Err(error),
            };
            match applied {
                Ok(()) => outcome = Ok(()),
                Err(error) => {
                    outcome = outcome.or(Err(error));
                    failures.push((source, error));
                }
            }
            // A young list is enough: don't wait for slower sources.
            if outcome.is_ok() && self.gate.borrow().is_young(self.host.now()) {
                break;
            }
        }
        self.log_failures(&failures, outcome.is_ok());
        outcome
    }

    /// Logs failures. While another source serves, a source that keeps failing is logged once.
    fn log_failures(&self, failures: &[(usize, RefreshError)], served: bool) {
        let now = self.host.now();
        for (source, error) in failures {
            let (name, is_news) = {
                let mut gate = self.gate.borrow_mut();
                let failed = gate.telemetry_mut().source_failed(*source, error.code(), now);
                let Some(failed) = failed else { continue };
                failed
            };
            if is_news || !served || error.is_equivocation() {
                self.host.log(&Event::Refresh { source: name, error: *error });
            }
        }
        let slow_sources = {
            let mut gate = self.gate.borrow_mut();
            let fresh_for = gate.schedule().bounds().fresh_for;
            gate.telemetry_mut().report_slow_sources(fresh_for, now)
        };
        if let Some((source, lag)) = slow_sources {
            self.host.log(&Event::SourcesTooSlow { source, lag });
        }
    }

    /// Offers a stamp to the gate and fetches the files that it names.
    async fn apply_stamp(&self, source: usize, stamp: Vec<u8>) -> Result<(), RefreshError> {
        let mut offered = self.offer_stamp(&stamp);
        // A stamp may need a newer keyring: fetch that once, and offer the stamp again.
        let asks = offered.as_ref().is_err_and(|error| needs_keyring(*error));
        if asks && !self.keyring_tried.get() {
            self.keyring(Until::Newer).await;
            offered = self.offer_stamp(&stamp);
        }
        if let Some(mut update) = offered? {
            // Fetch what is missing: head, bodies, policies. Then commit.
            if let Some(name) = update.wants_head() {
                let file = self.get_any(source, File::Head(name)).await?;
                self.gate.borrow().trust().offer_head(&mut update, &file, self.host.now())?;
            }
            for names in update.wants_bodies().chunks(MAX_CONNECTIONS) {
                let files = names.iter().map(|name| self.get_any(source, File::Body(*name)));
                for file in try_join_all(files).await? {
                    update.offer_body(&file)?;
                }
            }
            self.fetch_policies(source, &update).await;
            self.gate.borrow_mut().trust_mut().commit(update, stamp)?;
        }
        let now = self.host.now();
        let mut gate = self.gate.borrow_mut();
        if let Some(list) = gate.trust().list_version() {
            let lag = list.age_millis(now);
            gate.telemetry_mut().source_served(source, (list.number, lag), now);
        }
        Ok(())
    }

    /// Fetches the successors of the policies in use, so that the first key under the new list need
    /// not wait. The new list is not delayed by more than `deadline`: what is missing then is
    /// fetched on demand.
    async fn fetch_policies(&self, source: usize, update: &Update) {
        let until = self.host.now().plus_millis(self.gate.borrow().settings().bounds.deadline);
        // Each turn fetches one level of the policy tree: directories name the next files.
        loop {
            let wanted = {
                let gate = self.gate.borrow();
                let Some(new) = update.head() else { return };
                gate.trust().policy_successors(new)
            };
            if wanted.is_empty() || wanted.len() > MAX_POLICIES {
                return;
            }
            for chunk in wanted.chunks(MAX_CONNECTIONS) {
                let left = until.millis_since(self.host.now());
                if left == 0 || !self.extend() {
                    return;
                }
                let files = chunk.iter().map(|(visibility, name)| async move {
                    let file = File::Policy(*visibility, *name);
                    Ok((*name, from_any(self.gate, self.host, (file, left), source).await?))
                });
                let files: Result<_, FetchError> = try_join_all(files).await;
                let Ok(files) = files else { return };
                for (name, file) in files {
                    if self.gate.borrow_mut().trust_mut().offer_policy(name, &file).is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Fetches the keyring from the sources; returns whether one was valid. A mirror may lag
    /// behind, so a search for a newer keyring goes on past the held version.
    async fn keyring(&self, until: Until) -> bool {
        self.keyring_tried.set(true);
        let version = || {
            let gate = self.gate.borrow();
            gate.verifier().map(|verifier| verifier.keyring().version())
        };
        let (held, sources) = (version(), self.gate.borrow().settings().sources.len());
        let mut documents: FuturesUnordered<_> =
            (0..sources).map(|source| self.get(source, File::Keyring)).collect();
        let (mut good, mut failed) = (false, None);
        while let Some(fetched) = documents.next().await {
            let applied =
                fetched.and_then(|document| Ok(self.gate.borrow_mut().adopt_keyring(&document)?));
            match applied {
                Ok(events) => {
                    events.iter().for_each(|event| self.host.log(event));
                    good = true;
                    if until == Until::First || version() != held {
                        break;
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed.filter(|error| !good || error.is_equivocation()) {
            self.host.log(&Event::Keyring(error));
        }
        good
    }

    fn offer_stamp(&self, file: &[u8]) -> Result<Option<Update>, ListError> {
        self.gate.borrow_mut().trust_mut().offer_stamp(file, self.host.now())
    }

    fn extend(&self) -> bool {
        self.gate.borrow_mut().schedule_mut().extend(&self.job, self.host.now())
    }

    async fn get(&self, source: usize, file: File) -> Result<Vec<u8>, RefreshError> {
        if !self.extend() {
            return Err(RefreshError::Replaced);
        }
        let fetched = self.host.fetch(source, file, self.job.file_timeout).await;
        fetched.map_err(|error| RefreshError::Fetch { file, error })
    }

    async fn get_any(&self, source: usize, file: File) -> Result<Vec<u8>, RefreshError> {
        if !self.extend() {
            return Err(RefreshError::Replaced);
        }
        let asked = (file, self.job.file_timeout);
        let fetched = from_any(self.gate, self.host, asked, source).await;
        fetched.map_err(|error| RefreshError::Fetch { file, error })
    }
}

/// Whether a newer keyring may make this stamp acceptable.
const fn needs_keyring(error: ListError) -> bool {
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
