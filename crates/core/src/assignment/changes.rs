//! What assignments may change: a set that the root gives each signer of lists.

use crate::token::Lifetime;

/// A set of the changes that an assignment can make to what a token says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Changes(u8);

impl Changes {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Another policy, or none.
    pub const POLICY: Self = Self(1);
    /// Another owner, or none.
    pub const OWNER: Self = Self(2);
    /// An earlier end.
    pub const EARLIER_END: Self = Self(4);
    /// A later end, or none.
    pub const LATER_END: Self = Self(8);
    /// All of them.
    pub const ALL: Self = Self(15);

    /// The set with these bits, `None` if one is not known.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 { Some(Self(bits)) } else { None }
    }

    /// The bits, as in a keyring.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `other` has nothing that is not in this set.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The change of a key's end from what the token says.
    pub(crate) fn of_end(own: &Lifetime, end: Option<u32>) -> Self {
        // A key without an end ends later than every other.
        let late = |end: Option<u32>| end.map_or(u64::MAX, u64::from);
        match late(end).cmp(&late(own.expires_at)) {
            core::cmp::Ordering::Less => Self::EARLIER_END,
            core::cmp::Ordering::Equal => Self::NONE,
            core::cmp::Ordering::Greater => Self::LATER_END,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_compared_with_the_tokens() {
        let of = |expires_at, end| Changes::of_end(&Lifetime { issued_at: 1, expires_at }, end);
        assert_eq!(of(Some(9), Some(9)), Changes::NONE);
        assert_eq!(of(None, None), Changes::NONE);
        assert_eq!(of(Some(9), Some(8)), Changes::EARLIER_END);
        assert_eq!(of(None, Some(u32::MAX)), Changes::EARLIER_END);
        assert_eq!(of(Some(9), Some(10)), Changes::LATER_END);
        assert_eq!(of(Some(u32::MAX), None), Changes::LATER_END);
    }

    #[test]
    fn a_set_covers_its_parts_alone() {
        let both = Changes::POLICY.and(Changes::EARLIER_END);
        assert!(both.covers(Changes::POLICY) && both.covers(both) && both.covers(Changes::NONE));
        assert!(!both.covers(Changes::OWNER) && !both.covers(Changes::ALL));
        assert_eq!(Changes::from_bits(5), Some(both));
        assert_eq!((4..8).filter_map(|bit| Changes::from_bits(1 << bit)).next(), None);
    }
}
