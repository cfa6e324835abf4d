//! The exports of the npm package's module: functions of numbers, whose one caller is
//! `js/module.js`. Everything that decides is in `portcullis-wasm`; `index.d.ts` describes what
//! users see. There is no clock and no randomness in here, and the module imports nothing.
//!
//! Nothing but numbers crosses: a verification that builds JavaScript's objects and strings from
//! here takes ten times as long as the verification itself. A key's text is written by JavaScript
//! into a [`Board`], a file into the room that was asked for; a call's answer is the number of a
//! [`Reason`], 0 for none; and what else there is to say stands on the board.
//!
//! The address that [`open`] gives is a reference in every other function's hands. JavaScript
//! passes it on unchanged, and no more once it has called [`close`].

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(
    target_arch = "wasm32",
    expect(unsafe_code, reason = "an export's name must be the only one: there is nothing else")
)]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;

use portcullis_core::crypto::PublicKey;
use portcullis_core::time::Time;
use portcullis_wasm::{Ask, Board, Fault, ListFacts, Reason, Verifier};
use zeroize::Zeroizing;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A defect. JavaScript gets a `RuntimeError`; saying more would double the module.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// A verifier, and the memory that it shares with JavaScript.
#[derive(Debug)]
pub struct Desk {
    verifier: Verifier,
    board: Board,
    /// What the next call is about: a file, a secret.
    given: Vec<u8>,
    /// What the last call answered that had more to say than fits the board.
    reply: Vec<u8>,
    /// Whether a call is under way, or ended in a trap and left who knows what behind.
    busy: bool,
}

impl Desk {
    fn call<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        assert!(!core::mem::replace(&mut self.busy, true), "trapped");
        let answer = work(self);
        self.busy = false;
        answer
    }

    /// `words[0]` says whether what was taken was news.
    fn tell(&mut self, news: Result<bool, Fault>) -> u32 {
        match news {
            Ok(news) => self.board.put_news(news),
            Err(fault) => self.board.put_reason(Reason::of_fault(&fault)),
        }
    }
}

/// A verifier that pins the root with these 32 bytes, little-endian, and knows nothing else yet;
/// 0 where [`why`] says so.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn open(a: u64, b: u64, c: u64, d: u64) -> Option<Box<Desk>> {
    let verifier = Verifier::new(root([a, b, c, d]).ok()?);
    let (given, reply) = (Vec::new(), Vec::new());
    Some(Box::new(Desk { verifier, board: Board::default(), given, reply, busy: false }))
}

/// Why there is no verifier for a root.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn why(a: u64, b: u64, c: u64, d: u64) -> u32 {
    root([a, b, c, d]).map_or_else(|fault| Reason::of_fault(&fault).row, |_| 0)
}

fn root(words: [u64; 4]) -> Result<PublicKey, Fault> {
    let mut bytes = [0; 32];
    for (slot, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
        *slot = word.to_le_bytes();
    }
    Ok(PublicKey::from_bytes(&bytes)?)
}

/// Lets a verifier go; one that a trap left behind is not fit even for that.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn close(desk: Box<Desk>) {
    if desk.busy {
        core::mem::forget(desk);
    }
}

/// Where the [`Board`] is in memory, for as long as the verifier lives.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn board(desk: &Desk) -> *const Board {
    &raw const desk.board
}

/// Where the `length` bytes that the next call is about are to be written.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn room(desk: &mut Desk, length: usize) -> *mut u8 {
    desk.call(|desk| {
        desk.given = Vec::new();
        desk.given.resize(length, 0);
        desk.given.as_mut_ptr()
    })
}

/// Holds the secret of an HMAC key, which is wiped from the room.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn hold_secret(desk: &mut Desk, kid: u16) -> u32 {
    desk.call(|desk| {
        let secret = Zeroizing::new(core::mem::take(&mut desk.given));
        let held = desk.verifier.hold_secret(kid, &secret);
        desk.tell(held.map(|()| false))
    })
}

/// Takes a keyring; `words[0]` says whether it was news.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn offer_keyring(desk: &mut Desk) -> u32 {
    desk.call(|desk| {
        let news = desk.verifier.offer_keyring(&core::mem::take(&mut desk.given));
        desk.tell(news)
    })
}

