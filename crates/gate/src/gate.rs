//! The gate: the state of one isolate. `pipeline` holds the decision.

use std::rc::Rc;

use portcullis_core::keyring::Purpose;
use portcullis_core::list::{ListError, ListVersion};
use portcullis_core::policy::Policy;
use portcullis_core::signature_cache::{PendingSignature, SignatureCache};
use portcullis_core::time::Time;
use portcullis_core::token::Name;
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::Accepted;

use crate::analytics::MAX_POINTS;
use crate::assertions::{AssertionCache, AssertionText};
use crate::caller::Caller;
use crate::counters::{Counters, SourceState};
use crate::forward::Forward;
use crate::header_cache::HeaderCache;
use crate::policies::PolicyFiles;
use crate::rate::Limiter;
use crate::refresh_schedule::{Freshness, RefreshSchedule, Span};
use crate::refused::{ListSeen, Reason, Refused};
use crate::settings::Settings;
use crate::usage::{BATCH, Usage};

/// Every path under this prefix is the gate's own and never reaches the origin.
pub const RESERVED: &str = "/.portcullis/";

/// Signatures that one isolate remembers as verified: 150 kB of its 128 MB.
const MAX_SIGNATURES: usize = 1024;

/// The state of one isolate. It starts empty, so it accepts no key. After a panic the runtime makes
/// a new instance, which starts empty as well.
#[derive(Debug)]
pub struct Gate {
    pub(crate) settings: Rc<Settings>,
    pub(crate) verifier: Option<Verifier>,
    pub(crate) signature_cache: SignatureCache,
    pub(crate) refresh_schedule: RefreshSchedule,
    pub(crate) policies: PolicyFiles,
    pub(crate) limiter: Limiter,
    pub(crate) assertions: AssertionCache,
    pub(crate) header_cache: HeaderCache,
    pub(crate) usage: Usage,
    pub(crate) counters: Counters,
    pub(crate) sources: Vec<SourceState>,
    /// While this span lasts, the warning that no source is as quick as `fresh_for` isn't repeated.
    pub(crate) outpaced_told: Span,
    /// The stamp of the held list, byte for byte as received.
    pub(crate) stamp: Vec<u8>,
}

impl Gate {
    /// A gate that holds nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            verifier: None,
            signature_cache: SignatureCache::new(MAX_SIGNATURES),
            refresh_schedule: RefreshSchedule::new(settings.bounds),
            policies: PolicyFiles::new(),
            limiter: Limiter::default(),
            assertions: AssertionCache::default(),
            header_cache: HeaderCache::default(),
            usage: Usage::new(if settings.analytics { MAX_POINTS } else { BATCH }),
            counters: Counters::default(),
            sources: settings.sources.iter().map(SourceState::new).collect(),
            outpaced_told: Span::NEVER,
            stamp: Vec::new(),
            settings: Rc::new(settings),
        }
    }

    /// The signed statement of the caller for the origin. `None` unless the keyring lists the
    /// gate's assertion key.
    pub(crate) fn assertion(
        &self,
        accepted: &Accepted,
        verdict: (&Policy<'_>, Freshness),
        now: Time,
    ) -> Option<AssertionText> {
        let (kid, _) = self.settings.secrets.as_ref()?.assertion()?;
        let entry = self.verifier.as_ref()?.keyring().entry(kid)?;
        let may_sign = entry.purpose == Purpose::Assertion && entry.counts_at(now);
        let signer = (kid, self.settings.origin.authority());
        self.assertions.find(signer, accepted, verdict, now).filter(|_| may_sign)
    }

    /// Counts a forwarded request.
    pub(crate) fn count_forwarded(&mut self, name: Name, now: Time) {
        self.counters.forwarded += 1;
        if self.settings.report_usage || self.settings.analytics {
            self.usage.count(name, now);
        }
    }

    /// The refusal of a request that the gate accepted and the platform's rate limiter then
    /// rejected. `None` if no limiter counts the request.
    pub fn limited(&mut self, forward: &Forward, now: Time) -> Option<Refused> {
        let reason = Reason::RateLimited(forward.rate?);
        self.counters.refused(reason.code());
        let name = forward.caller.as_ref().map(Caller::name);
        let list = self.list_seen(now);
        Some(Refused { reason, name, list, retry_after: 1, scopes: None })
    }

    /// Whether a report of uses is due. Building it is left to the slow path.
    pub(crate) fn has_report(&self, now: Time) -> bool {
        self.usage.is_due(now)
    }

    /// Remembers a signature that the host has verified.
    pub fn remember(&mut self, signature: PendingSignature) {
        self.signature_cache.insert(signature);
    }

    /// The held list, even if it is past its next update.
    pub(crate) fn list_seen(&self, now: Time) -> Option<ListSeen> {
        self.list_version()
            .map(|list_version| ListSeen::new(list_version, &self.refresh_schedule, now))
    }

    pub(crate) fn held(&self, now: Time) -> Result<ListVersion, ListError> {
        let verifier = self.verifier.as_ref().ok_or(ListError::Missing)?;
        verifier.list_at(now).map(|fresh| fresh.list_version())
    }
}
