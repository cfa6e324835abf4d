//! The encoding of the keyring document.
//!
//! ```text
//!  4  magic `PCK` 1          then per label:            then per key, 55 bytes:
//! 16  issuer id               1  length                  2  kid, strictly ascending
//!  4  version                 n  text                    1  algorithm  1 HMAC-SHA256/128, 2 Ed25519
//!  8  not after, ms                                      1  purpose    1 token 2 admin 3 list
//!  4  list epoch             2  number of keys                         4 status list 5 assertion
//!  4  longest validity, s                                1  environments, set of bits 1 live 2 test
//! 32  successor root or 0                                1  kinds, set of bits 1 secret 2 publishable
//!                                                           of a list signer: what assignments may
//!                                                           change 1 policy 2 owner 4 earlier end
//!                                                           8 later end
//!  1  number of labels                                   1  state 1 next 2 active 3 retiring 4 retired
//!                                                        8  not before, ms
//! at the end: 64  the root's signature                   8  not after, ms
//!                                                       32  public key, or check value
//! ```

use alloc::vec::Vec;

use crate::assignment::Changes;
use crate::crypto::{Context, IssuerId, PublicKey};
use crate::field::Field;
use crate::keyring::{KeyEntry, KeyringError, Material, Purpose, State, Validity};
use crate::time::Time;
use crate::token::{Environment, Kind, Label};
use crate::wire::{FileKind, Reader, WireError, split_signature};

pub(crate) const LETTER: u8 = b'K';
const MAX_LABELS: u8 = 4;

#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) issuer: IssuerId,
    pub(crate) version: u32,
    pub(crate) not_after: Time,
    pub(crate) epoch: u32,
    pub(crate) max_validity_secs: u32,
    pub(crate) successor: Option<PublicKey>,
    pub(crate) labels: Vec<Label>,
    pub(crate) entries: Vec<KeyEntry>,
}

pub(crate) fn open(document: &[u8], root: &PublicKey) -> Result<Content, KeyringError> {
    let (signed, signature) = split_signature(document)?;
    // Check the magic first, so that a wrong file isn't reported as a forgery.
    let reader = Reader::open(signed, LETTER, FileKind::Keyring)?;
    if !root.verify(Context::KEYRING, signed, signature) {
        return Err(KeyringError::NotSignedByRoot);
    }
    Ok(decode(reader)?)
}

fn decode(mut reader: Reader<'_>) -> Result<Content, WireError> {
    let issuer = IssuerId(reader.array()?);
    let version = reader.u32()?;
    let not_after = Time::from_millis(reader.u64()?);
    let epoch = reader.u32()?;
    let max_validity_secs = reader.u32()?;
    // Zeros mean that no successor is named.
    let successor = Some(reader.array()?)
        .filter(|bytes| *bytes != [0; 32])
        .map(|bytes| public_key(&bytes, Field::Successor))
        .transpose()?;
    let labels = decode_labels(&mut reader)?;
    // Signers ascend by kid, so that each keyring has one encoding and a search can be binary.
    let count = reader.u16()?;
    let mut entries: Vec<KeyEntry> = Vec::new();
    for _ in 0..count {
        let entry = decode_entry(&mut reader)?;
        if entries.last().is_some_and(|last| last.kid >= entry.kid) {
            return Err(WireError::NotCanonical(Field::Kid));
        }
        entries.push(entry);
    }
    reader.finish()?;
    Ok(Content { issuer, version, not_after, epoch, max_validity_secs, successor, labels, entries })
}

fn decode_labels(reader: &mut Reader<'_>) -> Result<Vec<Label>, WireError> {
    const FIELD: WireError = WireError::NotCanonical(Field::Labels);
    let count = reader.u8()?;
    if !(1..=MAX_LABELS).contains(&count) {
        return Err(FIELD);
    }
    let mut labels = Vec::new();
    for _ in 0..count {
        let len = usize::from(reader.u8()?);
        let text = core::str::from_utf8(reader.bytes(len)?).map_err(|_| FIELD)?;
        let label = Label::new(text).map_err(|_| FIELD)?;
        if labels.contains(&label) {
            return Err(FIELD);
        }
        labels.push(label);
    }
    Ok(labels)
}

