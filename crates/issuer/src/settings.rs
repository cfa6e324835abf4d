//! The issuer's requirements for keys: maximum lifetimes, owners, idle times, and whether
//! operations need a reason. They are stored in the database, so they apply to every server and
//! command.

use std::num::NonZeroU32;

use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;
use crate::record::{KeyPurpose, KeyRecord};

/// The allowed range of idle days.
const IDLE_DAYS: std::ops::RangeInclusive<u32> = 7..=365;
/// The longest lifetime that can be set: tokens store seconds in 32 bits.
const MAX_SECONDS: u32 = u32::MAX - 1;

/// The classes of keys with separate settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Secret keys for gates.
    Secret,
    /// Publishable keys for gates.
    Publishable,
    /// Keys for the issuer's API.
    Admin,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::Secret, Self::Publishable, Self::Admin];

    /// The class of a key.
    #[must_use]
    pub const fn of(purpose: KeyPurpose, kind: Kind) -> Self {
        match (purpose, kind) {
            (KeyPurpose::Admin, _) => Self::Admin,
            // A canary looks like the keys that it stands among, so it is made by their rules.
            (KeyPurpose::Token | KeyPurpose::Canary, Kind::Secret) => Self::Secret,
            (KeyPurpose::Token | KeyPurpose::Canary, Kind::Publishable) => Self::Publishable,
        }
    }

    /// `secret`, `publishable` or `admin`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Publishable => "publishable",
            Self::Admin => "admin",
        }
    }

    /// The class with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// The requirements for keys of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KindSettings {
    /// The longest lifetime, in seconds. A request for a key with a longer lifetime, or without an
    /// expiry, is refused.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    pub max_lifetime_seconds: Option<NonZeroU32>,
    /// The lifetime of a key for which none is named, in seconds.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    pub default_lifetime_seconds: Option<NonZeroU32>,
    /// A key that has not been used for this many days is suspended: 7 to 365.
    pub idle_days: Option<u32>,
    /// Whether each key must have an owner.
    pub owner_required: bool,
}

impl KindSettings {
    /// The latest expiry, in seconds since 1970, of a key issued at `issued_at`. `None` for no
    /// limit.
    #[must_use]
    pub fn latest(&self, issued_at: u32) -> Option<u32> {
        let latest = |max: NonZeroU32| issued_at.saturating_add(max.get()).min(MAX_SECONDS);
        self.max_lifetime_seconds.map(latest)
    }

    /// Whether a key issued at `issued_at` may have this expiry.
    #[must_use]
    pub fn allows(&self, issued_at: u32, end: Option<u32>) -> bool {
        match (self.latest(issued_at), end) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(latest), Some(end)) => end <= latest,
        }
    }

    /// Whether these are the defaults.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn check(&self, class: Class) -> Result<(), Invalid> {
        let invalid = |field, reason| Err(Invalid { field, reason });
        if let (Some(max), Some(default)) =
            (self.max_lifetime_seconds, self.default_lifetime_seconds)
            && default > max
        {
            let reason = "must not be longer than `max_lifetime_seconds`";
            return invalid("default_lifetime_seconds", reason);
        }
        if self.idle_days.is_some_and(|days| !IDLE_DAYS.contains(&days)) {
            return invalid("idle_days", "must be 7 to 365");
        }
        if class == Class::Admin && self.idle_days.is_some() {
            let reason =
                "is for secret and publishable keys: nothing counts the uses of admin keys";
            return invalid("idle_days", reason);
        }
        if class == Class::Admin && self.owner_required {
            return invalid("owner_required", "is for secret and publishable keys");
        }
        Ok(())
    }
}

/// The issuer's requirements. By default there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Of secret keys.
    pub secret: KindSettings,
    /// Of publishable keys.
    pub publishable: KindSettings,
    /// Of admin keys.
    pub admin: KindSettings,
    /// Whether revoking, suspending, rolling, deleting and undoing need a reason.
    pub reason_required: bool,
}

