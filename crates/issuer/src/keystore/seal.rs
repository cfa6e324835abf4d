//! Files encrypted at rest: the keystore, the root key, backups.
//!
//! ```text
//!  4  `PCX` 01
//!  1  what opens it: 1 a passphrase, 2 a key file
//! 12  Argon2id: memory in KiB, passes, lanes; 4 bytes each, big-endian
//! 16  salt
//! 19  the front of every nonce
//! 16  check value, to tell a wrong passphrase from a damaged file
//! then parts of up to 65536 bytes and a tag of 16 each, by XChaCha20-Poly1305 in the STREAM
//! construction (nonce, part number, whether it is the last), each bound to all of the above
//! ```
//! Argon2id derives 48 bytes: the key, then the check value.

use std::io::{self, Read, Write};

use aead_stream::aead::Payload;
use aead_stream::{DecryptorBE32, EncryptorBE32};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use zeroize::Zeroizing;

use super::lock::{Lock, Secret};

const MAGIC: &[u8; 4] = b"PCX\x01";
const HEADER_LEN: usize = 4 + 1 + 12 + 16 + 19 + 16;
const PART_LEN: usize = 64 * 1024;
const TAG_LEN: usize = 16;
/// The limits of Argon2id's costs. A file with higher values is damaged or malicious.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 64;
const MAX_LANES: u32 = 16;

/// Why an encrypted file can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No passphrase or key file was given.
    #[error("it is encrypted and needs {}", .0.how())]
    Locked(Lock),
    /// The passphrase or key file is the wrong one.
    #[error("the {} is not the one that it was encrypted with", .0.name())]
    Wrong(Lock),
    /// The file was altered or truncated.
    #[error("it is damaged, or was altered; restore it from a backup")]
    Damaged,
    /// The format's version is unknown.
    #[error("its format is one that this program does not know; update the program")]
    Version,
    /// It is not an encrypted file.
    #[error("it is no file that Portcullis encrypted")]
    NotSealed,
    /// The passphrase or key file is too short.
    #[error("a passphrase has at least 12 characters, and a key file at least 32 bytes")]
    Weak,
}

/// Whether the bytes start like an encrypted file.
#[must_use]
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PCX")
}

struct Header {
    bytes: [u8; HEADER_LEN],
    lock: Lock,
    params: Params,
    check: [u8; 16],
}

impl Header {
    fn new(secret: &Secret) -> io::Result<(Self, Zeroizing<[u8; 32]>)> {
        let failed = |error: SealError| io::Error::other(error);
        // RFC 9106's second recommended option, for passphrases. A key file can't be guessed, so
        // the least cost suffices.
        let (memory, passes, lanes): (u32, u32, u32) = match secret.lock {
            Lock::Passphrase => (64 * 1024, 3, 4),
            Lock::KeyFile => (64, 1, 1),
        };
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        bytes.extend(MAGIC);
        bytes.push(secret.lock.code());
        for number in [memory, passes, lanes] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(crate::random::secret::<35>().map_err(io::Error::other)?.as_slice());
        bytes.extend([0; 16]);
        let bytes = bytes.try_into().map_err(|_| failed(SealError::Damaged))?;
        let mut header = Self::decode(bytes).map_err(failed)?;
        let (key, check) = header.derive(secret).map_err(failed)?;
        if let Some(end) = header.bytes.last_chunk_mut() {
            *end = check;
        }
        Ok((header, key))
    }

    fn decode(bytes: [u8; HEADER_LEN]) -> Result<Self, SealError> {
        match bytes.first_chunk() {
            Some(MAGIC) => {}
            Some([b'P', b'C', b'X', _]) => return Err(SealError::Version),
            Some(_) | None => return Err(SealError::NotSealed),
        }
        let [_, _, _, _, lock, m0, m1, m2, m3, t0, t1, t2, t3, l0, l1, l2, l3, ..] = bytes;
        let lock = Lock::from_code(lock).ok_or(SealError::Damaged)?;
        let memory = u32::from_be_bytes([m0, m1, m2, m3]);
        let passes = u32::from_be_bytes([t0, t1, t2, t3]);
        let lanes = u32::from_be_bytes([l0, l1, l2, l3]);
        if memory > MAX_MEMORY_KIB || passes > MAX_PASSES || lanes > MAX_LANES {
            return Err(SealError::Damaged);
        }
        let params =
            Params::new(memory, passes, lanes, Some(48)).map_err(|_| SealError::Damaged)?;
        let check = *bytes.last_chunk().ok_or(SealError::Damaged)?;
        Ok(Self { bytes, lock, params, check })
    }

