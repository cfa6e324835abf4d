//! The signed form of a list (a JWT), and the public keys as a JWK Set.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::crypto::{JwsInput, PublicKeyError};
use portcullis_core::issue::SigningKey;
use portcullis_core::keyring::{Keyring, Material, Purpose, State};
use portcullis_core::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::StatusLists;
use crate::keystore::{Keystore, StoredKey};

const ALGORITHM: &str = "EdDSA";
const TYPE: &str = "statuslist+jwt";

/// The signing key of status lists.
#[derive(Debug)]
pub struct StatusListSigner {
    /// The key id.
    pub kid: u16,
    /// The key. It signs nothing else.
    pub key: SigningKey,
}

impl StatusListSigner {
    /// The active one in `keystore`.
    #[must_use]
    pub fn active(keystore: &Keystore) -> Option<Self> {
        let signs =
            |key: &&StoredKey| key.state == State::Active && key.purpose == Purpose::StatusList;
        let key = keystore.keys().iter().rev().find(signs)?;
        Some(Self { kid: key.kid, key: SigningKey::from_seed(&key.secret) })
    }
}

/// Why a list was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The token doesn't pass verification.
    #[error("the status list did not pass its own verification; nothing was changed")]
    SelfCheck,
    /// The signer's public key is refused.
    #[error("a public key is refused")]
    PublicKey(#[from] PublicKeyError),
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// The claims of a token. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The list's own URI.
    pub sub: String,
    /// When the revocation list that it reflects was made.
    pub iat: u64,
    /// The expiry: the list mustn't be used from this second on.
    pub exp: u64,
    /// How many seconds a client may cache the list.
    pub ttl: u32,
    /// The list.
    pub status_list: StatusListClaim,
}

/// The list inside its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusListClaim {
    /// Bits per slot.
    pub bits: u8,
    /// The statuses, compressed, in base64url without padding.
    pub lst: String,
    /// The URI of the document that names all lists.
    pub aggregation_uri: String,
}

/// Signs the list of `shard`, with the compressed statuses `list`, as of `made`. Returns the token
/// and its expiry.
///
/// # Errors
/// [`SignError::SelfCheck`] if the result doesn't verify.
pub fn sign(
    signer: &StatusListSigner,
    lists: &StatusLists,
    shard: u32,
    (bits, list): (u8, &[u8]),
    made: Time,
) -> Result<(String, Time), SignError> {
    let iat = made.millis() / 1000;
    let exp = iat.saturating_add(u64::from(lists.valid_for_secs()));
    let status_list = StatusListClaim {
        bits,
        lst: URL_SAFE_NO_PAD.encode(list),
        aggregation_uri: lists.aggregation_uri(),
    };
    let claims = Claims { sub: lists.uri(shard), iat, exp, ttl: lists.ttl_secs(), status_list };
    let header = Header { alg: ALGORITHM.into(), kid: signer.kid.to_string(), typ: TYPE.into() };
    let encode = |json: serde_json::Result<Vec<u8>>| {
        json.map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| SignError::SelfCheck)
    };
    let mut token = encode(serde_json::to_vec(&header))?;
    token.push('.');
    token.push_str(&encode(serde_json::to_vec(&claims))?);
    let input = JwsInput::new(&token).ok_or(SignError::SelfCheck)?;
    let signature = signer.key.sign_jws(&input);
    if !signer.key.public()?.verify_jws(&input, &signature) {
        return Err(SignError::SelfCheck);
    }
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok((token, Time::from_millis(exp.saturating_mul(1000))))
}

/// The claims of a token signed by a signer in `keyring` that isn't retired; `None` otherwise.
#[must_use]
pub fn open(token: &[u8], keyring: &Keyring) -> Option<Claims> {
    let token = std::str::from_utf8(token).ok()?;
    let (input, signature) = token.rsplit_once('.')?;
    let (header, payload) = input.split_once('.')?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    if header.alg != ALGORITHM || header.typ != TYPE {
        return None;
    }
    let entry = keyring.entry(header.kid.parse().ok()?)?;
    let Material::Ed25519(key) = &entry.material else { return None };
    let signature: [u8; 64] = decode(signature)?.try_into().ok()?;
    let counts = entry.purpose == Purpose::StatusList && entry.state != State::Retired;
    let is_signed = key.verify_jws(&JwsInput::new(input)?, &signature);
    (counts && is_signed).then(|| serde_json::from_slice(&decode(payload)?).ok())?
}