impl Settings {
    /// The settings for keys of this class.
    #[must_use]
    pub const fn of(&self, class: Class) -> &KindSettings {
        match class {
            Class::Secret => &self.secret,
            Class::Publishable => &self.publishable,
            Class::Admin => &self.admin,
        }
    }

    pub(crate) const fn of_mut(&mut self, class: Class) -> &mut KindSettings {
        match class {
            Class::Secret => &mut self.secret,
            Class::Publishable => &mut self.publishable,
            Class::Admin => &mut self.admin,
        }
    }

    /// Checks that the settings are consistent.
    ///
    /// # Errors
    /// [`Invalid`] with the field.
    pub fn check(&self) -> Result<(), Invalid> {
        Class::ALL.into_iter().try_for_each(|class| self.of(class).check(class))
    }
}

/// When the key's idle period started, in seconds since 1970: the last of its issue, its last use
/// and its last resumption.
#[must_use]
pub fn idle_since(key: &KeyRecord) -> u32 {
    let resumed = key.resumed.map_or(0, Time::secs);
    key.issued_at.max(key.last_used_at.unwrap_or(0)).max(resumed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let field = |settings: &Settings| settings.check().err().map(|invalid| invalid.field);
        let of = |max: u32, default: u32, idle_days| KindSettings {
            max_lifetime_seconds: NonZeroU32::new(max),
            default_lifetime_seconds: NonZeroU32::new(default),
            idle_days,
            owner_required: false,
        };
        let secret = |secret| Settings { secret, ..Settings::default() };
        let admin = |admin| Settings { admin, ..Settings::default() };
        assert_eq!(field(&Settings::default()), None);
        assert_eq!(field(&secret(of(60, 60, Some(7)))), None);
        assert_eq!(field(&secret(of(0, 61, Some(365)))), None);
        assert_eq!(field(&secret(of(60, 61, None))), Some("default_lifetime_seconds"));
        for days in [0, 6, 366, u32::MAX] {
            assert_eq!(field(&secret(of(0, 0, Some(days)))), Some("idle_days"));
        }
        assert_eq!(field(&admin(of(60, 60, None))), None);
        assert_eq!(field(&admin(of(0, 0, Some(30)))), Some("idle_days"));
        let owned = KindSettings { owner_required: true, ..KindSettings::default() };
        assert_eq!(field(&admin(owned)), Some("owner_required"));
    }

    #[test]
    fn what_is_stored_is_read_back_and_what_is_unknown_is_refused() {
        let stored = serde_json::to_string(&Settings::default()).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&stored).unwrap(), Settings::default());
        for (from, to) in [
            ("\"reason_required\":false", "\"reason_required\":false,\"colour\":1"),
            ("\"max_lifetime_seconds\":null", "\"max_lifetime_seconds\":0"),
        ] {
            let text = stored.replacen(from, to, 1);
            assert_ne!(text, stored);
            assert!(serde_json::from_str::<Settings>(&text).is_err(), "{text}");
        }
    }

    proptest! {
        /// An expiry is allowed up to the exact sum, limited to the last second that tokens can
        /// store.
        #[test]
        fn an_end_is_allowed_up_to_the_maximum_and_not_a_second_more(
            issued_at: u32, max in 1..=u32::MAX, end: Option<u32>,
        ) {
            let settings = KindSettings {
                max_lifetime_seconds: NonZeroU32::new(max), ..KindSettings::default()
            };
            let sum = u64::from(issued_at) + u64::from(max);
            let latest = settings.latest(issued_at).unwrap();
            prop_assert_eq!(u64::from(latest), sum.min(u64::from(u32::MAX - 1)));
            let allowed = end.is_some_and(|end| u64::from(end) <= sum && end < u32::MAX);
            prop_assert_eq!(settings.allows(issued_at, end), allowed);
            prop_assert!(settings.allows(issued_at, Some(latest)));
            prop_assert!(!settings.allows(issued_at, latest.checked_add(1)));
            prop_assert!(KindSettings::default().allows(issued_at, end));
        }
    }
}
