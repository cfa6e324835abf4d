//! A key's record: what the issuer knows of a key that it made.

use portcullis_core::keyring::Purpose;
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Kind, Lifetime, Serial};

/// What is kept of a key. Never the text of a secret one, nor a hash of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The public name, `apk_…`.
    pub id: String,
    /// The index in the revocation list.
    pub serial: Serial,
    /// The signer.
    pub kid: u16,
    /// The token's nonce.
    pub nonce: u16,
    /// Whether the key opens the issuer's API (admin) or the gates (token).
    pub purpose: KeyPurpose,
    /// Secret or publishable.
    pub kind: Kind,
    /// Live or test.
    pub environment: Environment,
    /// The label in the prefix, empty for none.
    pub label: String,
    /// What people call the key, 1 to 255 characters.
    pub title: String,
    /// What people keep with it: a JSON object of theirs.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// What an admin key may do; empty for others.
    pub admin_scopes: Vec<String>,
    /// The owner's number, 0 for none.
    pub owner: u32,
    /// The policy's number, 0 for none.
    pub policy: u32,
    /// The sales channels of a publishable key, ascending.
    pub sales_channels: Vec<String>,
    /// The form in which the token may be shown.
    pub redacted: String,
    /// The token's text: of publishable keys only, which are public.
    pub token: Option<String>,
    /// Seconds since 1970.
    pub issued_at: u32,
    /// Seconds since 1970.
    pub expires_at: Option<u32>,
    /// Seconds since 1970; in the future for a revocation that is scheduled.
    pub revoked_at: Option<u32>,
    /// Who revoked it, as they were named, or else the principal.
    pub revoked_by: Option<String>,
    /// Since when it is suspended.
    pub suspended: Option<Time>,
    /// Who suspended it, as they were named, or else the principal.
    pub suspended_by: Option<String>,
    /// When a suspension of the key was last lifted.
    pub resumed: Option<Time>,
    /// Who made it, as they were named, or else the principal.
    pub created_by: Option<String>,
    /// The principal that made it; none of keys of before that was noted.
    pub maker: Option<String>,
    /// The id of the key that it takes the place of.
    pub rolled_from: Option<String>,
    /// How often gates have let it pass, as they report it: a little less than in truth.
    pub uses: u64,
    /// When it was last let pass, as gates report it. Seconds since 1970.
    pub last_used_at: Option<u32>,
    /// When it was deleted: since then only the list knows of it.
    pub deleted: Option<Time>,
    /// When the record was made, by the store's clock.
    pub created: Time,
    /// When it was last changed, by the store's clock.
    pub updated: Time,
}

/// The purposes that a key, as opposed to another signer's work, can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Accepted by gates and verifiers.
    Token,
    /// Opens the issuer's API.
    Admin,
}

impl KeyPurpose {
    /// `token` or `admin`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.signer().name()
    }

    /// The purpose called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Token, Self::Admin].into_iter().find(|purpose| purpose.name() == name)
    }

    /// The purpose that the key's signer has.
    #[must_use]
    pub const fn signer(self) -> Purpose {
        match self {
            Self::Token => Purpose::Token,
            Self::Admin => Purpose::Admin,
        }
    }
}

/// Where a key stands in its life at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyState {
    /// Accepted.
    Active,
    /// Accepted until its revocation strikes.
    Scheduled,
    /// Refused until it is resumed.
    Suspended,
    /// Refused: a revocation is in effect.
    Revoked,
    /// Refused: its time was over before it was revoked.
    Expired,
}

impl KeyState {
    /// All states.
    pub const ALL: [Self; 5] =
        [Self::Active, Self::Scheduled, Self::Suspended, Self::Revoked, Self::Expired];

    /// The state's name in answers and filters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Scheduled => "scheduled",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// The state called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl KeyRecord {
    /// Where the key stands at `now`.
    #[must_use]
    pub fn state(&self, now: Time) -> KeyState {
        let lifetime = Lifetime { issued_at: self.issued_at, expires_at: self.expires_at };
        match self.revoked_at {
            Some(at) if now >= Time::from_secs(at) => KeyState::Revoked,
            _ if lifetime.is_over(now) => KeyState::Expired,
            _ if self.suspended.is_some() => KeyState::Suspended,
            Some(_) => KeyState::Scheduled,
            None => KeyState::Active,
        }
    }

    /// What the key's token says.
    #[must_use]
    pub const fn claims(&self) -> Claims {
        Claims {
            kind: self.kind,
            environment: self.environment,
            kid: self.kid,
            serial: self.serial,
            nonce: self.nonce,
            lifetime: Lifetime { issued_at: self.issued_at, expires_at: self.expires_at },
            owner: self.owner,
            policy: self.policy,
        }
    }
}