/// Takes keyring and list from a bundle; `words[0]` says whether anything in it was news.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn adopt_bundle(desk: &mut Desk, now_ms: f64) -> u32 {
    desk.call(|desk| {
        let bundle = core::mem::take(&mut desk.given);
        let news = desk.verifier.adopt_bundle(&bundle, instant(now_ms));
        desk.tell(news)
    })
}

/// Takes a list from its stamp and the parts fetched so far. The room holds `count` lengths of
/// four bytes, little-endian, and behind them what they are the lengths of: stamp and parts.
/// Replies with what is still to fetch, the head alone at first, then bodies: SHA-256 and again
/// such a length each, nothing once the list is in force.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn offer_list(desk: &mut Desk, count: usize, now_ms: f64) -> u32 {
    desk.call(|desk| {
        let given = core::mem::take(&mut desk.given);
        let files = split(&given, count);
        let (stamp, parts) = files.split_first().map_or((&[][..], &[][..]), |(s, p)| (*s, p));
        match desk.verifier.offer_list(stamp, parts, instant(now_ms)) {
            Ok(wanted) => {
                desk.reply.clear();
                for name in wanted {
                    desk.reply.extend_from_slice(&name.digest.0);
                    desk.reply.extend_from_slice(&name.len.to_le_bytes());
                }
                desk.board.put_reply(&desk.reply)
            }
            Err(fault) => desk.board.put_reason(Reason::of_fault(&fault)),
        }
    })
}

/// Judges the token that is the first `length` bytes of [`Board::text`]. `kind` is 1 for secret,
/// 2 for publishable, `environment` 1 for live, 2 for test; 0 asks for neither.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn verify(
    desk: &mut Desk,
    length: usize,
    kind: u8,
    environment: u8,
    now_ms: f64,
    fresh_for_ms: f64,
) -> u32 {
    desk.call(|desk| {
        let now = instant(now_ms);
        let ask = Ask::from_codes(kind, environment, now);
        let fresh_for = millis(fresh_for_ms);
        match desk.verifier.verify(desk.board.text.get(..length), &ask) {
            Ok(accepted) => {
                let list = ListFacts::of(accepted.list(), now, fresh_for, true);
                desk.board.put_list(Some(list));
                desk.board.put_key(&accepted);
                0
            }
            Err(refusal) => {
                desk.board.put_list(desk.verifier.list(now, fresh_for));
                desk.board.put_reason(Reason::of_refusal(&refusal))
            }
        }
    })
}

/// Puts what is held on the board: the list, and of the keyring, if there is one, which the answer
/// says, `words[0]` as its version and `numbers[0]` as its end.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn status(desk: &mut Desk, now_ms: f64, fresh_for_ms: f64) -> bool {
    desk.call(|desk| {
        desk.board.put_list(desk.verifier.list(instant(now_ms), millis(fresh_for_ms)));
        desk.verifier.keyring().map(|keyring| desk.board.put_keyring(keyring)).is_some()
    })
}

/// Replies with the kids whose secrets no keyring has named yet, two bytes each.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn waiting(desk: &mut Desk) -> u32 {
    desk.call(|desk| {
        desk.reply.clear();
        for kid in desk.verifier.waiting() {
            desk.reply.extend_from_slice(&kid.to_le_bytes());
        }
        desk.board.put_reply(&desk.reply)
    })
}

/// Writes the issuer's name into [`Board::text`] and gives its length: 0 before a keyring.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn issuer(desk: &mut Desk) -> usize {
    desk.call(|desk| {
        desk.verifier.keyring().map_or(0, |keyring| desk.board.put_issuer(keyring.issuer()))
    })
}

/// Writes the public name of the key with `serial` into [`Board::text`] and gives its length: 0
/// before a keyring.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn name(desk: &mut Desk, serial: f64) -> usize {
    desk.call(|desk| {
        desk.verifier.name(millis(serial)).map_or(0, |name| desk.board.put_key_name(name))
    })
}

/// The files that lie in `given` behind their lengths; one that would end behind it is left out,
/// and then missed.
fn split(given: &[u8], count: usize) -> Vec<&[u8]> {
    let mut files = Vec::new();
    let Some((lengths, mut rest)) = given.split_at_checked(count.saturating_mul(4)) else {
        return files;
    };
    for &length in lengths.as_chunks().0 {
        let length = u32::from_le_bytes(length) as usize;
        let Some((file, behind)) = rest.split_at_checked(length) else { break };
        files.push(file);
        rest = behind;
    }
    files
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
