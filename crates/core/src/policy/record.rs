//! One policy: its restrictions, its grants, and its rate class.
//!
//! ```text
//! 2  which lists follow, a set of bits; a list that doesn't follow is empty
//! then each of them: 2 bytes of length (not 0), and that many bytes of items, strictly ascending:
//!   bit 0  IPv4 networks    5 bytes each: address, bits
//!   bit 1  IPv6 networks   17 bytes each: address, bits
//!   bit 2  origins          texts, each after its length in 1 byte
//!   bit 3  methods          texts
//!   bit 4  paths            texts
//!   bit 5  scopes           texts
//!   bit 6  sales channels   texts
//!   bit 7  rate class       one text
//!   bits 8 to 15            not known in this version: the whole policy is refused
//! ```

use crate::field::Field;
use crate::policy::Network;
use crate::policy::item::{Items, List, ipv4, ipv6};
use crate::wire::{Reader, WireError};

/// The longest policy, in bytes: with its number it fits into a body of its own.
pub(crate) const MAX_POLICY_LEN: usize = 8000;

/// A policy with a field that this version doesn't know. The field may restrict, so no part of the
/// policy is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy is newer than this version knows; update the verifier")]
pub struct PolicyTooNew;

/// A policy in a body, fully validated.
///
/// [`Policy::NONE`] is the policy of a key without one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Policy<'a> {
    lists: [&'a [u8]; 8],
}

impl<'a> Policy<'a> {
    /// Number 0: no policy. It grants nothing and restricts nothing.
    pub const NONE: Self = Self { lists: [&[]; 8] };

    /// Splits a policy into its lists.
    ///
    /// # Errors
    /// [`WireError::TooNew`] at an unknown list, and [`WireError`] if the lists don't fill `record`.
    /// The items aren't checked.
    fn split(record: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(record);
        let flags = reader.u16()?;
        // How an unknown list is laid out is unknown too: nothing after the bits is read.
        if flags >> List::ALL.len() != 0 {
            return Err(WireError::TooNew(Field::Policy));
        }
        let mut policy = Self::NONE;
        for (bit, list) in policy.lists.iter_mut().enumerate() {
            if flags >> bit & 1 == 1 {
                let len = reader.u16()?;
                if len == 0 {
                    return Err(WireError::NotCanonical(Field::Policy));
                }
                *list = reader.bytes(len.into())?;
            }
        }
        reader.finish()?;
        Ok(policy)
    }

    /// Splits a policy that was decoded before, or found too new.
    pub(crate) fn of_valid(record: &'a [u8]) -> Result<Self, PolicyTooNew> {
        Self::split(record).map_err(|_| PolicyTooNew)
    }

    /// Decodes a policy.
    ///
    /// # Errors
    /// [`WireError::TooNew`] for a policy with a list that this version doesn't know, and
    /// [`WireError`] for anything else but the one encoding of a policy.
    pub fn decode(record: &'a [u8]) -> Result<Self, WireError> {
        if record.len() > MAX_POLICY_LEN {
            return Err(WireError::NotCanonical(Field::Policy));
        }
        let policy = Self::split(record)?;
        for kind in List::ALL {
            let list = policy.list(kind);
            if !list.is_empty() {
                kind.check(list)?;
            }
        }
        Ok(policy)
    }

    pub(crate) fn list(&self, list: List) -> &'a [u8] {
        self.lists.get(list as usize).copied().unwrap_or_default()
    }

    pub(crate) fn items(&self, list: List) -> Items<'a> {
        Items(self.list(list))
    }

    /// The networks that a client may call from. Empty: any network.
    pub fn networks(&self) -> impl Iterator<Item = Network> + use<'a> {
        let (v4, _) = self.list(List::Ipv4).as_chunks();
        let (v6, _) = self.list(List::Ipv6).as_chunks();
        v4.iter().filter_map(ipv4).chain(v6.iter().filter_map(ipv6))
    }

    /// The origins that a page may call from. Empty: any, or none.
    #[must_use]
    pub fn origins(&self) -> Texts<'a> {
        Texts(self.items(List::Origins))
    }

    /// The allowed methods. Empty: all.
    #[must_use]
    pub fn methods(&self) -> Texts<'a> {
        Texts(self.items(List::Methods))
    }

    /// The patterns of the allowed paths. Empty: all.
    #[must_use]
    pub fn paths(&self) -> Texts<'a> {
        Texts(self.items(List::Paths))
    }

    /// The granted scopes. Empty: none.
    #[must_use]
    pub fn scopes(&self) -> Texts<'a> {
        Texts(self.items(List::Scopes))
    }

    /// The granted sales channels. Empty: none.
    #[must_use]
    pub fn sales_channels(&self) -> Texts<'a> {
        Texts(self.items(List::SalesChannels))
    }

    /// The rate class, a label that a gate maps to a limit.
    #[must_use]
    pub fn rate_class(&self) -> Option<&'a str> {
        Texts(self.items(List::RateClass)).next()
    }
}

