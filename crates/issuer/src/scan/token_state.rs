//! What a key that was found is worth: whether gates still accept it.

use portcullis_core::keyring::Purpose;
use portcullis_core::time::Time;
use portcullis_core::token::Name;
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::{Authentic, Refusal, Unverified};

use crate::record::KeyState;

/// Whether a key that was found is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Gates accept it.
    Live,
    /// Its revocation is in effect.
    Revoked,
    /// It is suspended, and may come back.
    Suspended,
    /// Its time is over.
    Expired,
    /// Its signer no longer counts.
    SignerRetired,
    /// This issuer did not make it.
    Foreign,
    /// It is proved by an HMAC whose secret is not held.
    SecretNotHeld,
    /// It is this issuer's, and there is no list in force.
    NoList,
    /// It is this issuer's, and the list does not cover it.
    NotCovered,
}

impl State {
    /// A stable code; where there is one, that of `docs/token.md`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
            Self::SignerRetired => "signer_not_allowed",
            Self::Foreign => "foreign",
            Self::SecretNotHeld => "secret_not_held",
            Self::NoList => "list_missing",
            Self::NotCovered => "not_covered",
        }
    }

    /// The same, for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
            Self::SignerRetired => "refused (signer retired)",
            Self::Foreign => "foreign",
            Self::SecretNotHeld => "not judged here (HMAC secret not held)",
            Self::NoList => "not judged here (no list in force)",
            Self::NotCovered => "not judged here (the list is older than the key)",
        }
    }
}

impl From<KeyState> for State {
    fn from(state: KeyState) -> Self {
        match state {
            KeyState::Active | KeyState::Scheduled => Self::Live,
            KeyState::Suspended => Self::Suspended,
            KeyState::Revoked => Self::Revoked,
            KeyState::Expired => Self::Expired,
        }
    }
}

/// What was found out about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenState {
    /// Whether it is live.
    pub state: State,
    /// Its public name and what it opens, where its issuer is proved.
    pub proved: Option<(Name, Purpose)>,
}

/// Keyring and list to judge by, and the instant to judge for.
#[derive(Clone, Copy, Debug)]
pub struct TokenVerifier<'r> {
    verifier: &'r Verifier,
    now: Time,
}

impl<'r> TokenVerifier<'r> {
    /// Judges by what `verifier` holds.
    #[must_use]
    pub const fn new(verifier: &'r Verifier, now: Time) -> Self {
        Self { verifier, now }
    }

    /// Judges a key, admin keys too.
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
            Err(_) => TokenState { state: State::Foreign, proved: None },
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
            Err(Refusal::List(_)) => State::NoList,
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
