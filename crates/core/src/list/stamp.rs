//! The stamp: the small file that names the newest list and how long it is valid. TUF's timestamp
//! role, in 154 bytes.
//!
//! ```text
//!  4  magic `PCS` 1         8  this update, ms       4  keyring version
//! 16  issuer id             8  next update, ms      64  signature
//!  2  kid                  32  head digest
//!  4  list epoch            4  head length
//!  8  number
//! ```

use crate::crypto::{Context, Digest, IssuerId, PublicKey};
use crate::keyring::{Keyring, Material, Purpose};
use crate::list::{ListError, Part};
use crate::time::Time;
use crate::wire::{FileKind, Reader, WireError, split_signature};

pub(crate) const LETTER: u8 = b'S';

/// How far a stamp may be dated ahead of the verifier's clock, because clocks differ.
pub const MAX_SKEW_MILLIS: u64 = 10_000;

/// A stamp with a verified signature, and with times that were valid when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub(crate) fields: Fields,
}

/// The signed fields, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) issuer: IssuerId,
    pub(crate) kid: u16,
    pub(crate) list_version: ListVersion,
    pub(crate) head: Digest,
    pub(crate) head_len: u32,
    pub(crate) keyring_version: u32,
}

/// Identity and validity of a list, as reported with a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListVersion {
    /// The list epoch, which only a keyring raises.
    pub epoch: u32,
    /// The number, which only increases within an epoch.
    pub number: u64,
    /// Every revocation committed before this instant, by the store's clock, is in the list.
    pub this_update: Time,
    /// From this instant on the stamp is no longer valid.
    pub next_update: Time,
}

impl ListVersion {
    /// The age of the list's information, in milliseconds.
    #[must_use]
    pub const fn age_millis(&self, now: Time) -> u64 {
        now.millis_since(self.this_update)
    }
}

impl Stamp {
    /// Bytes in a stamp.
    pub const LEN: usize = 154;

    /// Opens a stamp and verifies it with `keyring`, as of `now`.
    ///
    /// # Errors
    /// See [`ListError`]: issuer, signer, epoch and times are all checked.
    pub fn open(file: &[u8], keyring: &Keyring, now: Time) -> Result<Self, ListError> {
        let wire = ListError::wire(Part::Stamp);
        let (signed, signature) = split_signature(file).map_err(&wire)?;
        let stamp = Self { fields: Fields::decode(signed).map_err(&wire)? };
        let key = stamp.check(keyring, now)?;
        verify_signed(key, Context::STAMP, (signed, signature))?;
        Ok(stamp)
    }

