//! Assertions: a gate's signed statement about a key to its origin, so that the origin need not
//! trust the network in between.
//!
//! ```text
//!  4  magic `PCA` 1          4  issued at, s           16  public name of the key
//! 16  issuer id              4  expires at, s           4  owner, 0 for none
//!  2  kid                    1  kind: 1 or 2            4  policy, 0 for none
//!  8  list number            1  environment: 1 or 2     1  freshness: 1 fresh, 2 stale
//! then three texts, each after its length in 2 bytes: audience, scopes, sales channels
//! 64  signature, over its context and all bytes before
//! ```
//!
//! A header carries it in unpadded base64url. Specified in `docs/assertion.md`.
//!
//! ```
//! use portcullis_core::{PublicKey, Time};
//! use portcullis_core::assertion::{self, AssertionError};
//! use portcullis_core::keyring::Keyring;
//!
//! # let document: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/files/assertion.keyring"));
//! let root = PublicKey::from_text("Ed9_Cgn9aUMnM8oyYyIf2YRyr50V8TzLtzhO1S2nPGg")?;
//! let keyring = Keyring::open(document, &root)?;
//! # let header = "UENBAQEBAQEBAQEBAQEBAQEBAQEACQAAAAAAAAAqaVW5AGlVuTwCAfVT5yuQlSJ46Vd_vb-8rtEAAABNAAAACQEAE29yaWdpbi5leGFtcGxlOjg0NDMAE29yZGVyczoqIGNhcnRzOnJlYWQACXNjXzEsc2NfMj-b0-AnEnylWbJuSzv3f_i2P1zDyDdQsCfmdml1iQr3Zrxw1aC5ClMfZSvTbHxpYUwT5ctUXVJyuFaj6p2Kkwo";
//!
//! // The origin reads the header of a request, as of now, for its own host.
//! let now = Time::from_millis(1767225605000);
//! let verified = assertion::verify(header, &keyring, "origin.example:8443", now)?;
//! let assertion = verified.read()?;
//! assert_eq!(assertion.name.to_string(), "apk_L3sB1aaMz2uK24WBLB1hcf");
//! assert_eq!(assertion.scopes, "orders:* carts:read");
//!
//! let elsewhere = assertion::verify(header, &keyring, "another.example", now);
//! assert_eq!(elsewhere.err(), Some(AssertionError::WrongAudience));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::crypto::{Context, IssuerId};
use crate::field::Field;
use crate::keyring::{Keyring, Material, Purpose};
use crate::list::MAX_SKEW_MILLIS;
use crate::time::Time;
use crate::token::{Environment, Kind, Name};
use crate::wire::{FileKind, Put as _, Reader, WireError, split_signature};

const LETTER: u8 = b'A';

/// The longest lifetime of an assertion, in seconds.
pub const MAX_LIFETIME_SECS: u32 = 300;

/// The maximal length of an assertion, in characters: less than three texts of 64 kB.
pub const MAX_LEN: usize = 32 << 10;

/// The contents of an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assertion<'a> {
    /// The issuer of the key.
    pub issuer: IssuerId,
    /// The number of the list that the key was verified against.
    pub list: u64,
    /// When the gate signed this, in seconds since 1970.
    pub issued_at: u32,
    /// The first second in which it is no longer valid.
    pub expires_at: u32,
    /// The key's kind.
    pub kind: Kind,
    /// The key's environment.
    pub environment: Environment,
    /// The key's public name.
    pub name: Name,
    /// The owner's number, if any; 0 on the wire for none.
    pub owner: Option<NonZeroU32>,
    /// The policy's number, if any; 0 on the wire for none.
    pub policy: Option<NonZeroU32>,
    /// Whether the list was fresh.
    pub fresh: bool,
    /// The recipient: host, and port if there is one, of the origin's URL.
    pub audience: &'a str,
    /// The scopes that the policy grants, separated by blanks.
    pub scopes: &'a str,
    /// The policy's sales channels, separated by commas.
    pub sales_channels: &'a str,
}

/// Why an assertion is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// The text isn't base64url, or is longer than any assertion.
    #[error("this is no assertion; take the value of the header as it is")]
    Text,
    /// The bytes are not an assertion.
    #[error("the assertion can't be read: {0}")]
    Wire(#[from] WireError),
    /// It belongs to another issuer than the keyring.
    #[error("the assertion is of another issuer than the keyring")]
    ForeignIssuer,
    /// The keyring doesn't list its kid for assertions at this time.
    #[error("kid {0} may not sign assertions now; fetch the keyring again")]
    SignerNotAllowed(u16),
    /// The signature is wrong.
    #[error("the signature of the assertion is wrong; it was altered or forged")]
    BadSignature,
    /// It is for another audience.
    #[error("the assertion is for another audience")]
    WrongAudience,
    /// It isn't valid yet, has expired, or has too long a lifetime.
    #[error("the assertion is out of its time; check the clock")]
    OutOfTime,
}

impl AssertionError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Text => "assertion_malformed",
            Self::Wire(_) => "assertion_unreadable",
            Self::ForeignIssuer => "assertion_foreign_issuer",
            Self::SignerNotAllowed(_) => "assertion_signer_not_allowed",
            Self::BadSignature => "assertion_bad_signature",
            Self::WrongAudience => "assertion_wrong_audience",
            Self::OutOfTime => "assertion_out_of_time",
        }
    }
}

/// An assertion without its signature, for the gate's signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedAssertion {
    message: Vec<u8>,
}

