//! The 28 signed bytes of a token.
//!
//! ```text
//!  0  1  version, 1
//!  1  1  kind (high four bits) and environment (low four bits)
//!  2  2  kid: the signer's key id
//!  4  6  serial: 28 bits of shard, 20 bits of slot
//! 10  2  nonce
//! 12  4  issued at, seconds
//! 16  4  expires at, seconds; 0 for never
//! 20  4  owner; 0 for none
//! 24  4  policy; 0 for none
//! ```

use core::fmt;
use core::num::NonZeroU32;
use core::str::FromStr;

use crate::names::InvalidId;
use crate::time::Time;
use crate::token::{Environment, Kind};

/// The index of a key in the revocation list: a shard and a slot in it. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(u64);

impl Serial {
    /// Bits of a slot number within a shard.
    pub const SLOT_BITS: u32 = 20;
    /// The largest serial.
    pub const MAX: u64 = (1 << 48) - 1;

    /// The serial with this number, if it fits 48 bits.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number <= Self::MAX { Some(Self(number)) } else { None }
    }

    /// The serial of `slot` in `shard`, if both are in range.
    #[must_use]
    pub const fn at(shard: u32, slot: u32) -> Option<Self> {
        if shard >> 28 == 0 && slot >> Self::SLOT_BITS == 0 {
            Some(Self((shard as u64) << Self::SLOT_BITS | slot as u64))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The shard: the high 28 bits.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "48 bits less 20 are 28")]
    pub const fn shard(self) -> u32 {
        (self.0 >> Self::SLOT_BITS) as u32
    }

    /// The slot: the low 20 bits.
    #[must_use]
    pub const fn slot(self) -> u32 {
        (self.0 & ((1 << Self::SLOT_BITS) - 1)) as u32
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.shard(), self.slot())
    }
}

impl FromStr for Serial {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let read = |digits: &str| {
            let is_canonical = digits == "0" || !digits.starts_with(['0', '+']);
            digits.parse().ok().filter(|_| is_canonical)
        };
        let (shard, slot) = text.split_once('/').ok_or(InvalidId::Serial)?;
        let (shard, slot) = read(shard).zip(read(slot)).ok_or(InvalidId::Serial)?;
        Self::at(shard, slot).ok_or(InvalidId::Serial)
    }
}

/// The lifetime of a key. `issued_at` isn't a not-before: a key is valid at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lifetime {
    /// When the issuer's store made the key, in seconds since the epoch.
    pub issued_at: u32,
    /// From this second on the key is refused; `None` for never.
    pub expires_at: Option<u32>,
}

impl Lifetime {
    /// Whether the key has expired: from the first instant of `expires_at` on.
    #[must_use]
    pub fn is_over(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|end| now >= Time::from_secs(end))
    }
}

/// The claims of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Secret or publishable.
    pub kind: Kind,
    /// Whether the key opens the issuer's API and a gate's own pages, and nothing else. Its kind is
    /// secret.
    pub is_admin: bool,
    /// Live or test.
    pub environment: Environment,
    /// The key id of the signer.
    pub kid: u16,
    /// The index in the revocation list.
    pub serial: Serial,
    /// Sixteen random bits, so that two tokens differ even if a restored store assigns a serial
    /// twice.
    pub nonce: u16,
    /// When the key was issued and when it expires.
    pub lifetime: Lifetime,
    /// The owner's (tenant's) number, if any; 0 on the wire for none.
    pub owner: Option<NonZeroU32>,
    /// The policy's number, if any; 0 on the wire for none.
    pub policy: Option<NonZeroU32>,
}

/// The bytes that a tag or signature covers.
pub type SignedPart = [u8; 28];

/// The token format's version.
pub(crate) const VERSION: u8 = 1;

/// The kind of an admin key on the wire.
const ADMIN: u8 = 3;

impl Claims {
    /// Placeholder claims of no key.
    pub(crate) const BLANK: Self = Self {
        kind: Kind::Secret,
        is_admin: false,
        environment: Environment::Live,
        kid: 0,
        serial: Serial(0),
        nonce: 0,
        lifetime: Lifetime { issued_at: 0, expires_at: None },
        owner: None,
        policy: None,
    };

