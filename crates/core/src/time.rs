//! Instants, always passed by the caller.
//!
//! ```
//! use portcullis_core::Time;
//!
//! let now = Time::from_millis(1_767_225_600_250);
//! assert_eq!(now.secs(), 1_767_225_600);
//! assert_eq!(now.plus_millis(750), Time::from_secs(1_767_225_601));
//! assert_eq!(now.to_string(), "1767225600.250");
//! ```

use core::fmt;

/// An instant in milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Stamps are dated in milliseconds, because their bound is as low as one second. Tokens carry
/// whole seconds in 32 bits, which last until 2106.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The instant `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The instant `seconds` seconds after the epoch.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds as u64 * 1000)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down; `u32::MAX` from 2106 on.
    #[must_use]
    pub fn secs(self) -> u32 {
        u32::try_from(self.0 / 1000).unwrap_or(u32::MAX)
    }

    /// This instant moved `millis` milliseconds into the future.
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this instant; zero when `earlier` is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Time {
    /// Seconds with three decimals, so that log lines can be sorted and subtracted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}
