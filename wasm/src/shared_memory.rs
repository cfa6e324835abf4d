//! The memory that JavaScript and the module share: a key's text in, results out.

use core::num::NonZeroU32;

use portcullis_core::assignment::MissedAssignment;
use portcullis_core::crypto::IssuerId;
use portcullis_core::keyring::Keyring;
use portcullis_core::list::ListVersion;
use portcullis_core::time::Time;
use portcullis_core::token::{Algorithm, Name};
use portcullis_core::verify::Accepted;

use crate::reason::Reason;

/// A struct of values of one type, one after the other. `FIELDS` are their names in order, so that
/// a name's index in it is the value's index in JavaScript's view of the struct.
macro_rules! view {
    ($(#[$about:meta])* $name:ident of $type:ty { $($(#[$of:meta])* $field:ident,)* }) => {
        $(#[$about])*
        #[repr(C)]
        #[derive(Clone, Debug, Default)]
        pub struct $name { $($(#[$of])* pub $field: $type,)* }

        impl $name {
            /// The names of the fields, in their order in memory.
            pub const FIELDS: &[&str] = &[$(stringify!($field)),*];
        }
    };
}

view! {
    /// Instants, serials and other numbers of more than 32 bits. 0 means none.
    Numbers of f64 {
        /// The key's serial.
        serial,
        /// When the key was issued.
        issued_at,
        /// When the key expires.
        expires_at,
        /// The reason's first number.
        reason_first,
        /// The reason's second number.
        reason_second,
        /// The instant from which the held keyring is no longer valid.
        not_after,
        /// The list's number.
        list_number,
        /// The list's age in milliseconds.
        list_age,
        /// When the list was signed.
        this_update,
        /// The instant from which the list is no longer valid.
        next_update,
    }
}

view! {
    /// Codes, kids and other small numbers. 0 means none.
    Words of u32 {
        /// The key's kind.
        kind,
        /// The key's environment.
        environment,
        /// The key's algorithm: 1 for HMAC, 2 for Ed25519.
        algorithm,
        /// The key's kid.
        kid,
        /// The key's owner.
        owner,
        /// The number of the key's policy.
        policy,
        /// The version of the held keyring.
        keyring_version,
        /// Whether an adopted file was new.
        is_new,
        /// The address of the reason's first text.
        reason_text,
        /// Its length.
        reason_text_len,
        /// The address of the reason's second text.
        reason_other_text,
        /// Its length.
        reason_other_text_len,
        /// The address of the reply, which isn't moved until the next call.
        reply,
        /// Its length.
        reply_len,
        /// The [`Freshness`] of the held list; 0 if no list is held.
        freshness,
        /// The list's epoch.
        epoch,
    }
}

/// JavaScript reads it by the offsets and indexes in `js/generated/abi.js`.
#[repr(C)]
#[derive(Debug)]
pub struct SharedMemory {
    /// Numbers of more than 32 bits.
    pub numbers: Numbers,
    /// Smaller numbers.
    pub words: Words,
    /// A key to verify, or a text for JavaScript. Longer than any key; a longer text isn't a key.
    pub text: [u8; 256],
}

impl Default for SharedMemory {
    fn default() -> Self {
        Self { numbers: Numbers::default(), words: Words::default(), text: [0; 256] }
    }
}

/// The state of the held list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Not older than the caller's bound.
    Fresh = 1,
    /// Older than that, and not past its next update.
    Stale = 2,
    /// Not valid now.
    Unknown = 3,
}

impl Freshness {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fresh, Self::Stale, Self::Unknown];

    /// Its name in JavaScript.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
        }
    }
}

/// The held list.
#[derive(Clone, Copy, Debug)]
pub struct ListFacts {
    /// Its state at the instant of the call.
    pub freshness: Freshness,
    /// Only a keyring raises it.
    pub epoch: u32,
    /// Grows with every list of an epoch.
    pub number: f64,
    /// Milliseconds since `this_update`.
    pub age_ms: f64,
    /// Every revocation committed before this instant is in the list.
    pub this_update: f64,
    /// From this instant on, every key is refused until a newer list is adopted.
    pub next_update: f64,
}

impl ListFacts {
    /// `current`: whether the list is valid at `now`.
    pub fn of(list_version: ListVersion, now: Time, fresh_for: u64, current: bool) -> Self {
        let age = list_version.age_millis(now);
        let freshness = match current {
            true if age <= fresh_for => Freshness::Fresh,
            true => Freshness::Stale,
            false => Freshness::Unknown,
        };
        Self {
            freshness,
            epoch: list_version.epoch,
            number: number(list_version.number),
            age_ms: number(age),
            this_update: number(list_version.this_update.millis()),
            next_update: number(list_version.next_update.millis()),
        }
    }
}

impl SharedMemory {
    /// Writes an accepted key.
    pub fn put_key(&mut self, accepted: &Accepted) {
        let claims = accepted.claims();
        let millis = |seconds| number(Time::from_secs(seconds).millis());
        self.words.kind = claims.kind.code().into();
        self.words.environment = claims.environment.code().into();
        self.words.algorithm = algorithm_code(accepted.algorithm());
        self.words.kid = claims.kid.into();
        self.words.owner = claims.owner.map_or(0, NonZeroU32::get);
        self.words.policy = claims.policy.map_or(0, NonZeroU32::get);
        self.numbers.serial = number(claims.serial.get());
        self.numbers.issued_at = millis(claims.lifetime.issued_at);
        self.numbers.expires_at = claims.lifetime.expires_at.map_or(0.0, millis);
    }

    /// Writes the values of a reason, and returns its row.
    pub fn put_reason(&mut self, reason: Reason) -> u32 {
        let ([first, second], [text, other]) = (reason.numbers, reason.texts);
        self.numbers.reason_first = number(first);
        self.numbers.reason_second = number(second);
        (self.words.reason_text, self.words.reason_text_len) = address_of(text.as_bytes());
        (self.words.reason_other_text, self.words.reason_other_text_len) =
            address_of(other.as_bytes());
        reason.row
    }

    /// Writes where the reply is, which isn't moved until the next call.
    pub fn put_reply(&mut self, reply: &[u8]) -> u32 {
        (self.words.reply, self.words.reply_len) = address_of(reply);
        0
    }

    /// Writes the arguments of [`wants_policy`](crate::Engine::wants_policy): kind and policy.
    pub fn put_policy(&mut self, accepted: &Accepted) {
        let claims = accepted.claims();
        self.words.kind = claims.kind.code().into();
        self.words.policy = claims.policy.map_or(0, NonZeroU32::get);
    }

    /// Writes the arguments of [`wants_assignment`](crate::Engine::wants_assignment): kind and serial.
    pub fn put_assignment(&mut self, missed: MissedAssignment) {
        self.words.kind = missed.kind.code().into();
        self.numbers.serial = number(missed.serial.get());
    }

    /// Writes the version and the end of the held keyring.
    pub fn put_keyring(&mut self, keyring: &Keyring) {
        self.words.keyring_version = keyring.version();
        self.numbers.not_after = number(keyring.not_after().millis());
    }

    /// Writes whether a file was new.
    pub fn put_news(&mut self, is_new: bool) -> u32 {
        self.words.is_new = is_new.into();
        0
    }

    /// Writes the held list.
    pub fn put_list(&mut self, list: Option<ListFacts>) {
        let Some(list) = list else {
            self.words.freshness = 0;
            return;
        };
        self.words.freshness = list.freshness as u32;
        self.words.epoch = list.epoch;
        self.numbers.list_number = list.number;
        self.numbers.list_age = list.age_ms;
        self.numbers.this_update = list.this_update;
        self.numbers.next_update = list.next_update;
    }

    /// Writes an issuer's name into `text`; returns its length.
    pub fn put_issuer(&mut self, issuer: IssuerId) -> usize {
        self.put_name(issuer.to_text())
    }

    /// Writes a key's public name into `text`; returns its length.
    pub fn put_key_name(&mut self, name: Name) -> usize {
        self.put_name(name.to_text())
    }

    fn put_name(&mut self, name: [u8; Name::TEXT_LEN]) -> usize {
        let Some(front) = self.text.first_chunk_mut() else { return 0 };
        *front = name;
        name.len()
    }
}

/// The code of an algorithm in [`Words`].
#[must_use]
pub const fn algorithm_code(algorithm: Algorithm) -> u32 {
    match algorithm {
        Algorithm::HmacSha256 => 1,
        Algorithm::Ed25519 => 2,
    }
}

/// Address and length of `bytes` in the module's 32-bit memory.
fn address_of(bytes: &[u8]) -> (u32, u32) {
    let word = |number| u32::try_from(number).unwrap_or(0);
    (word(bytes.as_ptr().expose_provenance()), word(bytes.len()))
}

/// Exact up to 2^53, far above serials and genuine instants and list numbers; beyond that the
/// nearest number in JavaScript.
#[expect(clippy::cast_precision_loss, reason = "see above: these are shown, never compared")]
const fn number(value: u64) -> f64 {
    value as f64
}