    /// Opens a stamp as of its own `this_update`, whatever the time is now: for a host that needs to
    /// know which list was published, not whether a key is valid.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_at_its_own_time(file: &[u8], keyring: &Keyring) -> Result<Self, ListError> {
        let (stamp, _) = Self::open_past(file, keyring, Time::from_millis(u64::MAX))?;
        Ok(stamp)
    }

    /// Opens a stamp that was valid once and may be past its next update now. It is checked as of
    /// the returned instant: the earlier of `now` and its own `this_update`.
    pub(crate) fn open_past(
        file: &[u8],
        keyring: &Keyring,
        now: Time,
    ) -> Result<(Self, Time), ListError> {
        let wire = ListError::wire(Part::Stamp);
        let (signed, _) = split_signature(file).map_err(&wire)?;
        let then = now.min(Fields::decode(signed).map_err(&wire)?.list_version.this_update);
        Ok((Self::open(file, keyring, then)?, then))
    }

    /// Performs all checks of [`open`](Self::open) except the signature. Returns the key to verify
    /// it with.
    pub(crate) fn check<'k>(
        &self,
        keyring: &'k Keyring,
        now: Time,
    ) -> Result<&'k PublicKey, ListError> {
        let Fields { issuer, kid, list_version, keyring_version: needed, .. } = self.fields;
        let ListVersion { epoch, this_update, next_update, .. } = list_version;
        if issuer != keyring.issuer() {
            return Err(ListError::ForeignIssuer);
        }
        let held = keyring.version();
        if needed > held {
            return Err(ListError::KeyringBehind { held, needed });
        }
        let key = list_key(keyring, issuer, kid, now)?;
        if epoch != keyring.epoch() {
            return Err(ListError::WrongEpoch { held: keyring.epoch(), offered: epoch });
        }
        if this_update > now.plus_millis(MAX_SKEW_MILLIS) || next_update <= this_update {
            return Err(ListError::FromTheFuture);
        }
        if next_update.millis_since(this_update) > keyring.max_validity_millis() {
            return Err(ListError::TooLongValid);
        }
        if now >= next_update {
            return Err(ListError::PastNextUpdate);
        }
        Ok(key)
    }

    /// The issuer.
    #[must_use]
    pub const fn issuer(&self) -> IssuerId {
        self.fields.issuer
    }

    /// Epoch, number and times.
    #[must_use]
    pub const fn list_version(&self) -> ListVersion {
        self.fields.list_version
    }

    /// The digest of the head that the stamp names.
    #[must_use]
    pub const fn head(&self) -> Digest {
        self.fields.head
    }

    /// The length of that head in bytes: a fetch needn't read further.
    #[must_use]
    pub const fn head_len(&self) -> u32 {
        self.fields.head_len
    }

    /// The version of the keyring that was in force when the stamp was made.
    #[must_use]
    pub const fn keyring_version(&self) -> u32 {
        self.fields.keyring_version
    }
}

impl Fields {
    fn decode(signed: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::open(signed, LETTER, FileKind::Stamp)?;
        let issuer = IssuerId(reader.array()?);
        let kid = reader.u16()?;
        let epoch = reader.u32()?;
        let number = reader.u64()?;
        let this_update = Time::from_millis(reader.u64()?);
        let next_update = Time::from_millis(reader.u64()?);
        let head = Digest(reader.array()?);
        let head_len = reader.u32()?;
        let keyring_version = reader.u32()?;
        reader.finish()?;
        let list_version = ListVersion { epoch, number, this_update, next_update };
        Ok(Self { issuer, kid, list_version, head, head_len, keyring_version })
    }

    #[cfg(feature = "issue")]
    pub(crate) fn encode(&self) -> alloc::vec::Vec<u8> {
        use crate::wire::Put as _;
        let mut out = alloc::vec::Vec::with_capacity(Stamp::LEN);
        out.put_magic(LETTER)
            .put(&self.issuer.0)
            .put_u16(self.kid)
            .put_u32(self.list_version.epoch)
            .put_u64(self.list_version.number)
            .put_u64(self.list_version.this_update.millis())
            .put_u64(self.list_version.next_update.millis())
            .put(&self.head.0)
            .put_u32(self.head_len)
            .put_u32(self.keyring_version);
        out
    }
}

/// The key of `kid`, if it may sign lists for `issuer` now.
pub(crate) fn list_key(
    keyring: &Keyring,
    issuer: IssuerId,
    kid: u16,
    now: Time,
) -> Result<&PublicKey, ListError> {
    if now >= keyring.not_after() {
        return Err(ListError::KeyringExpired);
    }
    if issuer != keyring.issuer() {
        return Err(ListError::ForeignIssuer);
    }
    let entry = keyring.entry(kid);
    let entry = entry.filter(|entry| entry.purpose == Purpose::List && entry.counts_at(now));
    match entry.map(|entry| &entry.material) {
        Some(Material::Ed25519(key)) => Ok(key),
        Some(Material::Hmac { .. }) | None => Err(ListError::NotAListKey(kid)),
    }
}

/// Verifies the signature of a file that was split into signed part and signature.
pub(crate) fn verify_signed(
    key: &PublicKey,
    context: Context,
    (signed, signature): (&[u8], &[u8; 64]),
) -> Result<(), ListError> {
    if key.verify(context, signed, signature) { Ok(()) } else { Err(ListError::BadSignature) }
}
