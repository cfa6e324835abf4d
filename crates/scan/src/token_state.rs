//! The state of a key that was found: whether gates still accept it.

use portcullis_core::keyring::Purpose;
use portcullis_core::time::Time;
use portcullis_core::token::Name;
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::{Authentic, Canary, Refusal, Unverified};

/// Whether a key that was found is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Gates accept it.
    Live,
    /// A revocation is in effect.
    Revoked,
    /// It is suspended, and may be resumed.
    Suspended,
    /// It has expired.
    Expired,
    /// Its signer is no longer accepted.
    SignerRetired,
    /// It is a canary of this issuer: nothing accepts it, and its use is an alarm.
    Canary,
    /// This issuer didn't make it.
    Foreign,
    /// It uses HMAC, and the signer's secret isn't available here.
    SecretNotHeld,
    /// It is this issuer's, but no list is in force.
    NoList,
    /// It is this issuer's, but the list doesn't cover it.
    NotCovered,
}

impl State {
    /// A stable code; that of `docs/token.md` if there is one.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
            Self::SignerRetired => "signer_not_allowed",
            Self::Canary => "canary",
            Self::Foreign => "foreign",
            Self::SecretNotHeld => "secret_not_held",
            Self::NoList => "list_missing",
            Self::NotCovered => "not_covered",
        }
    }

    /// The state as text for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
            Self::SignerRetired => "refused (signer retired)",
            Self::Canary => "canary",
            Self::Foreign => "foreign",
            Self::SecretNotHeld => "not verified here (HMAC secret not held)",
            Self::NoList => "not verified here (no list in force)",
            Self::NotCovered => "not verified here (the list is older than the key)",
        }
    }
}

/// The result for a key that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenState {
    /// Whether it is live.
    pub state: State,
    /// Its id and purpose, if its issuer is proved.
    pub proved: Option<(Name, Purpose)>,
}

/// Verifies keys against a keyring and a list, as of an instant.
#[derive(Clone, Copy, Debug)]
pub struct TokenVerifier<'r> {
    verifier: &'r Verifier,
    now: Time,
}

impl<'r> TokenVerifier<'r> {
    /// A verifier of keys at `now`, with the keyring and list of `verifier`.
    #[must_use]
    pub const fn new(verifier: &'r Verifier, now: Time) -> Self {
        Self { verifier, now }
    }

    /// Verifies a key, including admin keys.
    #[must_use]
    pub fn verify(&self, text: &str) -> TokenState {
        let Ok(unverified) = Unverified::parse(text) else {
            return TokenState { state: State::Foreign, proved: None };
        };
        let authenticate = |purpose| unverified.authenticate(self.verifier.keyring(), purpose);
        let (authentic, purpose) = match authenticate(Purpose::Token) {
            Err(Refusal::SignerNotAllowed(_)) => (authenticate(Purpose::Admin), Purpose::Admin),
            token => (token, Purpose::Token),
        };
        match authentic {
            Ok(authentic) => {
                let proved = Some((authentic.name(), purpose));
                TokenState { state: self.currency(authentic), proved }
            }
            Err(Refusal::SecretNotHeld(_)) => {
                TokenState { state: State::SecretNotHeld, proved: None }
            }
            Err(refusal) => {
                match Canary::recognise(&unverified, refusal, self.verifier.keyring()) {
                    Some(canary) => {
                        let proved = Some((canary.name(), purpose));
                        TokenState { state: State::Canary, proved }
                    }
                    None => TokenState { state: State::Foreign, proved: None },
                }
            }
        }
    }

    fn currency(&self, authentic: Authentic<'_>) -> State {
        let Ok(fresh) = self.verifier.list_at(self.now) else { return State::NoList };
        match authentic.current(&fresh) {
            Ok(_) => State::Live,
            Err(Refusal::Revoked) => State::Revoked,
            Err(Refusal::Suspended) => State::Suspended,
            Err(Refusal::Expired) => State::Expired,
            Err(Refusal::NotCovered) => State::NotCovered,
            Err(Refusal::SignerNotAllowed(_)) => State::SignerRetired,
            // What only private files say of the key isn't known here.
            Err(Refusal::List(_) | Refusal::Assignment(_)) => State::NoList,
            Err(
                Refusal::Malformed(_)
                | Refusal::ForeignLabel
                | Refusal::UnknownKid(_)
                | Refusal::SecretNotHeld(_)
                | Refusal::BadSignature
                | Refusal::ForeignList
                | Refusal::WrongKind { .. }
                | Refusal::WrongEnvironment { .. },
            ) => State::Foreign,
        }
    }
}