    fn derive(&self, secret: &Secret) -> Result<(Zeroizing<[u8; 32]>, [u8; 16]), SealError> {
        let mut out = Zeroizing::new([0; 48]);
        let salt = self.bytes.get(17..33).ok_or(SealError::Damaged)?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
            .hash_password_into(&secret.bytes, salt, out.as_mut_slice())
            .map_err(|_| SealError::Damaged)?;
        let mut key = Zeroizing::new([0; 32]);
        let (front, check) = out.split_first_chunk::<32>().ok_or(SealError::Damaged)?;
        key.copy_from_slice(front);
        Ok((key, *check.first_chunk().ok_or(SealError::Damaged)?))
    }

    fn nonce(&self) -> [u8; 19] {
        self.bytes.get(33..52).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
    }
}

/// Encrypts what is written to it. [`finish`](Sealer::finish) writes the end; without it the file
/// counts as damaged.
pub(crate) struct Sealer<W> {
    inner: W,
    header: [u8; HEADER_LEN],
    cipher: EncryptorBE32<XChaCha20Poly1305>,
    part: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealer<W> {
    pub(crate) fn new(mut inner: W, secret: &Secret) -> io::Result<Self> {
        let (header, key) = Header::new(secret)?;
        let cipher = XChaCha20Poly1305::new(&(*key).into());
        let cipher = EncryptorBE32::from_aead(cipher, &header.nonce().into());
        inner.write_all(&header.bytes)?;
        let part = Zeroizing::new(Vec::with_capacity(PART_LEN));
        Ok(Self { inner, header: header.bytes, cipher, part })
    }

    /// Writes the last part.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let payload = Payload { msg: &self.part, aad: &self.header };
        let part = self.cipher.encrypt_last(payload).map_err(|_| too_long())?;
        self.inner.write_all(&part)?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() == PART_LEN {
            let payload = Payload { msg: &self.part, aad: &self.header };
            let part = self.cipher.encrypt_next(payload).map_err(|_| too_long())?;
            self.inner.write_all(&part)?;
            self.part.clear();
        }
        let (taken, _) = bytes.split_at(bytes.len().min(PART_LEN - self.part.len()));
        self.part.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn too_long() -> io::Error {
    io::Error::other("more than 2^32 parts")
}

/// Reads an encrypted file. Altered, truncated or extended files cause an error of the kind
/// [`io::ErrorKind::InvalidData`], at the end at the latest.
pub(crate) struct Opener<R> {
    inner: R,
    header: [u8; HEADER_LEN],
    cipher: Option<DecryptorBE32<XChaCha20Poly1305>>,
    part: Zeroizing<Vec<u8>>,
    read: usize,
    /// The next part, read ahead: a part is the last if nothing follows it.
    ahead: Vec<u8>,
}

/// An encrypted file with its header read, not yet opened.
pub(crate) struct Sealed<R> {
    inner: R,
    header: Header,
}

impl<R: Read> Sealed<R> {
    pub(crate) fn look(mut inner: R) -> Result<Self, SealError> {
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        let read = inner.by_ref().take(HEADER_LEN as u64).read_to_end(&mut bytes);
        let short = if is_sealed(&bytes) { SealError::Damaged } else { SealError::NotSealed };
        read.map_err(|_| short)?;
        let bytes = bytes.try_into().map_err(|_| short)?;
        Ok(Self { inner, header: Header::decode(bytes)? })
    }

    pub(crate) const fn lock(&self) -> Lock {
        self.header.lock
    }

    pub(crate) fn open(mut self, secret: &Secret) -> Result<Opener<R>, SealError> {
        let (key, check) = self.header.derive(secret)?;
        if secret.lock != self.header.lock || check != self.header.check {
            return Err(SealError::Wrong(self.header.lock));
        }
        let cipher = XChaCha20Poly1305::new(&(*key).into());
        let cipher = DecryptorBE32::from_aead(cipher, &self.header.nonce().into());
        let ahead = read_part(&mut self.inner).map_err(|_| SealError::Damaged)?;
        let header = self.header.bytes;
        let part = Zeroizing::new(Vec::new());
        Ok(Opener { inner: self.inner, header, cipher: Some(cipher), part, read: 0, ahead })
    }
}

fn read_part(inner: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut part = Vec::with_capacity(PART_LEN + TAG_LEN);
    inner.take((PART_LEN + TAG_LEN) as u64).read_to_end(&mut part)?;
    Ok(part)
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.read == self.part.len() {
            let Some(mut cipher) = self.cipher.take() else { return Ok(0) };
            let sealed = std::mem::take(&mut self.ahead);
            self.ahead = read_part(&mut self.inner)?;
            let payload = Payload { msg: &sealed, aad: &self.header };
            let part = if self.ahead.is_empty() {
                cipher.decrypt_last(payload)
            } else {
                let part = cipher.decrypt_next(payload);
                self.cipher = Some(cipher);
                part
            };
            let damaged = |_| io::Error::new(io::ErrorKind::InvalidData, SealError::Damaged);
            self.part = Zeroizing::new(part.map_err(damaged)?);
            self.read = 0;
        }
        let rest = self.part.get(self.read..).unwrap_or_default();
        let length = rest.len().min(out.len());
        let (front, _) = out.split_at_mut(length);
        front.copy_from_slice(rest.get(..length).unwrap_or_default());
        self.read += length;
        Ok(length)
    }
}

/// Encrypts `bytes`.
pub(crate) fn seal(bytes: &[u8], secret: &Secret) -> io::Result<Vec<u8>> {
    let mut sealer = Sealer::new(Vec::new(), secret)?;
    sealer.write_all(bytes)?;
    sealer.finish()
}

/// Decrypts a file.
pub(crate) fn open(file: &[u8], secret: &Secret) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let mut opener = Sealed::look(file)?.open(secret)?;
    // Allocate enough at once: a growing buffer would leave copies of secrets in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.len()));
    opener.read_to_end(&mut bytes).map_err(|_| SealError::Damaged)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret(bytes: &[u8]) -> Secret {
        Secret { lock: Lock::KeyFile, bytes: Zeroizing::new(bytes.to_vec()) }
    }

