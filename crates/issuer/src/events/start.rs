//! The start of the trail, once its oldest events have been removed: a signed file.
//!
//! ```text
//!  4  magic `PCT` 1         8  how many were removed in all
//! 16  issuer id             8  when the last of them were, ms
//!  2  kid                  32  the newest head that one of them names; zeros for none
//!  8  last removed place   64  Ed25519 signature of `portc1/trai` and all bytes before
//! 32  its digest
//!  8  its time, ms
//! ```
//! The list signer signs it. Its key is in the keystore, so an attacker who can only write to the
//! database can't cut off the trail's beginning and forge a start.
//! cut off the trail's beginning and forge a start behind the cut.

use portcullis_core::crypto::{Digest, IssuerId};
use portcullis_core::issue::ListSigner;
use portcullis_core::keyring::{Keyring, Material, Purpose};
use portcullis_core::time::Time;
use serde::Serialize;

use super::anchor::Anchor;
use crate::context::Context;
use crate::error::Error;
use crate::store::{Connection, lists, retention};
use crate::time_format::Instant;

const MAGIC: [u8; 4] = *b"PCT\x01";
const LEN: usize = 118;

/// The last removed event, which the oldest kept event builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The trail's issuer.
    pub issuer: IssuerId,
    /// The kid of the signer.
    pub kid: u16,
    /// The last removed event.
    pub last: Anchor,
    /// When that event was committed.
    pub last_at: Time,
    /// The total number of events removed.
    pub removed: u64,
    /// When the last removal happened.
    pub at: Time,
    /// The head of the newest list that a removed event names.
    pub head: Option<Digest>,
}

/// What was removed from the trail, as HTTP and `--json` show it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RemovedView {
    /// The last event that was removed: all before it were too.
    pub through: i64,
    /// Its digest, on which the oldest event that is kept is built.
    pub digest: String,
    /// When that event was committed.
    pub last_at: Instant,
    /// How many were removed in all.
    pub count: u64,
    /// When the last of them were removed.
    pub at: Instant,
}

impl From<&Start> for RemovedView {
    fn from(start: &Start) -> Self {
        Self {
            through: start.last.id,
            digest: start.last.digest.to_string(),
            last_at: Instant(start.last_at),
            count: start.removed,
            at: Instant(start.at),
        }
    }
}

