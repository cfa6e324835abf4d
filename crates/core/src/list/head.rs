//! The head: the bodies that make up the list, and the bulk entries.
//!
//! ```text
//!  4  magic `PCH` 1          then per shard, 40 bytes:      then per bulk entry, 22 bytes:
//! 16  issuer id               4  shard, ascending            1  scope  1 owner 2 kid 3 environment
//!  2  kid                     4  body length                           4 serial range
//!  4  list epoch             32  body digest                 1  state  1 suspended 2 revoked
//!  8  number                 then                            6  first
//!  8  this update, ms         4  number of bulk entries      6  last
//! 32  digest of head before                                  4  issued at or after, s
//! 36  public policies                                        4  issued before, s; 2^32-1: no bound
//! 36  private policies                                      at the end: 64  signature
//!  4  number of shards, in the low 28 bits
//!     number of directories that follow, in the high 4; 37 bytes each, by ascending type:
//!      1  type: 1 public assignments, 2 private ones; this version knows no other
//!     32  digest, 4  length
//! ```

use alloc::vec::Vec;

use crate::crypto::{Context, IssuerId};
use crate::field::Field;
use crate::file_name::{Digest, FileName};
use crate::keyring::Keyring;
use crate::list::stamp::{list_key, verify_signed};
use crate::list::{BulkEntry, BulkScope, BulkState, IssuedAt, ListError, Part, Stamp};
use crate::policy_file::{MAX_POLICY_FILE_LEN, Visibility};
use crate::time::Time;
use crate::token::{Environment, Serial};
use crate::wire::{FileKind, Reader, WireError, split_signature};

pub(crate) const LETTER: u8 = b'H';
const LINE_LEN: usize = 40;
const BULK_LEN: usize = 22;
/// Bits of the number of shards. The bits above it count the directories before the shards.
const SHARD_COUNT_BITS: u32 = 28;
/// The types of directories.
const PUBLIC_ASSIGNMENTS: u8 = 1;
const PRIVATE_ASSIGNMENTS: u8 = 2;

/// A head with a verified signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub(crate) fields: Fields,
    file: Vec<u8>,
}

/// The signed fields, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) issuer: IssuerId,
    pub(crate) kid: u16,
    pub(crate) epoch: u32,
    pub(crate) number: u64,
    pub(crate) this_update: Time,
    pub(crate) previous: Digest,
    pub(crate) public_policies: FileName,
    pub(crate) private_policies: FileName,
    pub(crate) public_assignments: FileName,
    pub(crate) private_assignments: FileName,
    pub(crate) shards: Vec<ShardLine>,
    pub(crate) bulk: Vec<BulkEntry>,
}

/// A shard in the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardLine {
    /// The shard's number.
    pub shard: u32,
    /// The length of its body in bytes.
    pub len: u32,
    /// The digest of its body.
    pub body: Digest,
}

impl Head {
    /// Opens the head that `stamp` names.
    ///
    /// # Errors
    /// [`ListError::WrongDigest`] if it is another file; see [`ListError`].
    pub fn open(
        file: &[u8],
        stamp: &Stamp,
        keyring: &Keyring,
        now: Time,
    ) -> Result<Self, ListError> {
        // The signed stamp names the head by its digest, so compare that first.
        if Digest::of(file) != stamp.head() {
            return Err(ListError::WrongDigest(Part::Head));
        }
        let wire = ListError::wire(Part::Head);
        let (signed, signature) = split_signature(file).map_err(&wire)?;
        let fields = Fields::decode(signed).map_err(&wire)?;
        let key = list_key(keyring, fields.issuer, fields.kid, now)?;
        verify_signed(key, Context::HEAD, (signed, signature))?;
        // Stamp and head must agree. A stamp may be a later renewal of the same head.
        let list_version = stamp.list_version();
        if fields.epoch != list_version.epoch
            || fields.number != list_version.number
            || fields.this_update > list_version.this_update
        {
            return Err(ListError::WrongDigest(Part::Head));
        }
        Ok(Self { fields, file: file.to_vec() })
    }

    /// The kid in the head `file`. The signature isn't verified.
    ///
    /// # Errors
    /// [`WireError`] if it isn't a head.
    pub fn signer_of(file: &[u8]) -> Result<u16, WireError> {
        let (signed, _) = split_signature(file)?;
        Ok(Fields::decode(signed)?.kid)
    }

