//! The gate: the state of one isolate. `pipeline` holds the decision.
//!
//! | part | |
//! | --- | --- |
//! | [`TrustState`] | what the issuer signed: replaced as a whole or file by file, only by verified files |
//! | [`RefreshSchedule`] | which refreshes are in flight, and when the next may start |
//! | `Caches` | what can be recomputed: dropping them changes no decision |
//! | [`Limiter`] | how many requests a key has made |
//! | [`Telemetry`] | what the operator sees: it decides nothing |

pub mod fast_path;
pub(crate) mod slow_path;
mod waits;

use std::rc::Rc;

use portcullis_core::keyring::KeyringError;
use portcullis_core::list::{ListError, ListVersion};
use portcullis_core::signature_cache::{SignatureCache, VerifiedSignature};
use portcullis_core::time::Time;
use portcullis_core::token::Name;
use portcullis_core::verifier::{AdoptError, Verifier};

use crate::forward::Forward;
use crate::header_cache::HeaderCache;
use crate::identity::assertion_cache::AssertionCache;
use crate::identity::caller::Caller;
use crate::limits::Limiter;
use crate::pipeline::Pipeline;
use crate::refresh::schedule::{Job, RefreshSchedule};
use crate::response::refused::{ListSeen, Reason, Refused};
use crate::settings::Settings;
use crate::telemetry::Telemetry;
use crate::telemetry::log::Event;
use crate::telemetry::status;
use crate::trust_state::TrustState;

/// Every path under this prefix is the gate's own and never reaches the origin.
pub const RESERVED: &str = "/.portcullis/";

/// Signatures that one isolate remembers as verified: 150 kB of its 128 MB.
const MAX_SIGNATURES: usize = 1024;

/// The state of one isolate. It starts empty, so it accepts no key. After a panic the runtime makes
/// a new instance, which starts empty as well.
#[derive(Debug)]
pub struct Gate {
    settings: Rc<Settings>,
    trust: TrustState,
    schedule: RefreshSchedule,
    caches: Caches,
    limiter: Limiter,
    telemetry: Telemetry,
}

/// What the gate remembers to save work.
#[derive(Debug)]
struct Caches {
    signatures: SignatureCache,
    assertions: AssertionCache,
    headers: HeaderCache,
}

impl Gate {
    /// A gate that holds nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            trust: TrustState::new(),
            schedule: RefreshSchedule::new(settings.bounds),
            caches: Caches {
                signatures: SignatureCache::new(MAX_SIGNATURES),
                assertions: AssertionCache::default(),
                headers: HeaderCache::default(),
            },
            limiter: Limiter::default(),
            telemetry: Telemetry::new(&settings),
            settings: Rc::new(settings),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The settings, as an `Rc` that outlives a borrow of the gate.
    #[must_use]
    pub fn shared_settings(&self) -> Rc<Settings> {
        Rc::clone(&self.settings)
    }

    /// What the gate holds of its issuer.
    #[must_use]
    pub const fn trust(&self) -> &TrustState {
        &self.trust
    }

    /// What the gate holds of its issuer. Every change is verified by [`TrustState`].
    pub const fn trust_mut(&mut self) -> &mut TrustState {
        &mut self.trust
    }

    /// The held keyring and list.
    #[must_use]
    pub const fn verifier(&self) -> Option<&Verifier> {
        self.trust.verifier()
    }

    /// The refresh schedule.
    #[must_use]
    pub const fn schedule(&self) -> &RefreshSchedule {
        &self.schedule
    }

    /// The refresh schedule.
    pub const fn schedule_mut(&mut self) -> &mut RefreshSchedule {
        &mut self.schedule
    }

    /// The cache of signed assertions.
    pub const fn assertions_mut(&mut self) -> &mut AssertionCache {
        &mut self.caches.assertions
    }

    /// Counts of requests and uses, and the state of the sources.
    pub const fn telemetry_mut(&mut self) -> &mut Telemetry {
        &mut self.telemetry
    }

    /// Adopts a keyring. Returns what the operator should know of the settings' secrets.
    ///
    /// # Errors
    /// See [`KeyringError`]. What is held stays as it is.
    pub fn adopt_keyring(&mut self, document: &[u8]) -> Result<Vec<Event>, KeyringError> {
        self.trust.adopt_keyring(document, &self.settings)
    }

    /// Restores what was held before: see [`TrustState::restore`].
    ///
    /// # Errors
    /// See [`AdoptError`]. What is held stays as it is.
    pub fn restore(&mut self, file: &[u8], now: Time) -> Result<Vec<Event>, AdoptError> {
        self.trust.restore(file, &self.settings, now)
    }

    /// Whether the list is young enough that nothing newer need be fetched.
    #[must_use]
    pub fn is_young(&self, now: Time) -> bool {
        let half = self.schedule.bounds().fresh_for / 2;
        self.held(now).is_ok_and(|list_version| list_version.age_millis(now) < half)
    }

    /// Starts a refresh that no request needs; `None` while one is in flight.
    pub(crate) fn refresh_now(&mut self, now: Time) -> Option<Job> {
        let held = self.held(now).ok();
        (!self.schedule.is_in_flight(now)).then(|| self.schedule.start(held, None, now))
    }

    /// Ends a refresh.
    pub fn end_refresh(&mut self, job: &Job, good: bool, now: Time, random: u32) {
        let held = self.held(now).ok();
        self.schedule.end(job, good, held, now, random);
    }

    /// The refusal of a request that the gate accepted and the platform's rate limiter then
    /// rejected. `None` if no limiter counts the request.
    pub fn limited(&mut self, forward: &Forward, now: Time) -> Option<Refused> {
        let reason = Reason::RateLimited(forward.rate?);
        self.telemetry.count_refused(reason.code());
        let name = forward.caller.as_ref().map(Caller::name);
        let list = self.list_seen(now);
        Some(Refused { reason, name, list, retry_after: 1, scopes: None })
    }

    /// Remembers a signature that the host has verified.
    pub fn remember(&mut self, signature: VerifiedSignature) {
        self.caches.signatures.insert(signature);
    }

    /// The status page, as JSON. It holds no key and no secret.
    #[must_use]
    pub fn status(&self, now: Time) -> String {
        status::page(&self.trust, &self.schedule, &self.telemetry, now)
    }

    /// The held list, even if it is past its next update.
    pub(crate) fn list_seen(&self, now: Time) -> Option<ListSeen> {
        let version = self.trust.list_version();
        version.map(|list_version| ListSeen::new(list_version, &self.schedule, now))
    }

    /// Counts a forwarded request.
    fn count_forwarded(&mut self, name: Option<Name>, now: Time) {
        self.telemetry.count_forwarded();
        if let Some(name) = name
            && (self.settings.report_usage || self.settings.analytics)
        {
            self.telemetry.usage_mut().count(name, now);
        }
    }

    fn held(&self, now: Time) -> Result<ListVersion, ListError> {
        self.trust.list_in_force(now)
    }

    fn pipeline(&self) -> Pipeline<'_> {
        Pipeline {
            settings: &self.settings,
            trust: &self.trust,
            schedule: &self.schedule,
            signatures: &self.caches.signatures,
            assertions: &self.caches.assertions,
        }
    }
}
