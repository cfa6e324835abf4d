//! A key's record: what the issuer stores about a key.

use std::num::NonZeroU32;

use portcullis_core::keyring::Purpose;
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Kind, Lifetime, Serial};

/// A key's record. It never contains a secret key's token or a hash of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The key's id, `apk_…`.
    pub id: String,
    /// The index in the revocation list.
    pub serial: Serial,
    /// The signer.
    pub kid: u16,
    /// The token's nonce.
    pub nonce: u16,
    /// Whether the key is for the issuer's API (admin), for gates (token), or for thieves (canary).
    pub purpose: KeyPurpose,
    /// Secret or publishable.
    pub kind: Kind,
    /// Live or test.
    pub environment: Environment,
    /// The label in the prefix, empty for none.
    pub label: String,
    /// The display name, 1 to 255 characters.
    pub title: String,
    /// The user's metadata: a JSON object.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// The scopes of an admin key; empty for other keys.
    pub admin_scopes: Vec<String>,
    /// The owner's number, 0 for none.
    pub owner: u32,
    /// The policy's number, 0 for none.
    pub policy: u32,
    /// The sales channels of a publishable key, ascending.
    pub sales_channels: Vec<String>,
    /// The redacted token, for display.
    pub redacted: String,
    /// The token; only for publishable keys, which are public.
    pub token: Option<String>,
    /// Seconds since 1970.
    pub issued_at: u32,
    /// Seconds since 1970.
    pub expires_at: Option<u32>,
    /// Seconds since 1970; in the future for a revocation that is scheduled.
    pub revoked_at: Option<u32>,
    /// The person that the caller named when revoking it, or else the principal.
    pub revoked_by: Option<String>,
    /// When it was suspended.
    pub suspended: Option<Time>,
    /// The person that the caller named when suspending it, or else the principal.
    pub suspended_by: Option<String>,
    /// When a suspension of the key was last lifted.
    pub resumed: Option<Time>,
    /// The person that the caller named when making it, or else the principal.
    pub created_by: Option<String>,
    /// The principal that made it; `None` for keys older than the recording of principals.
    pub maker: Option<String>,
    /// The id of the key that it replaces.
    pub rolled_from: Option<String>,
    /// How often gates accepted it, according to their reports; slightly less than the actual
    /// number.
    pub uses: u64,
    /// When gates last accepted it, according to their reports. Seconds since 1970.
    pub last_used_at: Option<u32>,
    /// When it was deleted. Since then only the list uses the record.
    pub deleted: Option<Time>,
    /// When the record was made, by the store's clock.
    pub created: Time,
    /// When it was last changed, by the store's clock.
    pub updated: Time,
}

/// The purposes of keys, as opposed to those of other signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Accepted by gates and verifiers.
    Token,
    /// For the issuer's API.
    Admin,
    /// Accepted nowhere: a key that is planted for a thief, and whose use is an alarm.
    Canary,
}

impl KeyPurpose {
    /// All purposes.
    pub const ALL: [Self; 3] = [Self::Token, Self::Admin, Self::Canary];

    /// `token`, `admin` or `canary`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token | Self::Admin => self.signer().name(),
            Self::Canary => "canary",
        }
    }

    /// The purpose with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// Whether such keys are admin keys.
    #[must_use]
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Admin)
    }

    /// The signer's purpose for such keys.
    #[must_use]
    pub const fn signer(self) -> Purpose {
        match self {
            Self::Token | Self::Canary => Purpose::Token,
            Self::Admin => Purpose::Admin,
        }
    }
}

/// A key's state at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyState {
    /// Accepted.
    Active,
    /// Accepted until its scheduled revocation takes effect.
    Scheduled,
    /// Refused until it is resumed.
    Suspended,
    /// Refused: a revocation is in effect.
    Revoked,
    /// Refused: it expired before any revocation took effect.
    Expired,
}

impl KeyState {
    /// All states.
    pub const ALL: [Self; 5] =
        [Self::Active, Self::Scheduled, Self::Suspended, Self::Revoked, Self::Expired];

    /// The state's name in the API and in filters.
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

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl KeyRecord {
    /// The key's state at `now`.
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

    /// The claims of the key's token.
    #[must_use]
    pub const fn claims(&self) -> Claims {
        Claims {
            kind: self.kind,
            is_admin: self.purpose.is_admin(),
            environment: self.environment,
            kid: self.kid,
            serial: self.serial,
            nonce: self.nonce,
            lifetime: Lifetime { issued_at: self.issued_at, expires_at: self.expires_at },
            owner: NonZeroU32::new(self.owner),
            policy: NonZeroU32::new(self.policy),
        }
    }
}