    /// Whether the head `file` names assignments. The signature isn't verified.
    ///
    /// # Errors
    /// [`WireError`] if it isn't a head.
    pub fn names_assignments(file: &[u8]) -> Result<bool, WireError> {
        let (signed, _) = split_signature(file)?;
        let fields = Fields::decode(signed)?;
        Ok(fields.public_assignments != FileName::NONE
            || fields.private_assignments != FileName::NONE)
    }

    /// The bytes as received, signature included.
    #[must_use]
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// The digest of the previous head, zeros for the first.
    #[must_use]
    pub const fn previous(&self) -> Digest {
        self.fields.previous
    }

    /// When the head was made. Later stamps for the same head have a later `this_update`.
    #[must_use]
    pub const fn this_update(&self) -> Time {
        self.fields.this_update
    }

    /// The directory of the publishable keys' policies, [`FileName::NONE`] if there are none.
    #[must_use]
    pub const fn public_policies(&self) -> FileName {
        self.fields.public_policies
    }

    /// The directory of the secret keys' policies, [`FileName::NONE`] if there are none.
    #[must_use]
    pub const fn private_policies(&self) -> FileName {
        self.fields.private_policies
    }

    /// The directory of this visibility.
    #[must_use]
    pub const fn policies(&self, visibility: Visibility) -> FileName {
        match visibility {
            Visibility::Public => self.public_policies(),
            Visibility::Private => self.private_policies(),
        }
    }

    /// The directory of the assignments of this visibility, [`FileName::NONE`] if there are none.
    #[must_use]
    pub const fn assignments(&self, visibility: Visibility) -> FileName {
        match visibility {
            Visibility::Public => self.fields.public_assignments,
            Visibility::Private => self.fields.private_assignments,
        }
    }

    /// Every directory with its visibility, in the same order for every head: of policies, then of
    /// assignments. [`FileName::NONE`] stands for one that there isn't.
    #[must_use]
    pub fn directories(&self) -> [(Visibility, FileName); 4] {
        let [public, private] = Visibility::ALL;
        [
            (public, self.policies(public)),
            (private, self.policies(private)),
            (public, self.assignments(public)),
            (private, self.assignments(private)),
        ]
    }

    /// The kid of the head's signer.
    #[must_use]
    pub const fn kid(&self) -> u16 {
        self.fields.kid
    }

    /// The shards, by ascending number.
    #[must_use]
    pub fn shards(&self) -> &[ShardLine] {
        &self.fields.shards
    }

    /// The bulk entries.
    #[must_use]
    pub fn bulk(&self) -> &[BulkEntry] {
        &self.fields.bulk
    }
}

impl Fields {
    pub(crate) fn decode(signed: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::open(signed, LETTER, FileKind::ListHead)?;
        let issuer = IssuerId(reader.array()?);
        let kid = reader.u16()?;
        let epoch = reader.u32()?;
        let number = reader.u64()?;
        let this_update = Time::from_millis(reader.u64()?);
        let previous = Digest(reader.array()?);
        let public_policies = decode_file_name(&mut reader, Field::Policies)?;
        let private_policies = decode_file_name(&mut reader, Field::Policies)?;
        let word = reader.u32()?;
        let [public_assignments, private_assignments] =
            decode_directories(&mut reader, word >> SHARD_COUNT_BITS)?;
        let count = reader.fits(word & ((1 << SHARD_COUNT_BITS) - 1), LINE_LEN)?;
        // Shards: ascending, with 28-bit numbers.
        let mut shards: Vec<ShardLine> = Vec::with_capacity(count);
        for _ in 0..count {
            let line = ShardLine {
                shard: reader.u32()?,
                len: reader.u32()?,
                body: Digest(reader.array()?),
            };
            let ascends = shards.last().is_none_or(|last| last.shard < line.shard);
            if !ascends || line.shard >> 28 != 0 {
                return Err(WireError::NotCanonical(Field::Shard));
            }
            shards.push(line);
        }
        let count = reader.len(BULK_LEN)?;
        // Bulk entries: strictly ascending.
        let mut bulk: Vec<BulkEntry> = Vec::with_capacity(count);
        for _ in 0..count {
            let entry = decode_bulk(&mut reader)?;
            if bulk.last().is_some_and(|last| *last >= entry) {
                return Err(WireError::NotCanonical(Field::BulkEntries));
            }
            bulk.push(entry);
        }
        reader.finish()?;
        Ok(Self {
            issuer,
            kid,
            epoch,
            number,
            this_update,
            previous,
            public_policies,
            private_policies,
            public_assignments,
            private_assignments,
            shards,
            bulk,
        })
    }