    proptest! {
        // Each case encrypts 64 kB several times, unoptimised.
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_is_sealed_opens_and_one_flipped_bit_is_seen(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            parts in 0_usize..2,
            at in any::<proptest::sample::Index>(),
            bit in 0..8,
        ) {
            let whole = [vec![7; parts * PART_LEN], bytes].concat();
            let mut file = seal(&whole, &secret(b"key")).unwrap();
            prop_assert_eq!(&*open(&file, &secret(b"key")).unwrap(), &whole);
            prop_assert!(open(&file[..file.len() - 1], &secret(b"key")).is_err());
            let longer = [&file[..], b"x"].concat();
            prop_assert_eq!(open(&longer, &secret(b"key")).unwrap_err(), SealError::Damaged);
            let at = at.index(file.len());
            // Argon2's costs are limited, but at the limit it may take minutes.
            prop_assume!(!(5..17).contains(&at));
            file[at] ^= 1_u8 << bit;
            prop_assert!(open(&file, &secret(b"key")).is_err());
        }
    }

    #[test]
    fn a_wrong_secret_is_told_from_damage() {
        let passphrase = |text: &str| Secret {
            lock: Lock::Passphrase,
            bytes: Zeroizing::new(text.as_bytes().to_vec()),
        };
        let file = seal(b"hello", &passphrase("correct horse battery")).unwrap();
        let wrong = open(&file, &passphrase("correct horse batterz")).unwrap_err();
        assert_eq!(wrong, SealError::Wrong(Lock::Passphrase));
        assert_eq!(open(&file[..60], &secret(b"")).unwrap_err(), SealError::Damaged);
        assert_eq!(open(b"{\"version\": 1}", &secret(b"")).unwrap_err(), SealError::NotSealed);
        let newer = [b"PCX\x02", &file[4..]].concat();
        assert_eq!(open(&newer, &secret(b"")).unwrap_err(), SealError::Version);
        let mut greedy = file.clone();
        greedy[5] = 0xFF;
        assert_eq!(open(&greedy, &secret(b"")).unwrap_err(), SealError::Damaged);
    }

    #[test]
    fn a_cut_between_parts_is_seen() {
        let file = seal(&vec![1; 3 * PART_LEN], &secret(b"key")).unwrap();
        let cut = HEADER_LEN + 2 * (PART_LEN + TAG_LEN);
        assert_eq!(open(&file[..cut], &secret(b"key")).unwrap_err(), SealError::Damaged);
    }
}