impl Start {
    /// The file, signed by `signer`.
    #[must_use]
    pub fn sign(&self, signer: &ListSigner) -> Vec<u8> {
        let mut file = self.encode();
        let signature = signer.key.sign_trail(&file);
        file.extend(signature);
        file
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LEN + 64);
        bytes.extend(MAGIC);
        bytes.extend(self.issuer.0);
        bytes.extend(self.kid.to_be_bytes());
        bytes.extend(self.last.id.to_be_bytes());
        bytes.extend(self.last.digest.0);
        bytes.extend(self.last_at.millis().to_be_bytes());
        bytes.extend(self.removed.to_be_bytes());
        bytes.extend(self.at.millis().to_be_bytes());
        bytes.extend(self.head.unwrap_or(Digest([0; 32])).0);
        bytes
    }

    /// Decodes a file without verifying its signature; `None` if it is malformed.
    #[must_use]
    pub fn read(file: &[u8]) -> Option<Self> {
        let (signed, signature) = file.split_at_checked(LEN)?;
        if signature.len() != 64 {
            return None;
        }
        let mut rest = signed.strip_prefix(MAGIC.as_slice())?;
        let issuer = IssuerId(take(&mut rest)?);
        let kid = u16::from_be_bytes(take(&mut rest)?);
        let id = i64::from_be_bytes(take(&mut rest)?);
        let last = Anchor { id, digest: Digest(take(&mut rest)?) };
        let last_at = Time::from_millis(u64::from_be_bytes(take(&mut rest)?));
        let removed = u64::from_be_bytes(take(&mut rest)?);
        let at = Time::from_millis(u64::from_be_bytes(take(&mut rest)?));
        let head = Digest(take(&mut rest)?);
        let head = Some(head).filter(|head| *head != Digest([0; 32]));
        (id > 0).then_some(Self { issuer, kid, last, last_at, removed, at, head })
    }

    /// Whether a list signer in one of `keyrings` signed the file. Retired signers count too,
    /// because the file isn't signed again.
    #[must_use]
    pub fn is_signed(&self, file: &[u8], keyrings: &[Keyring]) -> bool {
        let Some((signed, signature)) = file.split_last_chunk::<64>() else { return false };
        keyrings.iter().filter(|keyring| keyring.issuer() == self.issuer).any(|keyring| {
            let entry = keyring.entry(self.kid).filter(|entry| entry.purpose == Purpose::List);
            match entry.map(|entry| &entry.material) {
                Some(Material::Ed25519(key)) => key.verify_trail(signed, signature),
                Some(Material::Hmac { .. }) | None => false,
            }
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

/// The start in the database. [`verify_trail`](super::verify_trail) verifies its signature.
pub(crate) async fn trail_start(context: &Context) -> Result<Option<Start>, Error> {
    start_in(&mut *context.store().read().await?).await
}

/// The start in the database, and whether a list signer of this issuer signed it. The inner
/// `None` means that it is malformed.
pub(super) async fn signed_start(
    context: &Context,
    connection: &mut Connection,
) -> Result<Option<(Option<Start>, bool)>, Error> {
    let Some(file) = retention::start(&mut *connection).await? else { return Ok(None) };
    let Some(start) = Start::read(&file) else { return Ok(Some((None, false))) };
    let documents = lists::keyrings(connection).await?;
    let keyrings = documents.iter().rev();
    let keyrings: Vec<Keyring> =
        keyrings.filter_map(|(document, _)| Keyring::open(document, context.root()).ok()).collect();
    let is_ours = start.issuer == context.keystore().issuer();
    Ok(Some((Some(start), is_ours && start.is_signed(&file, &keyrings))))
}

/// The start in the database, unverified.
pub(crate) async fn start_in(connection: &mut Connection) -> Result<Option<Start>, Error> {
    Ok(retention::start(connection).await?.and_then(|file| Start::read(&file)))
}

/// Refuses a position if events after it were removed, since a reader that continues there would
/// miss them. Position 0 requests all events kept.
pub(crate) async fn check_kept(connection: &mut Connection, after: i64) -> Result<(), Error> {
    let through = start_in(connection).await?.map_or(0, |start| start.last.id);
    if after > 0 && after < through {
        return Err(Error::EventsRemoved { after, through });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_core::issue::SigningKey;

    #[test]
    fn a_start_reads_back_and_no_other_bytes_do() {
        let start = Start {
            issuer: IssuerId([7; 16]),
            kid: 3,
            last: Anchor { id: 60, digest: Digest([5; 32]) },
            last_at: Time::from_millis(11),
            removed: 59,
            at: Time::from_millis(12),
            head: None,
        };
        let key = SigningKey::from_seed(&[1; 32]);
        let signer = ListSigner { issuer: start.issuer, kid: 3, key };
        let file = start.sign(&signer);
        assert_eq!(Start::read(&file), Some(start));
        let with_head = Start { head: Some(Digest([8; 32])), ..start };
        assert_eq!(Start::read(&with_head.sign(&signer)), Some(with_head));
        for length in 0..file.len() {
            assert_eq!(Start::read(&file[..length]), None, "{length}");
        }
        assert_eq!(Start::read(&[file.as_slice(), &[0]].concat()), None);
        let mut other = file.clone();
        other[3] = 2;
        assert_eq!(Start::read(&other), None, "another version");
        assert!(!start.is_signed(&file, &[]), "no keyring lists the key");
    }
}
