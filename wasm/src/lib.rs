//! The npm package's Rust half: `portcullis-core` behind an interface that JavaScript can call.
//!
//! Everything that decides is in [`Verifier`] and is tested on the host; [`RawVerifier`] only
//! translates. It is the package's private interface: `js/raw.js` is its one caller and
//! `index.d.ts` describes what users see. There is no clock and no randomness in here.
//!
//! Nothing but numbers and bytes crosses: a verification that builds JavaScript's objects and
//! strings from here takes ten times as long as the verification itself. A key's text is written
//! by JavaScript into a [`Board`] at a fixed address; a call's answer is the number of a
//! [`Reason`], 0 for none; and what else there is to say stands on the board.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod board;
mod fault;
mod reason;
mod verifier;

pub use board::{Board, Ink, ListFacts, Standing};
pub use fault::Fault;
pub use reason::Reason;
pub use verifier::{Ask, Verifier};

use alloc::boxed::Box;
use alloc::vec::Vec;

use portcullis_core::time::Time;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// A defect. JavaScript gets a `RuntimeError`; saying more would double the module.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// A [`Verifier`] as `js/raw.js` sees it. Instants are milliseconds since the epoch; where a
/// method answers with a number it is that of a [`Reason`].
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawVerifier {
    verifier: Verifier,
    board: Box<Board>,
    /// What the last call answered that had more to say than fits the board.
    reply: Vec<u8>,
}

#[wasm_bindgen]
impl RawVerifier {
    /// A verifier that pins `root` (43 characters of base64url) and knows nothing else yet; none
    /// where [`RawVerifier::why`] says so.
    #[must_use]
    pub fn open(root: &[u8]) -> Option<Self> {
        let verifier = Verifier::new(root).ok()?;
        Some(Self { verifier, board: Box::default(), reply: Vec::new() })
    }

    /// Why there is no verifier for `root`.
    #[must_use]
    pub fn why(root: &[u8]) -> u32 {
        Verifier::new(root).map_or_else(|fault| Reason::of_fault(&fault).row, |_| 0)
    }

    /// Where [`Board::numbers`] are in memory, for as long as this verifier lives.
    #[must_use]
    pub fn numbers(&mut self) -> usize {
        self.board.numbers.as_mut_ptr().expose_provenance()
    }

    /// Where [`Board::words`] are.
    #[must_use]
    pub fn words(&mut self) -> usize {
        self.board.words.as_mut_ptr().expose_provenance()
    }

    /// Where [`Board::text`] is.
    #[must_use]
    pub fn text(&mut self) -> usize {
        self.board.text.as_mut_ptr().expose_provenance()
    }

    /// Holds the secret of an HMAC key. The argument's copy in here is wiped.
    #[wasm_bindgen(js_name = holdSecret)]
    pub fn hold_secret(&mut self, kid: u16, secret: Vec<u8>) -> u32 {
        let held = self.verifier.hold_secret(kid, &Zeroizing::new(secret));
        self.tell(held.map(|()| false))
    }

    /// Takes a keyring; `words[0]` says whether it was news.
    #[wasm_bindgen(js_name = offerKeyring)]
    pub fn offer_keyring(&mut self, document: &[u8]) -> u32 {
        let news = self.verifier.offer_keyring(document);
        self.tell(news)
    }

    /// Takes keyring and list from a bundle; `words[0]` says whether anything in it was news.
    #[wasm_bindgen(js_name = adoptBundle)]
    pub fn adopt_bundle(&mut self, bundle: &[u8], now_ms: f64) -> u32 {
        let news = self.verifier.adopt_bundle(bundle, instant(now_ms));
        self.tell(news)
    }

