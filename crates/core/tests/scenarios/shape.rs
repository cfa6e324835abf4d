//! The format of a vector, and how it is run. The examples `run_vector` and `cases` share this
//! file.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::crypto::{Digest, PublicKey};
use portcullis_core::keyring::Purpose;
use portcullis_core::list::FileName;
use portcullis_core::policy::Policies;
use portcullis_core::signature_cache::SignatureCache;
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind};
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::{Accepted, Requirements};
use serde::{Deserialize, Serialize};

/// One file. Bytes are unpadded base64url; times are milliseconds since the epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) name: String,
    /// What the vector shows, in a sentence.
    pub(crate) about: String,
    pub(crate) root: String,
    pub(crate) keyring: String,
    pub(crate) secrets: Vec<Secret>,
    /// The bundles offered, in this order, each with its code if it must be refused.
    pub(crate) adopt: Vec<Adopt>,
    /// The files of assignments offered after them, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<Offer>,
    pub(crate) token: String,
    pub(crate) now_ms: u64,
    pub(crate) kind: Option<String>,
    pub(crate) environment: Option<String>,
    /// Left out when two verifiers are compared, because the result isn't known in advance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expect: Option<Expect>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Secret {
    pub(crate) kid: u16,
    pub(crate) secret: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Adopt {
    pub(crate) bundle: String,
    pub(crate) at_ms: u64,
    pub(crate) refused: Option<String>,
}

/// A file, the name under which it is offered, and its code if it must be refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Offer {
    pub(crate) digest: String,
    pub(crate) length: u32,
    pub(crate) bytes: String,
    pub(crate) refused: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(crate) enum Expect {
    Accepted {
        key: Key,
    },
    Refused {
        code: String,
        /// The layer that must refuse: `text`, `proof`, `list` or `door`.
        layer: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) issuer: String,
    pub(crate) kind: String,
    pub(crate) environment: String,
    pub(crate) algorithm: String,
    pub(crate) kid: u16,
    pub(crate) serial: u64,
    pub(crate) issued_at: u32,
    pub(crate) expires_at: Option<u32>,
    pub(crate) owner: u32,
    pub(crate) policy: u32,
}

impl Key {
    fn of(accepted: &Accepted) -> Self {
        let claims = accepted.claims();
        Self {
            name: accepted.name().to_string(),
            issuer: accepted.issuer().to_string(),
            kind: claims.kind.name().into(),
            environment: claims.environment.name().into(),
            algorithm: accepted.algorithm().name().into(),
            kid: claims.kid,
            serial: claims.serial.get(),
            issued_at: claims.lifetime.issued_at,
            expires_at: claims.lifetime.expires_at,
            owner: claims.owner.map_or(0, NonZeroU32::get),
            policy: claims.policy.map_or(0, NonZeroU32::get),
        }
    }
}

/// This verifier's result for a vector.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) verdict: &'static str,
    pub(crate) code: Option<String>,
    /// For each bundle, the code with which it was refused.
    pub(crate) adopt: Vec<Option<String>>,
    /// For each file, the code with which it was refused.
    pub(crate) files: Vec<Option<String>>,
    pub(crate) key: Option<Key>,
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Runs a vector, whatever result it expects.
pub(crate) fn run_vector(vector: &Vector) -> Outcome {
    let refused = |code: &str, (adopt, files)| Outcome {
        verdict: "refused",
        code: Some(code.into()),
        adopt,
        files,
        key: None,
    };
    let none = || (Vec::new(), Vec::new());
    let root = match PublicKey::from_text(&vector.root) {
        Ok(root) => root,
        Err(error) => return refused(error.code(), none()),
    };
    let mut verifier = match Verifier::new(root, &decode(&vector.keyring)) {
        Ok(verifier) => verifier,
        Err(error) => return refused(error.code(), none()),
    };
    for Secret { kid, secret } in &vector.secrets {
        // A secret that doesn't belong to the keyring is not held, so its keys are refused.
        let _ = verifier.hold_secret(*kid, &decode(secret).try_into().unwrap());
    }
    let offer = |Adopt { bundle, at_ms, .. }: &Adopt| {
        let adopted = verifier.adopt_bundle(&decode(bundle), Time::from_millis(*at_ms));
        adopted.err().map(|error| error.code().into())
    };
    let adopt = vector.adopt.iter().map(offer).collect();
    let mut held = Policies::new(1 << 20);
    let offer = |Offer { digest, length, bytes, .. }: &Offer| {
        let name = FileName { digest: Digest(decode(digest).try_into().unwrap()), len: *length };
        held.offer(name, &decode(bytes)).err().map(|error| error.code().into())
    };
    let files = vector.files.iter().map(offer).collect();
    let named =
        |name: &str, names: [&str; 2]| names.iter().position(|known| *known == name).unwrap();
    let (kind, environment) = (vector.kind.as_deref(), vector.environment.as_deref());
    let requirements = Requirements {
        purpose: Purpose::Token,
        kind: kind.map(|name| Kind::ALL[named(name, Kind::ALL.map(Kind::name))]),
        environment: environment
            .map(|name| Environment::ALL[named(name, Environment::ALL.map(Environment::name))]),
    };
    let now = Time::from_millis(vector.now_ms);
    let mut signatures = SignatureCache::new(0);
    match verifier.verify_with(&mut signatures, &held, &vector.token, &requirements, now) {
        Ok(accepted) => {
            let key = Some(Key::of(&accepted));
            Outcome { verdict: "accepted", code: None, adopt, files, key }
        }
        Err(refusal) => refused(refusal.code(), (adopt, files)),
    }
}
