//! The format of an assertion's vector, and how it is run.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::assertion::{Assertion, verify};
use portcullis_core::crypto::PublicKey;
use portcullis_core::keyring::Keyring;
use portcullis_core::time::Time;
use serde::{Deserialize, Serialize};

/// One file. Bytes are unpadded base64url; times are milliseconds since the epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssertionVector {
    pub(crate) name: String,
    /// What the vector shows, in a sentence.
    pub(crate) about: String,
    pub(crate) root: String,
    pub(crate) keyring: String,
    /// The value of the header.
    pub(crate) assertion: String,
    /// The audience that the verifier expects.
    pub(crate) audience: String,
    pub(crate) now_ms: u64,
    pub(crate) expect: AssertionExpect,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(crate) enum AssertionExpect {
    Accepted { said: Said },
    Refused { code: String },
}

/// The assertion's contents; its times are seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) issuer: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) environment: String,
    pub(crate) owner: u32,
    pub(crate) policy: u32,
    pub(crate) list: u64,
    pub(crate) freshness: String,
    pub(crate) issued_at: u32,
    pub(crate) expires_at: u32,
    pub(crate) scopes: Vec<String>,
    pub(crate) sales_channels: Vec<String>,
}

impl Said {
    pub(crate) fn of(assertion: &Assertion<'_>) -> Self {
        let words = |text: &str, between| match text {
            "" => Vec::new(),
            text => text.split(between).map(Into::into).collect(),
        };
        Self {
            issuer: assertion.issuer.to_string(),
            name: assertion.name.to_string(),
            kind: assertion.kind.name().into(),
            environment: assertion.environment.name().into(),
            owner: assertion.owner.map_or(0, NonZeroU32::get),
            policy: assertion.policy.map_or(0, NonZeroU32::get),
            list: assertion.list,
            freshness: if assertion.fresh { "fresh" } else { "stale" }.into(),
            issued_at: assertion.issued_at,
            expires_at: assertion.expires_at,
            scopes: words(assertion.scopes, ' '),
            sales_channels: words(assertion.sales_channels, ','),
        }
    }
}

/// Runs a vector, whatever result it expects.
pub(crate) fn run_vector(vector: &AssertionVector) -> AssertionExpect {
    let root = PublicKey::from_text(&vector.root).unwrap();
    let keyring = Keyring::open(&URL_SAFE_NO_PAD.decode(&vector.keyring).unwrap(), &root).unwrap();
    let now = Time::from_millis(vector.now_ms);
    match verify(&vector.assertion, &keyring, &vector.audience, now) {
        Ok(verified) => AssertionExpect::Accepted { said: Said::of(&verified.read().unwrap()) },
        Err(error) => AssertionExpect::Refused { code: error.code().into() },
    }
}