    #[cfg(feature = "issue")]
    pub(crate) fn encode(&self) -> Vec<u8> {
        use crate::wire::Put as _;
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let mut out = Vec::new();
        out.put_magic(LETTER)
            .put(&self.issuer.0)
            .put_u16(self.kid)
            .put_u32(self.epoch)
            .put_u64(self.number)
            .put_u64(self.this_update.millis())
            .put(&self.previous.0);
        for policies in [self.public_policies, self.private_policies] {
            out.put(&policies.digest.0).put_u32(policies.len);
        }
        let assignments = [
            (PUBLIC_ASSIGNMENTS, self.public_assignments),
            (PRIVATE_ASSIGNMENTS, self.private_assignments),
        ];
        let directories = assignments.iter().filter(|(_, name)| *name != FileName::NONE);
        out.put_u32(
            count(directories.clone().count()) << SHARD_COUNT_BITS | count(self.shards.len()),
        );
        for (kind, name) in directories {
            out.put_u8(*kind).put(&name.digest.0).put_u32(name.len);
        }
        for line in &self.shards {
            out.put_u32(line.shard).put_u32(line.len).put(&line.body.0);
        }
        out.put_u32(count(self.bulk.len()));
        for entry in &self.bulk {
            let (code, first, last) = match entry.scope {
                BulkScope::Owner(owner) => (1, u64::from(owner), u64::from(owner)),
                BulkScope::Kid(kid) => (2, u64::from(kid), u64::from(kid)),
                BulkScope::Environment(e) => (3, u64::from(e.code()), u64::from(e.code())),
                BulkScope::Serials { first, last } => (4, first.get(), last.get()),
            };
            let state = match entry.state {
                BulkState::Suspended => 1,
                BulkState::Revoked => 2,
            };
            out.put_u8(code).put_u8(state).put_u48(first).put_u48(last);
            out.put_u32(entry.issued.from).put_u32(entry.issued.before);
        }
        out
    }
}

/// The directories of assignments, public and private.
fn decode_directories(reader: &mut Reader<'_>, count: u32) -> Result<[FileName; 2], WireError> {
    let [mut public, mut private] = [FileName::NONE; 2];
    let mut last = 0;
    for _ in 0..count {
        let kind = reader.u8()?;
        if kind <= last {
            return Err(WireError::NotCanonical(Field::Directories));
        }
        last = kind;
        let held = match kind {
            PUBLIC_ASSIGNMENTS => &mut public,
            PRIVATE_ASSIGNMENTS => &mut private,
            // What it leads to may take something from a key: so the whole list is refused.
            _ => return Err(WireError::TooNew(Field::Directories)),
        };
        *held = decode_file_name(reader, Field::Directories)?;
        // A directory that there isn't is not announced.
        if *held == FileName::NONE {
            return Err(WireError::NotCanonical(Field::Directories));
        }
    }
    Ok([public, private])
}

fn decode_file_name(reader: &mut Reader<'_>, field: Field) -> Result<FileName, WireError> {
    let name = FileName { digest: Digest(reader.array()?), len: reader.u32()? };
    let fits = usize::try_from(name.len).is_ok_and(|len| len <= MAX_POLICY_FILE_LEN);
    if !fits || (name.digest == FileName::NONE.digest) != (name.len == 0) {
        return Err(WireError::NotCanonical(field));
    }
    Ok(name)
}

fn decode_bulk(reader: &mut Reader<'_>) -> Result<BulkEntry, WireError> {
    const FIELD: WireError = WireError::NotCanonical(Field::BulkEntry);
    let (code, state) = (reader.u8()?, reader.u8()?);
    let (first, last) = (reader.u48()?, reader.u48()?);
    let issued = IssuedAt { from: reader.u32()?, before: reader.u32()? };
    let state = match state {
        1 => BulkState::Suspended,
        2 => BulkState::Revoked,
        _ => return Err(FIELD),
    };
    let scope = match code {
        1 => BulkScope::Owner(u32::try_from(first).map_err(|_| FIELD)?),
        2 => BulkScope::Kid(u16::try_from(first).map_err(|_| FIELD)?),
        3 => {
            let code = u8::try_from(first).map_err(|_| FIELD)?;
            BulkScope::Environment(Environment::from_code(code).ok_or(FIELD)?)
        }
        4 => BulkScope::Serials {
            first: Serial::new(first).ok_or(FIELD)?,
            last: Serial::new(last).ok_or(FIELD)?,
        },
        _ => return Err(FIELD),
    };
    // A scope with one subject has it twice, and an interval is never empty.
    let one_subject = code == 4 || first == last;
    if !one_subject || first > last || issued.from >= issued.before {
        return Err(FIELD);
    }
    Ok(BulkEntry { scope, state, issued })
}
