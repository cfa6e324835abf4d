//! Why a key was refused or a call failed, as a row of the table in `js/generated/reasons.js`.
//!
//! The module contains no sentences and no codes, only their numbers. `examples/generate.rs` writes
//! the table with the texts of [`Refusal`] and [`Fault`].

use portcullis_core::WireError;
use portcullis_core::assignment::NoAssignment;
use portcullis_core::crypto::PublicKeyError;
use portcullis_core::keyring::KeyringError;
use portcullis_core::list::ListError;
use portcullis_core::policy::{Denial, NoPolicy};
use portcullis_core::token::MalformedToken;
use portcullis_core::verify::Refusal;

use crate::facts::Denied;
use crate::fault::Fault;

/// A row and the values for its sentence: `{0}` and `{1}` are the numbers, `{2}` and `{3}` the
/// texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The row's index, never 0.
    pub row: u32,
    /// The values of `{0}` and `{1}`.
    pub numbers: [u64; 2],
    /// The values of `{2}` and `{3}`.
    pub texts: [&'static str; 2],
}

impl Reason {
    const fn plain(row: u32) -> Self {
        Self { row, numbers: [0; 2], texts: [""; 2] }
    }

    fn numbered(row: u32, first: impl Into<u64>, second: impl Into<u64>) -> Self {
        Self { numbers: [first.into(), second.into()], ..Self::plain(row) }
    }

    fn kid(row: u32, kid: u16) -> Self {
        Self::numbered(row, kid, 0_u16)
    }

    const fn worded(row: u32, first: &'static str, second: &'static str) -> Self {
        Self { texts: [first, second], ..Self::plain(row) }
    }

    /// Why a key is refused.
    #[must_use]
    pub fn of_refusal(refusal: &Refusal) -> Self {
        match *refusal {
            Refusal::Malformed(malformed) => Self::plain(match malformed {
                MalformedToken::Empty => 1,
                MalformedToken::TooLong => 2,
                MalformedToken::Character => 3,
                MalformedToken::Prefix => 4,
                MalformedToken::Length => 5,
                MalformedToken::Overflow => 6,
                MalformedToken::Checksum => 7,
                MalformedToken::Version => 8,
                MalformedToken::Fields => 9,
            }),
            Refusal::ForeignLabel => Self::plain(10),
            Refusal::UnknownKid(kid) => Self::kid(11, kid),
            Refusal::SignerNotAllowed(kid) => Self::kid(12, kid),
            Refusal::SecretNotHeld(kid) => Self::kid(13, kid),
            Refusal::BadSignature => Self::plain(14),
            Refusal::ForeignList => Self::plain(15),
            Refusal::NotCovered => Self::plain(16),
            Refusal::Revoked => Self::plain(17),
            Refusal::Suspended => Self::plain(18),
            Refusal::Assignment(reason) => Self::plain(match reason {
                NoAssignment::Missing => 70,
                NoAssignment::Unavailable(_) => 71,
                NoAssignment::TooNew(_) => 72,
                NoAssignment::NotAllowed => 73,
            }),
            Refusal::Expired => Self::plain(19),
            Refusal::WrongKind { needed, given } => Self::worded(20, needed.name(), given.name()),
            Refusal::WrongEnvironment { needed, given } => {
                Self::worded(21, needed.name(), given.name())
            }
            Refusal::List(ListError::Missing) => Self::plain(22),
            Refusal::List(ListError::PastNextUpdate) => Self::plain(23),
            Refusal::List(ListError::KeyringExpired) => Self::plain(24),
            Refusal::List(ListError::FromTheFuture) => Self::plain(25),
            // A held list was verified on adoption. Later it can become invalid by time alone, as
            // above, or by a newer keyring; the sentence is then about the keyring.
            Refusal::List(error) => Self::of_list(error),
        }
    }

    /// Why an accepted key doesn't allow the request.
    #[must_use]
    pub const fn of_denied(denied: Denied) -> Self {
        Self::plain(match denied {
            Denied::NoPolicy(NoPolicy::Missing) => 60,
            Denied::NoPolicy(NoPolicy::Unavailable(_)) => 61,
            Denied::NoPolicy(NoPolicy::TooNew(_)) => 68,
            Denied::Denial(Denial::Address) => 62,
            Denied::Denial(Denial::Origin) => 63,
            Denied::Denial(Denial::Method) => 64,
            Denied::Denial(Denial::Path) => 65,
            Denied::Denial(Denial::Scope) => 66,
            Denied::Denial(Denial::SalesChannel) => 67,
        })
    }

    /// Why a call failed.
    #[must_use]
    pub fn of_fault(fault: &Fault) -> Self {
        match *fault {
            Fault::Root(PublicKeyError::Text) => Self::plain(26),
            Fault::Root(PublicKeyError::NotCanonical) => Self::plain(27),
            Fault::Root(PublicKeyError::SmallOrder) => Self::plain(28),
            Fault::NoKeyring => Self::plain(29),
            Fault::SecretLength => Self::plain(30),
            Fault::Keyring(error) => Self::of_keyring(error),
            Fault::List(error) => Self::of_list(error),
        }
    }

    fn of_keyring(error: KeyringError) -> Self {
        match error {
            KeyringError::Wire(error) => Self::of_wire(31, "keyring", error),
            KeyringError::NotSignedByRoot => Self::plain(36),
            KeyringError::ForeignIssuer => Self::plain(37),
            KeyringError::Older { held, offered } => Self::numbered(38, offered, held),
            KeyringError::Equivocation => Self::plain(39),
            KeyringError::NoSuchSecret(kid) => Self::kid(40, kid),
            KeyringError::WrongSecret(kid) => Self::kid(41, kid),
        }
    }

    fn of_list(error: ListError) -> Self {
        match error {
            ListError::Wire { part, error: WireError::TooNew(field) } => {
                Self::worded(69, part.name(), field.name())
            }
            ListError::Wire { part, error } => Self::of_wire(42, part.name(), error),
            ListError::ForeignIssuer => Self::plain(47),
            ListError::NotAListKey(kid) => Self::kid(48, kid),
            ListError::BadSignature => Self::plain(49),
            ListError::WrongEpoch { held, offered } => Self::numbered(50, offered, held),
            ListError::KeyringBehind { held, needed } => Self::numbered(51, needed, held),
            ListError::KeyringExpired => Self::plain(52),
            ListError::Rollback { held, offered } => Self::numbered(53, offered, held),
            ListError::Equivocation(number) => Self::numbered(54, number, 0_u16),
            ListError::FromTheFuture => Self::plain(55),
            ListError::TooLongValid => Self::plain(56),
            ListError::PastNextUpdate => Self::plain(57),
            ListError::WrongDigest(part) => Self::worded(58, part.name(), ""),
            ListError::Missing => Self::plain(59),
        }
    }

    fn of_wire(row: u32, part: &'static str, error: WireError) -> Self {
        let (after, number, word) = match error {
            WireError::Truncated => (0, 0, ""),
            WireError::TrailingBytes => (1, 0, ""),
            WireError::WrongFile { expected } => (2, 0, expected.name()),
            WireError::UnknownVersion(version) => (3, version, ""),
            // Of what is read here, only lists announce anything: see `of_list`.
            WireError::NotCanonical(field) | WireError::TooNew(field) => (4, 0, field.name()),
        };
        Self { numbers: [number.into(), 0], ..Self::worded(row + after, part, word) }
    }
}