impl UnsignedAssertion {
    /// The message to sign: with Ed25519, under the key of the kid.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Appends the signature and returns the header's value.
    #[must_use]
    pub fn seal(mut self, signature: &[u8; 64]) -> String {
        self.message.extend_from_slice(signature);
        URL_SAFE_NO_PAD.encode(self.message.get(Context::LEN..).unwrap_or_default())
    }
}

/// An assertion with a verified signature and valid times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedAssertion {
    body: Vec<u8>,
}

impl VerifiedAssertion {
    /// The contents.
    ///
    /// # Errors
    /// None: the bytes were decoded before.
    pub fn read(&self) -> Result<Assertion<'_>, WireError> {
        decode(&self.body).map(|(_, assertion)| assertion)
    }
}

impl Assertion<'_> {
    /// Encodes it for the signer `kid`.
    ///
    /// # Errors
    /// [`WireError::NotCanonical`] if a text is longer than 2 bytes can express.
    pub fn unsigned(&self, kid: u16) -> Result<UnsignedAssertion, WireError> {
        let mut message = Vec::with_capacity(256);
        message
            .put(Context::ASSERTION.bytes())
            .put_magic(LETTER)
            .put(&self.issuer.0)
            .put_u16(kid)
            .put_u64(self.list)
            .put_u32(self.issued_at)
            .put_u32(self.expires_at)
            .put_u8(self.kind.code())
            .put_u8(self.environment.code())
            .put(self.name.bytes())
            .put_u32(self.owner.map_or(0, NonZeroU32::get))
            .put_u32(self.policy.map_or(0, NonZeroU32::get))
            .put_u8(if self.fresh { 1 } else { 2 });
        for text in [self.audience, self.scopes, self.sales_channels] {
            let len =
                u16::try_from(text.len()).map_err(|_| WireError::NotCanonical(Field::Texts))?;
            message.put_u16(len).put(text.as_bytes());
        }
        Ok(UnsignedAssertion { message })
    }
}

/// Verifies a header's value, as `audience` at `now`.
///
/// # Errors
/// See [`AssertionError`]: whatever can't be verified is refused.
pub fn verify(
    text: &str,
    keyring: &Keyring,
    audience: &str,
    now: Time,
) -> Result<VerifiedAssertion, AssertionError> {
    if text.len() > MAX_LEN {
        return Err(AssertionError::Text);
    }
    let file = URL_SAFE_NO_PAD.decode(text).map_err(|_| AssertionError::Text)?;
    // Decode, and find the signer.
    let (body, signature) = split_signature(&file)?;
    let (kid, assertion) = decode(body)?;
    if assertion.issuer != keyring.issuer() {
        return Err(AssertionError::ForeignIssuer);
    }
    let entry = keyring.entry(kid).filter(|entry| {
        entry.purpose == Purpose::Assertion && entry.counts_at(now) && now < keyring.not_after()
    });
    let Some(Material::Ed25519(key)) = entry.map(|entry| &entry.material) else {
        return Err(AssertionError::SignerNotAllowed(kid));
    };
    // Verify the signature before the audience and the times.
    if !key.verify(Context::ASSERTION, body, signature) {
        return Err(AssertionError::BadSignature);
    }
    if assertion.audience != audience {
        return Err(AssertionError::WrongAudience);
    }
    // Check the times. Only the issue time may be ahead of the clock, by the allowed skew.
    let Assertion { issued_at, expires_at, .. } = assertion;
    let is_short = expires_at > issued_at && expires_at - issued_at <= MAX_LIFETIME_SECS;
    let has_begun = Time::from_secs(issued_at) <= now.plus_millis(MAX_SKEW_MILLIS);
    if !is_short || !has_begun || now >= Time::from_secs(expires_at) {
        return Err(AssertionError::OutOfTime);
    }
    Ok(VerifiedAssertion { body: body.to_vec() })
}

fn decode(body: &[u8]) -> Result<(u16, Assertion<'_>), WireError> {
    let mut reader = Reader::open(body, LETTER, FileKind::Assertion)?;
    // Fields of fixed length.
    let issuer = IssuerId(reader.array()?);
    let kid = reader.u16()?;
    let list = reader.u64()?;
    let (issued_at, expires_at) = (reader.u32()?, reader.u32()?);
    let kind = Kind::from_code(reader.u8()?).ok_or(WireError::NotCanonical(Field::Kind))?;
    let environment = Environment::from_code(reader.u8()?);
    let environment = environment.ok_or(WireError::NotCanonical(Field::Environment))?;
    let name = Name::from_bytes(reader.array()?);
    let (owner, policy) = (NonZeroU32::new(reader.u32()?), NonZeroU32::new(reader.u32()?));
    let fresh = match reader.u8()? {
        1 => true,
        2 => false,
        _ => return Err(WireError::NotCanonical(Field::Freshness)),
    };
    // Three texts, each after its length.
    let mut text = || {
        let len = reader.u16()?;
        core::str::from_utf8(reader.bytes(len.into())?)
            .map_err(|_| WireError::NotCanonical(Field::Texts))
    };
    let (audience, scopes, sales_channels) = (text()?, text()?, text()?);
    reader.finish()?;
    let assertion = Assertion {
        issuer,
        list,
        issued_at,
        expires_at,
        kind,
        environment,
        name,
        owner,
        policy,
        fresh,
        audience,
        scopes,
        sales_channels,
    };
    Ok((kid, assertion))
}