fn decode_entry(reader: &mut Reader<'_>) -> Result<KeyEntry, WireError> {
    let kid = reader.u16()?;
    let algorithm = reader.u8()?;
    let purpose = from_code(&Purpose::ALL, reader.u8()?, Field::Purpose)?;
    let environments =
        set(&Environment::ALL, Environment::code, reader.u8()?, Field::Environments)?;
    // One byte, whose meaning is the purpose's.
    let bits = reader.u8()?;
    let (kinds, changes) = if purpose == Purpose::List {
        let changes = Changes::from_bits(bits).ok_or(WireError::NotCanonical(Field::Changes))?;
        (Vec::new(), changes)
    } else {
        (set(&Kind::ALL, Kind::code, bits, Field::Kinds)?, Changes::NONE)
    };
    let state = from_code(&State::ALL, reader.u8()?, Field::State)?;
    let not_before = Time::from_millis(reader.u64()?);
    let not_after = Time::from_millis(reader.u64()?);
    let bytes = reader.array::<32>()?;
    let material = match algorithm {
        1 => Material::Hmac { check: bytes },
        2 => Material::Ed25519(public_key(&bytes, Field::PublicKey)?),
        _ => return Err(WireError::NotCanonical(Field::Algorithm)),
    };
    let signs_keys = match purpose {
        Purpose::Token => true,
        // A shared secret doesn't identify its user: admin keys and lists are always Ed25519.
        Purpose::Admin => material_is_public(&material)?,
        Purpose::List | Purpose::StatusList | Purpose::Assertion => {
            material_is_public(&material)?;
            false
        }
    };
    if signs_keys == environments.is_empty() || signs_keys == kinds.is_empty() {
        return Err(WireError::NotCanonical(Field::EnvironmentsAndKinds));
    }
    let validity = Validity { not_before, not_after };
    Ok(KeyEntry { kid, purpose, environments, kinds, changes, state, validity, material })
}

fn material_is_public(material: &Material) -> Result<bool, WireError> {
    match material {
        Material::Ed25519(_) => Ok(true),
        Material::Hmac { .. } => Err(WireError::NotCanonical(Field::Algorithm)),
    }
}

fn public_key(bytes: &[u8; 32], field: Field) -> Result<PublicKey, WireError> {
    PublicKey::from_bytes(bytes).map_err(|_| WireError::NotCanonical(field))
}

/// The value with this code: its position in `all`, counted from 1.
fn from_code<T: Copy>(all: &[T], code: u8, field: Field) -> Result<T, WireError> {
    let place = usize::from(code).checked_sub(1).ok_or(WireError::NotCanonical(field))?;
    all.get(place).copied().ok_or(WireError::NotCanonical(field))
}

/// The members with their code among the bits of `bits`.
fn set<T: Copy>(all: &[T], code: fn(T) -> u8, bits: u8, field: Field) -> Result<Vec<T>, WireError> {
    let known = all.iter().fold(0, |known, &member| known | code(member));
    if bits & !known != 0 {
        return Err(WireError::NotCanonical(field));
    }
    Ok(all.iter().copied().filter(|&member| bits & code(member) != 0).collect())
}

#[cfg(feature = "issue")]
impl Content {
    /// The bytes that the root signs.
    ///
    /// # Errors
    /// [`WireError::NotCanonical`] names the field that a reader would refuse.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, WireError> {
        use crate::wire::Put as _;
        let mut out = Vec::new();
        out.put_magic(LETTER)
            .put(&self.issuer.0)
            .put_u32(self.version)
            .put_u64(self.not_after.millis())
            .put_u32(self.epoch)
            .put_u32(self.max_validity_secs)
            .put(&self.successor.map_or([0; 32], |root| root.to_bytes()))
            .put_u8(u8::try_from(self.labels.len()).unwrap_or(u8::MAX));
        for label in &self.labels {
            let text = label.as_str();
            out.put_u8(u8::try_from(text.len()).unwrap_or(u8::MAX)).put(text.as_bytes());
        }
        let count = u16::try_from(self.entries.len());
        out.put_u16(count.map_err(|_| WireError::NotCanonical(Field::Keys))?);
        for entry in &self.entries {
            encode_entry(entry, &mut out);
        }
        // Decode the result, so that the root never signs a document that verifiers refuse.
        decode(Reader::open(&out, LETTER, FileKind::Keyring)?)?;
        Ok(out)
    }
}

#[cfg(feature = "issue")]
fn encode_entry(entry: &KeyEntry, out: &mut Vec<u8>) {
    use crate::wire::Put as _;
    let (algorithm, bytes) = match entry.material {
        Material::Hmac { check } => (1, check),
        Material::Ed25519(key) => (2, key.to_bytes()),
    };
    out.put_u16(entry.kid)
        .put_u8(algorithm)
        .put_u8(code_of(&Purpose::ALL, &entry.purpose))
        .put_u8(entry.environments.iter().fold(0, |bits, e| bits | e.code()))
        .put_u8(entry.kinds.iter().fold(entry.changes.bits(), |bits, k| bits | k.code()))
        .put_u8(code_of(&State::ALL, &entry.state))
        .put_u64(entry.validity.not_before.millis())
        .put_u64(entry.validity.not_after.millis())
        .put(&bytes);
}

/// The position of `value` in `all`, counted from 1.
#[cfg(feature = "issue")]
fn code_of<T: PartialEq>(all: &[T], value: &T) -> u8 {
    let place = all.iter().position(|member| member == value);
    place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(0)
}