/// The public keys of the status-list signers that aren't retired, as a JWK Set (RFC 7517).
///
/// A next signer is included before it signs. A replaced one is included until it is retired, which
/// is refused while its lists are in force.
#[must_use]
pub fn jwks(keyring: &Keyring) -> Value {
    let entries = keyring.entries().iter();
    let signers = entries
        .filter(|entry| entry.purpose == Purpose::StatusList && entry.state != State::Retired);
    let keys = signers.filter_map(|entry| match &entry.material {
        Material::Ed25519(key) => Some(json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": URL_SAFE_NO_PAD.encode(key.to_bytes()),
            "kid": entry.kid.to_string(),
            "use": "sig",
            "alg": ALGORITHM,
        })),
        Material::Hmac { .. } => None,
    });
    json!({ "keys": keys.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_core::assignment::Changes;
    use portcullis_core::crypto::IssuerId;
    use portcullis_core::issue::KeyringDraft;
    use portcullis_core::keyring::{KeyEntry, Validity};
    use portcullis_core::token::Label;

    use super::*;

    const MADE: Time = Time::from_millis(1_800_000_000_900);

    fn keyring(signers: &[(u16, Purpose, State)]) -> Keyring {
        let root = SigningKey::from_seed(&[1; 32]);
        let entry = |&(kid, purpose, state): &(u16, Purpose, State)| KeyEntry {
            kid,
            purpose,
            environments: vec![],
            kinds: vec![],
            changes: Changes::NONE,
            state,
            validity: Validity::ALWAYS,
            material: Material::Ed25519(signer(kid).key.public().unwrap()),
        };
        let draft = KeyringDraft {
            issuer: IssuerId([7; 16]),
            version: 1,
            not_after: Time::from_secs(u32::MAX),
            epoch: 1,
            max_validity_secs: 86_400,
            successor: None,
            labels: vec![Label::NONE],
            entries: signers.iter().map(entry).collect(),
        };
        Keyring::open(&draft.sign(&root).unwrap(), &root.public().unwrap()).unwrap()
    }

    fn signer(kid: u16) -> StatusListSigner {
        StatusListSigner { kid, key: SigningKey::from_seed(&[u8::try_from(kid).unwrap(); 32]) }
    }

    fn token(kid: u16) -> String {
        let hour = Duration::from_secs(3600);
        let lists = StatusLists::new("https://keys.example/s", hour / 2, hour).unwrap();
        let (token, until) = sign(&signer(kid), &lists, 3, (1, b"list"), MADE).unwrap();
        assert_eq!(until, Time::from_secs(1_800_003_600));
        token
    }

    #[test]
    fn what_is_signed_is_opened_and_says_what_the_draft_asks_for() {
        let keyring = keyring(&[(6, Purpose::StatusList, State::Active)]);
        let claims = open(token(6).as_bytes(), &keyring).unwrap();
        assert_eq!(
            serde_json::to_value(claims).unwrap(),
            json!({
                "sub": "https://keys.example/s/3.jwt",
                "iat": 1_800_000_000,
                "exp": 1_800_003_600,
                "ttl": 1800,
                "status_list": {
                    "bits": 1,
                    "lst": "bGlzdA",
                    "aggregation_uri": "https://keys.example/s/aggregation.json",
                },
            })
        );
    }

    #[test]
    fn nothing_else_is_opened() {
        let good = token(6);
        let allowed = |purpose, state| keyring(&[(6, purpose, state)]);
        let active = allowed(Purpose::StatusList, State::Active);
        for state in [State::Next, State::Retiring] {
            assert!(open(good.as_bytes(), &allowed(Purpose::StatusList, state)).is_some());
        }
        assert!(open(good.as_bytes(), &allowed(Purpose::StatusList, State::Retired)).is_none());
        assert!(open(good.as_bytes(), &allowed(Purpose::List, State::Active)).is_none());
        assert!(open(token(7).as_bytes(), &active).is_none(), "an unknown kid");
        let at = good.find('.').unwrap() + 9;
        let mut altered = good.clone().into_bytes();
        altered[at] ^= 1;
        assert!(open(&altered, &active).is_none());
        for bad in ["", ".", "..", "a.b.c", &good[..good.len() - 2], &format!("{good}.")] {
            assert!(open(bad.as_bytes(), &active).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_key_set_holds_signers_of_status_lists_until_they_are_retired() {
        let keyring = keyring(&[
            (5, Purpose::List, State::Active),
            (6, Purpose::StatusList, State::Retired),
            (7, Purpose::StatusList, State::Retiring),
            (8, Purpose::StatusList, State::Active),
            (9, Purpose::StatusList, State::Next),
        ]);
        let jwks = jwks(&keyring);
        let kids: Vec<&str> = jwks["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].as_str().unwrap())
            .collect();
        assert_eq!(kids, ["7", "8", "9"]);
        let x = URL_SAFE_NO_PAD.encode(signer(7).key.public().unwrap().to_bytes());
        let first = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "7", "use": "sig", "alg": "EdDSA" });
        assert_eq!(jwks["keys"][0], first);
    }
}
