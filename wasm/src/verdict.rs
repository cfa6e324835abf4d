//! What a verdict says, in the shapes that `index.d.ts` describes. Instants are milliseconds since
//! the epoch, as `Date.now()` gives them.

use portcullis_core::keyring::Keyring;
use portcullis_core::list::Mark;
use portcullis_core::replica::Replica;
use portcullis_core::time::Time;
use portcullis_core::verify::{Accepted, Refusal};
use serde::Serialize;

/// The answer to "is this key good, now?".
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Verdict {
    /// The key passed every check.
    #[non_exhaustive]
    Accepted {
        /// True.
        ok: bool,
        /// What the key says.
        key: KeyFacts,
        /// The list that it was judged by.
        list: ListFacts,
    },
    /// Some check refused the key.
    #[non_exhaustive]
    Refused {
        /// False.
        ok: bool,
        /// Which check: a `RefusalCode`.
        code: &'static str,
        /// The same in a sentence.
        message: String,
        /// The list that was held.
        list: ListFacts,
    },
}

impl Verdict {
    pub(crate) const fn accepted(key: KeyFacts, list: ListFacts) -> Self {
        Self::Accepted { ok: true, key, list }
    }

    pub(crate) fn refused(refusal: Refusal, list: ListFacts) -> Self {
        Self::Refused { ok: false, code: refusal.code(), message: refusal.to_string(), list }
    }
}

/// What an accepted key says.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyFacts {
    name: String,
    issuer: String,
    kind: &'static str,
    environment: &'static str,
    algorithm: &'static str,
    kid: u16,
    serial: f64,
    issued_at: f64,
    expires_at: Option<f64>,
    owner: Option<u32>,
    policy: Option<u32>,
}

impl KeyFacts {
    pub(crate) fn of(accepted: &Accepted) -> Self {
        let claims = accepted.claims();
        let present = |number: u32| Some(number).filter(|&number| number != 0);
        let millis = |seconds| number(Time::from_secs(seconds).millis());
        Self {
            name: accepted.name().to_string(),
            issuer: accepted.issuer().to_string(),
            kind: claims.kind.name(),
            environment: claims.environment.name(),
            algorithm: accepted.algorithm().name(),
            kid: claims.kid,
            serial: number(claims.serial.get()),
            issued_at: millis(claims.lifetime.issued_at),
            expires_at: claims.lifetime.expires_at.map(millis),
            owner: present(claims.owner),
            policy: present(claims.policy),
        }
    }
}

/// How far a list may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Younger than the caller's bound.
    Fresh,
    /// Older than that, and not past its next update.
    Stale,
    /// None is held, or what is held may not be judged by.
    Unknown,
}

/// The list that is held. Its fields are all there or all missing.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListFacts {
    standing: Standing,
    epoch: Option<u32>,
    number: Option<f64>,
    age_ms: Option<f64>,
    this_update: Option<f64>,
    next_update: Option<f64>,
}

impl ListFacts {
    pub(crate) const NONE: Self = Self {
        standing: Standing::Unknown,
        epoch: None,
        number: None,
        age_ms: None,
        this_update: None,
        next_update: None,
    };

    pub(crate) fn of(replica: &Replica, now: Time, fresh_for: u64) -> Self {
        let Some(list) = replica.list() else { return Self::NONE };
        let mark: Mark = list.mark();
        let age = mark.age_millis(now);
        let standing = match replica.at(now) {
            Ok(_) if age <= fresh_for => Standing::Fresh,
            Ok(_) => Standing::Stale,
            Err(_) => Standing::Unknown,
        };
        Self {
            standing,
            epoch: Some(mark.epoch),
            number: Some(number(mark.number)),
            age_ms: Some(number(age)),
            this_update: Some(number(mark.this_update.millis())),
            next_update: Some(number(mark.next_update.millis())),
        }
    }
}

/// What a verifier holds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    issuer: Option<String>,
    keyring: Option<KeyringFacts>,
    list: ListFacts,
    waiting_secrets: Vec<u16>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyringFacts {
    version: u32,
    not_after: f64,
}

impl Status {
    pub(crate) fn new(keyring: Option<&Keyring>, list: ListFacts, waiting: Vec<u16>) -> Self {
        Self {
            issuer: keyring.map(|keyring| keyring.issuer().to_string()),
            keyring: keyring.map(|keyring| KeyringFacts {
                version: keyring.version(),
                not_after: number(keyring.not_after().millis()),
            }),
            list,
            waiting_secrets: waiting,
        }
    }
}

/// Exact up to 2^53, which serials and honest instants and list numbers keep well below; beyond it
/// the nearest number that JavaScript has.
#[expect(clippy::cast_precision_loss, reason = "see above: these are shown, never compared")]
const fn number(value: u64) -> f64 {
    value as f64
}