impl core::fmt::Debug for Policy<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Policy")
            .field("origins", &self.origins())
            .field("methods", &self.methods())
            .field("paths", &self.paths())
            .field("scopes", &self.scopes())
            .field("sales_channels", &self.sales_channels())
            .field("rate_class", &self.rate_class())
            .finish_non_exhaustive()
    }
}

/// The texts of one list of a policy, ascending.
#[derive(Clone, Copy)]
pub struct Texts<'a>(Items<'a>);

impl<'a> Iterator for Texts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        core::str::from_utf8(self.0.next()?).ok()
    }
}

impl core::fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_one_spelling() {
        let refused = |record: &[u8]| Policy::decode(record).unwrap_err();
        assert_eq!(Policy::decode(&[0, 0]), Ok(Policy::NONE));
        assert_eq!(refused(&[]), WireError::Truncated);
        assert_eq!(refused(&[0]), WireError::Truncated);
        assert_eq!(refused(&[0, 0, 0]), WireError::TrailingBytes);
        assert_eq!(refused(b"\0\x08\0\0"), WireError::NotCanonical(Field::Policy));
        assert_eq!(refused(b"\0\x08\0\x05\x03GET"), WireError::Truncated);
        assert!(Policy::decode(b"\0\x08\0\x04\x03GET").is_ok());
        assert!(Policy::decode(b"\0\x08\0\x08\x03GET\x03PUT").is_ok());
        assert_eq!(refused(b"\0\x08\0\x08\x03PUT\x03GET"), WireError::NotCanonical(Field::Methods));
        assert_eq!(refused(b"\0\x08\0\x08\x03GET\x03GET"), WireError::NotCanonical(Field::Methods));
        assert_eq!(refused(b"\0\x08\0\x05\x03GET\0"), WireError::NotCanonical(Field::Methods));
        assert_eq!(refused(b"\0\x08\0\x01\0"), WireError::NotCanonical(Field::Methods));
        assert_eq!(refused(b"\0\x08\0\x04\x04GET"), WireError::NotCanonical(Field::Methods));
        assert_eq!(refused(b"\0\x80\0\x04\x01a\x01b"), WireError::NotCanonical(Field::RateClass));
        assert_eq!(Policy::decode(b"\0\x80\0\x02\x01a").unwrap().rate_class(), Some("a"));
        assert!(Policy::decode(b"\0\x01\0\x05\x0a\0\0\0\x08").is_ok());
        for record in [
            b"\0\x01\0\x05\x0a\0\0\x01\x08".as_slice(),
            b"\0\x01\0\x05\x0a\0\0\0\x21",
            b"\0\x01\0\x04\x0a\0\0\0",
            b"\0\x01\0\x0a\x0a\0\0\0\x08\x0a\0\0\0\x08",
            b"\0\x01\0\x0a\x0a\0\0\0\x09\x0a\0\0\0\x08",
        ] {
            assert_eq!(refused(record), WireError::NotCanonical(Field::Networks));
        }
        let mut mapped = [0; 21];
        mapped[..4].copy_from_slice(&[0, 2, 0, 17]);
        assert!(Policy::decode(&mapped).is_ok());
        mapped[14..16].copy_from_slice(&[0xFF, 0xFF]);
        mapped[20] = 96;
        assert_eq!(refused(&mapped), WireError::NotCanonical(Field::Networks));
        assert_eq!(refused(&[0; MAX_POLICY_LEN + 1]), WireError::NotCanonical(Field::Policy));
    }

    #[test]
    fn an_unknown_bit_refuses_the_policy_whatever_follows() {
        for bit in 8..16 {
            for (known, rest) in [(0, &b""[..]), (8, b"\0\x04\x03GET"), (8, b"\0\0"), (0, b"any")] {
                let record = [&(1_u16 << bit | known).to_be_bytes(), rest].concat();
                assert_eq!(Policy::decode(&record), Err(WireError::TooNew(Field::Policy)));
                assert_eq!(Policy::of_valid(&record), Err(PolicyTooNew));
            }
        }
        let mut long = [0; MAX_POLICY_LEN + 1];
        long[0] = 1;
        assert_eq!(Policy::decode(&long), Err(WireError::NotCanonical(Field::Policy)));
        assert_eq!(Policy::decode(&long[1..]), Err(WireError::TrailingBytes));
    }
}