    /// Takes a list from its stamp and the parts fetched so far, which lie one behind the other in
    /// `parts` and of which `lengths` has four bytes each, little-endian. Replies with what is
    /// still to fetch, the head alone at first, then bodies: SHA-256 and again such a length each,
    /// nothing once the list is in force.
    #[wasm_bindgen(js_name = offerList)]
    pub fn offer_list(&mut self, stamp: &[u8], parts: &[u8], lengths: &[u8], now_ms: f64) -> u32 {
        match self.verifier.offer_list(stamp, &split(parts, lengths), instant(now_ms)) {
            Ok(wanted) => {
                let files = wanted.iter().map(|name| (name.digest.0, name.len.to_le_bytes()));
                self.reply =
                    files.flat_map(|(digest, len)| digest.into_iter().chain(len)).collect();
                self.board.put_reply(&self.reply)
            }
            Err(fault) => self.board.put_reason(Reason::of_fault(&fault)),
        }
    }

    /// Judges the token that is the first `length` bytes of [`Board::text`]. `kind` is 1 for
    /// secret, 2 for publishable, `environment` 1 for live, 2 for test; 0 asks for neither.
    pub fn verify(
        &mut self,
        length: usize,
        kind: u8,
        environment: u8,
        now_ms: f64,
        fresh_for_ms: f64,
    ) -> u32 {
        let now = instant(now_ms);
        let ask = Ask::from_codes(kind, environment, now);
        let fresh_for = millis(fresh_for_ms);
        match self.verifier.verify(self.board.text.get(..length), &ask) {
            Ok(accepted) => {
                let list = ListFacts::of(accepted.list(), now, fresh_for, true);
                self.board.put_list(Some(list));
                self.board.put_key(&accepted);
                0
            }
            Err(refusal) => {
                self.board.put_list(self.verifier.list(now, fresh_for));
                self.board.put_reason(Reason::of_refusal(&refusal))
            }
        }
    }

    /// Puts what is held on the board: the list, and of the keyring, if there is one, which the
    /// answer says, `words[0]` as its version and `numbers[0]` as its end.
    pub fn status(&mut self, now_ms: f64, fresh_for_ms: f64) -> bool {
        self.board.put_list(self.verifier.list(instant(now_ms), millis(fresh_for_ms)));
        self.verifier.keyring().map(|keyring| self.board.put_keyring(keyring)).is_some()
    }

    /// Replies with the kids whose secrets no keyring has named yet, two bytes each.
    pub fn waiting(&mut self) -> u32 {
        self.reply = self.verifier.waiting().flat_map(u16::to_le_bytes).collect();
        self.board.put_reply(&self.reply)
    }

    /// Writes the issuer's name into [`Board::text`] and gives its length: 0 before a keyring.
    pub fn issuer(&mut self) -> usize {
        self.verifier.keyring().map_or(0, |keyring| self.board.write(keyring.issuer()))
    }

    /// Writes the public name of the key with `serial` into [`Board::text`] and gives its length:
    /// 0 before a keyring.
    pub fn name(&mut self, serial: f64) -> usize {
        self.verifier.name(millis(serial)).map_or(0, |name| self.board.write(name))
    }

    fn tell(&mut self, outcome: Result<bool, Fault>) -> u32 {
        match outcome {
            Ok(news) => self.board.put_news(news),
            Err(fault) => self.board.put_reason(Reason::of_fault(&fault)),
        }
    }
}

/// The parts that lie in `joined`; one that would end behind it is left out, and then missed.
fn split<'a>(mut joined: &'a [u8], lengths: &[u8]) -> Vec<&'a [u8]> {
    let lengths = lengths.as_chunks().0.iter().map(|&length| u32::from_le_bytes(length));
    let mut parts = Vec::new();
    for length in lengths {
        let Some((part, rest)) = joined.split_at_checked(length as usize) else { break };
        parts.push(part);
        joined = rest;
    }
    parts
}

fn instant(millis_since_epoch: f64) -> Time {
    Time::from_millis(millis(millis_since_epoch))
}

/// Below zero and NaN become 0, an instant at which every list is from the future.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and both ends are instants at which nothing is accepted"
)]
fn millis(number: f64) -> u64 {
    number as u64
}