    /// Decodes the 28 bytes; `None` if a field holds a value that the layout excludes.
    pub(crate) fn decode(bytes: &SignedPart) -> Option<Self> {
        let [
            version,
            kind_and_environment,
            k0,
            k1,
            s0,
            s1,
            s2,
            s3,
            s4,
            s5,
            n0,
            n1,
            i0,
            i1,
            i2,
            i3,
            e0,
            e1,
            e2,
            e3,
            o0,
            o1,
            o2,
            o3,
            p0,
            p1,
            p2,
            p3,
        ] = *bytes;
        if version != VERSION {
            return None;
        }
        let is_admin = kind_and_environment >> 4 == ADMIN;
        let kind =
            if is_admin { Kind::Secret } else { Kind::from_code(kind_and_environment >> 4)? };
        let environment = Environment::from_code(kind_and_environment & 0x0F)?;
        let kid = u16::from_be_bytes([k0, k1]);
        let serial = Serial(u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]));
        let nonce = u16::from_be_bytes([n0, n1]);
        let issued_at = u32::from_be_bytes([i0, i1, i2, i3]);
        let expires_at = Some(u32::from_be_bytes([e0, e1, e2, e3])).filter(|&end| end != 0);
        let owner = NonZeroU32::new(u32::from_be_bytes([o0, o1, o2, o3]));
        let policy = NonZeroU32::new(u32::from_be_bytes([p0, p1, p2, p3]));
        if expires_at.is_some_and(|end| end <= issued_at) {
            return None;
        }
        let lifetime = Lifetime { issued_at, expires_at };
        Some(Self { kind, is_admin, environment, kid, serial, nonce, lifetime, owner, policy })
    }

    /// Encodes the 28 bytes.
    #[cfg(feature = "issue")]
    pub(crate) fn encode(&self) -> SignedPart {
        use crate::wire::Put as _;
        let mut out = alloc::vec::Vec::with_capacity(28);
        let kind = if self.is_admin { ADMIN } else { self.kind.code() };
        out.put_u8(VERSION)
            .put_u8(kind << 4 | self.environment.code())
            .put_u16(self.kid)
            .put_u48(self.serial.get())
            .put_u16(self.nonce)
            .put_u32(self.lifetime.issued_at)
            .put_u32(self.lifetime.expires_at.unwrap_or(0))
            .put_u32(self.owner.map_or(0, NonZeroU32::get))
            .put_u32(self.policy.map_or(0, NonZeroU32::get));
        out.first_chunk().copied().unwrap_or([0; 28])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_accepted_spelling_is_the_canonical_one(mut bytes: SignedPart) {
            bytes[0] = 1;
            bytes[1] = (1 + bytes[1] % 3) << 4 | 1 << (bytes[1] >> 7);
            if let Some(claims) = Claims::decode(&bytes) {
                prop_assert_eq!(claims.encode(), bytes);
            }
        }
    }

    #[test]
    fn serials_split_into_shard_and_slot() {
        let serial = Serial::at(0x0FFF_FFFF, 0xF_FFFF).unwrap();
        assert_eq!(serial.get(), Serial::MAX);
        assert_eq!((serial.shard(), serial.slot()), (0x0FFF_FFFF, 0xF_FFFF));
        assert_eq!(Serial::at(1 << 28, 0), None);
        assert_eq!(Serial::at(0, 1 << 20), None);
        assert_eq!(Serial::new(1 << 48), None);
        assert_eq!("268435455/1048575".parse(), Ok(serial));
        assert_eq!("0/0".parse(), Ok(Serial(0)));
        for text in
            ["", "/", "1", "1/", "+1/1", "01/1", "1/01", "268435456/0", "0/1048576", "1/1/1"]
        {
            assert_eq!(text.parse::<Serial>(), Err(InvalidId::Serial), "{text}");
        }
    }

    #[test]
    fn a_key_expires_with_the_first_instant_of_its_second() {
        let lifetime = Lifetime { issued_at: 1, expires_at: Some(10) };
        assert!(!lifetime.is_over(Time::from_millis(9_999)));
        assert!(lifetime.is_over(Time::from_millis(10_000)));
        assert!(!Lifetime { expires_at: None, ..lifetime }.is_over(Time::from_millis(u64::MAX)));
    }
}
