//! The memory that JavaScript and the module share: a key's text in, results out.

use core::num::NonZeroU32;

use portcullis_core::crypto::IssuerId;
use portcullis_core::keyring::Keyring;
use portcullis_core::list::ListVersion;
use portcullis_core::time::Time;
use portcullis_core::token::{Algorithm, Name};
use portcullis_core::verify::Accepted;

use crate::reason::Reason;

/// `js/wasm/engine.js` reads it by position; each `put_…` documents its positions.
///
/// The list has positions of its own. The positions before them belong to the key, reason or
/// keyring of the current call.
#[repr(C)]
#[derive(Debug)]
pub struct Board {
    /// Instants, serials and other numbers of more than 32 bits.
    pub numbers: [f64; 8],
    /// Codes, kids and other small numbers.
    pub words: [u32; 10],
    /// A key to verify, or a text for JavaScript. Longer than any key; a longer text isn't a key.
    pub text: [u8; 256],
}

impl Default for Board {
    fn default() -> Self {
        Self { numbers: [0.0; 8], words: [0; 10], text: [0; 256] }
    }
}

/// The state of the held list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not older than the caller's bound.
    Fresh = 1,
    /// Older than that, and not past its next update.
    Stale = 2,
    /// Not valid now.
    Unknown = 3,
}

/// The held list.
#[derive(Clone, Copy, Debug)]
pub struct ListFacts {
    standing: Standing,
    epoch: u32,
    number: f64,
    age_ms: f64,
    this_update: f64,
    next_update: f64,
}

impl ListFacts {
    /// `current`: whether the list is valid at `now`.
    pub fn of(list_version: ListVersion, now: Time, fresh_for: u64, current: bool) -> Self {
        let age = list_version.age_millis(now);
        let standing = match current {
            true if age <= fresh_for => Standing::Fresh,
            true => Standing::Stale,
            false => Standing::Unknown,
        };
        Self {
            standing,
            epoch: list_version.epoch,
            number: number(list_version.number),
            age_ms: number(age),
            this_update: number(list_version.this_update.millis()),
            next_update: number(list_version.next_update.millis()),
        }
    }
}

impl Board {
    /// `words`: 0 kind, 1 environment, 2 algorithm, 3 kid, 4 owner, 5 policy. `numbers`: 0 serial,
    /// 1 issued at, 2 expires at. 0 means none.
    pub fn put_key(&mut self, accepted: &Accepted) {
        let claims = accepted.claims();
        let algorithm = match accepted.algorithm() {
            Algorithm::HmacSha256 => 1,
            Algorithm::Ed25519 => 2,
        };
        let millis = |seconds| number(Time::from_secs(seconds).millis());
        let [kind, environment, algorithm_word, kid, owner, policy, ..] = &mut self.words;
        *kind = claims.kind.code().into();
        *environment = claims.environment.code().into();
        *algorithm_word = algorithm;
        *kid = claims.kid.into();
        *owner = claims.owner.map_or(0, NonZeroU32::get);
        *policy = claims.policy.map_or(0, NonZeroU32::get);
        let [serial, issued_at, expires_at, ..] = &mut self.numbers;
        *serial = number(claims.serial.get());
        *issued_at = millis(claims.lifetime.issued_at);
        *expires_at = claims.lifetime.expires_at.map_or(0.0, millis);
    }

    /// `words`: 0 to 3 address and length of two texts. `numbers`: 0 and 1 those of the reason.
    pub fn put_reason(&mut self, reason: Reason) -> u32 {
        let [a, a_len, b, b_len, ..] = &mut self.words;
        let [first, second] = reason.texts;
        (*a, *a_len) = place(first.as_bytes());
        (*b, *b_len) = place(second.as_bytes());
        if let Some(numbers) = self.numbers.first_chunk_mut() {
            *numbers = reason.numbers.map(number);
        }
        reason.row
    }

    /// `words`: 6 and 7 address and length of `reply`, which isn't moved until the next call.
    pub fn put_reply(&mut self, reply: &[u8]) -> u32 {
        let [.., at, len, _, _] = &mut self.words;
        (*at, *len) = place(reply);
        0
    }

    /// `words`: 4 kind, 5 policy: the arguments of [`wants_policy`](crate::Engine::wants_policy).
    pub fn put_policy(&mut self, accepted: &Accepted) {
        let claims = accepted.claims();
        let [.., kind, policy, _, _, _, _] = &mut self.words;
        *kind = claims.kind.code().into();
        *policy = claims.policy.map_or(0, NonZeroU32::get);
    }

    /// `words`: 0 version. `numbers`: 0 not after.
    pub fn put_keyring(&mut self, keyring: &Keyring) {
        let ([version, ..], [not_after, ..]) = (&mut self.words, &mut self.numbers);
        *version = keyring.version();
        *not_after = number(keyring.not_after().millis());
    }

    /// `words`: 0 whether a file was new.
    pub fn put_news(&mut self, news: bool) -> u32 {
        let [place, ..] = &mut self.words;
        *place = news.into();
        0
    }

    /// `words`: 8 standing, 0 if no list is held, 9 epoch. `numbers`: 4 number, 5 age, 6 this
    /// update, 7 next update.
    pub fn put_list(&mut self, list: Option<ListFacts>) {
        let [.., standing, epoch] = &mut self.words;
        let [.., list_number, age, this_update, next_update] = &mut self.numbers;
        let Some(list) = list else {
            *standing = 0;
            return;
        };
        *standing = list.standing as u32;
        *epoch = list.epoch;
        *list_number = list.number;
        *age = list.age_ms;
        *this_update = list.this_update;
        *next_update = list.next_update;
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

/// Address and length of `bytes` in the module's 32-bit memory.
fn place(bytes: &[u8]) -> (u32, u32) {
    let word = |number| u32::try_from(number).unwrap_or(0);
    (word(bytes.as_ptr().expose_provenance()), word(bytes.len()))
}

/// Exact up to 2^53, far above serials and genuine instants and list numbers; beyond that the
/// nearest number in JavaScript.
#[expect(clippy::cast_precision_loss, reason = "see above: these are shown, never compared")]
const fn number(value: u64) -> f64 {
    value as f64
}
