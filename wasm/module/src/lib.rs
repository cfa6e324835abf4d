//! The exports of the npm package's module: functions of numbers, called only by `js/wasm/engine.js`.
//! `portcullis-wasm` makes all decisions; `index.d.ts` describes the interface for users. The
//! module has no clock and no randomness, and imports nothing.
//!
//! Only numbers cross the boundary: building JavaScript objects and strings from here would take
//! ten times as long as the verification. JavaScript writes a key's text into a [`Board`], and a
//! file into the buffer of [`room`]. A call returns the number of a [`Reason`], 0 for none; all
//! other results are on the board.
//!
//! The address that [`open`] returns is a reference for every other function. JavaScript passes it
//! unchanged, and never after it has called [`close`].

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(
    target_arch = "wasm32",
    expect(unsafe_code, reason = "an export's name must be the only one: there is nothing else")
)]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;

use portcullis_core::crypto::{Digest, PublicKey};
use portcullis_core::list::FileName;
use portcullis_core::policy::{NoPolicy, Policy};
use portcullis_core::signature_cache::PendingSignature;
use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use portcullis_wasm::{Ask, Board, Engine, Facts, Fault, ListFacts, Reason, Wanted};
use zeroize::Zeroizing;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A panic traps: JavaScript gets a `RuntimeError`. A message would double the module's size.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// A verifier and the memory that it shares with JavaScript.
#[derive(Debug)]
pub struct Desk {
    verifier: Engine,
    board: Board,
    /// The input of the next call: a file, a secret.
    given: Vec<u8>,
    /// The last call's result, if it is too long for the board.
    reply: Vec<u8>,
    /// Whether a call is running, or has trapped and left an undefined state.
    busy: bool,
}

impl Desk {
    fn call<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        assert!(!core::mem::replace(&mut self.busy, true), "trapped");
        let answer = work(self);
        self.busy = false;
        answer
    }

    /// Writes for each file: folder in one byte, SHA-256, and length in four bytes, little-endian.
    fn reply_wanted(&mut self, wanted: &[Wanted]) -> u32 {
        self.reply.clear();
        for Wanted { place, name } in wanted {
            self.reply.push(*place as u8);
            self.reply.extend_from_slice(&name.digest.0);
            self.reply.extend_from_slice(&name.len.to_le_bytes());
        }
        self.board.put_reply(&self.reply)
    }

    /// `words[0]` is whether the file was new.
    fn tell(&mut self, news: Result<bool, Fault>) -> u32 {
        match news {
            Ok(news) => self.board.put_news(news),
            Err(fault) => self.board.put_reason(Reason::of_fault(&fault)),
        }
    }
}

/// A verifier that pins the root with these 32 bytes, little-endian, and has no keyring yet. 0 on
/// an error, which [`why`] returns.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn open(a: u64, b: u64, c: u64, d: u64) -> Option<Box<Desk>> {
    let verifier = Engine::new(root([a, b, c, d]).ok()?);
    let (given, reply) = (Vec::new(), Vec::new());
    Some(Box::new(Desk { verifier, board: Board::default(), given, reply, busy: false }))
}

/// The reason why a root can't be used.
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

/// Drops a verifier. One that has trapped is leaked instead, because its state is undefined.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn close(desk: Box<Desk>) {
    if desk.busy {
        core::mem::forget(desk);
    }
}

/// The address of the [`Board`], valid as long as the verifier.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn board(desk: &Desk) -> *const Board {
    &raw const desk.board
}

/// The address for the `length` input bytes of the next call.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn room(desk: &mut Desk, length: usize) -> *mut u8 {
    desk.call(|desk| {
        desk.given = Vec::new();
        desk.given.resize(length, 0);
        desk.given.as_mut_ptr()
    })
}

/// Adds the secret of an HMAC key, and wipes the input.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn hold_secret(desk: &mut Desk, kid: u16) -> u32 {
    desk.call(|desk| {
        let secret = Zeroizing::new(core::mem::take(&mut desk.given));
        let held = desk.verifier.hold_secret(kid, &secret);
        desk.tell(held.map(|()| false))
    })
}

/// Adopts a keyring; `words[0]` is whether it was new.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn offer_keyring(desk: &mut Desk) -> u32 {
    desk.call(|desk| {
        let news = desk.verifier.offer_keyring(&core::mem::take(&mut desk.given));
        desk.tell(news)
    })
}

/// Adopts keyring and list from a bundle; `words[0]` is whether either was new.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn adopt_bundle(desk: &mut Desk, now_ms: f64) -> u32 {
    desk.call(|desk| {
        let bundle = core::mem::take(&mut desk.given);
        let news = desk.verifier.adopt_bundle(&bundle, instant(now_ms));
        desk.tell(news)
    })
}

/// Adopts a list from its stamp and the parts fetched so far. The input holds `count` lengths of
/// four bytes, little-endian, and then the files: stamp and parts. Replies with the files still to
/// fetch, none once the list is in force. Unless `without_policies`, those include the policy files
/// that replace the ones in use.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn offer_list(
    desk: &mut Desk,
    count: usize,
    now_ms: f64,
    without_policies: bool,
) -> u32 {
    desk.call(|desk| {
        let given = core::mem::take(&mut desk.given);
        let files = split(&given, count);
        let (stamp, parts) = files.split_first().map_or((&[][..], &[][..]), |(s, p)| (*s, p));
        match desk.verifier.offer_list(stamp, parts, instant(now_ms), without_policies) {
            Ok(wanted) => desk.reply_wanted(&wanted),
            Err(fault) => desk.board.put_reason(Reason::of_fault(&fault)),
        }
    })
}

/// Adopts a policy file. The input is its name (digest and length), then the file.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn offer_policy(desk: &mut Desk) -> u32 {
    desk.call(|desk| {
        let given = core::mem::take(&mut desk.given);
        let Some((name, file)) = given.split_first_chunk::<36>() else { return 0 };
        let Some((digest, [a, b, c, d])) = name.split_first_chunk() else { return 0 };
        let len = u32::from_le_bytes([*a, *b, *c, *d]);
        let offered = desk.verifier.offer_policy(FileName { digest: Digest(*digest), len }, file);
        desk.tell(offered.map(|()| true))
    })
}

/// Replies with the file to fetch before this policy can be found, or with nothing. `kind` is 1 for
/// secret, 2 for publishable.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn wants_policy(desk: &mut Desk, kind: u8, number: u32) -> u32 {
    desk.call(|desk| {
        let kind = Kind::ALL.into_iter().find(|known| known.code() == kind);
        let wanted = kind.and_then(|kind| desk.verifier.wants_policy(kind, number));
        desk.reply_wanted(wanted.as_slice())
    })
}

/// Replies with the inputs of a native verification of the token in the first `length` bytes of
/// [`Board::text`]: public key, message and signature. Replies with nothing if that would save
/// nothing.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn signature(desk: &mut Desk, length: usize) -> u32 {
    desk.call(|desk| {
        desk.reply.clear();
        let token = desk.board.text.get(..length);
        if let Some(found) = token.and_then(|token| desk.verifier.signature_to_check(token)) {
            desk.reply.extend_from_slice(found.key());
            desk.reply.extend_from_slice(found.message());
            desk.reply.extend_from_slice(found.signature());
        }
        desk.board.put_reply(&desk.reply)
    })
}

/// Remembers a natively verified signature. The input is the reply of [`signature`].
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn remember(desk: &mut Desk) {
    desk.call(|desk| {
        let given = core::mem::take(&mut desk.given);
        let Some((key, rest)) = given.split_first_chunk() else { return };
        let Some((message, rest)) = rest.split_first_chunk() else { return };
        let Ok(signature) = rest.try_into() else { return };
        if let Some(pending) = PendingSignature::from_parts(*key, *message, signature) {
            desk.verifier.remember(pending.verified_by_host());
        }
    });
}

/// Verifies the token in the first `length` bytes of [`Board::text`]. `kind` is 1 for secret, 2 for
/// publishable, `environment` 1 for live, 2 for test; 0 means any.
///
/// If `facts` isn't 0, the input holds that many [`Facts`] files, in the format of [`offer_list`],
/// and the key's policy must allow the request. The reply is then the policy's sales channels,
/// scopes and rate class: each text after its length in one byte, each list followed by a 0.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn verify(
    desk: &mut Desk,
    length: usize,
    kind: u8,
    environment: u8,
    now_ms: f64,
    fresh_for_ms: f64,
    facts: usize,
) -> u32 {
    desk.call(|desk| {
        let now = instant(now_ms);
        let ask = Ask::from_codes(kind, environment, now);
        let fresh_for = millis(fresh_for_ms);
        match desk.verifier.verify(desk.board.text.get(..length), &ask) {
            Ok(accepted) => {
                let list = ListFacts::of(accepted.list(), now, fresh_for, true);
                desk.board.put_list(Some(list));
                // Check the facts of a request, if any, against the key's policy.
                if facts != 0 {
                    let given = core::mem::take(&mut desk.given);
                    let Some(facts) = Facts::read(&split(&given, facts)) else {
                        return desk.board.put_reason(Reason::of_denied(NoPolicy::Missing.into()));
                    };
                    match desk.verifier.admit(&accepted, &facts.request()) {
                        Ok(grant) => {
                            write_grant(&mut desk.reply, grant.policy());
                            desk.board.put_reply(&desk.reply);
                        }
                        Err(denied) => {
                            let row = desk.board.put_reason(Reason::of_denied(denied));
                            desk.board.put_policy(&accepted);
                            return row;
                        }
                    }
                }
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

fn write_grant(reply: &mut Vec<u8>, policy: &Policy<'_>) {
    reply.clear();
    let mut write = |texts: &mut dyn Iterator<Item = &str>| {
        for text in texts {
            // No item of a policy is longer than 255 bytes.
            reply.push(u8::try_from(text.len()).unwrap_or(0));
            reply.extend_from_slice(text.as_bytes());
        }
        reply.push(0);
    };
    write(&mut policy.sales_channels());
    write(&mut policy.scopes());
    write(&mut policy.rate_class().into_iter());
}

/// Puts the held list on the board, and the keyring's version in `words[0]` and its `not_after` in
/// `numbers[0]`. Returns whether a keyring is held.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn status(desk: &mut Desk, now_ms: f64, fresh_for_ms: f64) -> bool {
    desk.call(|desk| {
        desk.board.put_list(desk.verifier.list(instant(now_ms), millis(fresh_for_ms)));
        desk.verifier.keyring().map(|keyring| desk.board.put_keyring(keyring)).is_some()
    })
}

/// Replies with the kids of secrets that no keyring has named yet, two bytes each.
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

/// Writes the issuer's name into [`Board::text`] and returns its length: 0 without a keyring.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn issuer(desk: &mut Desk) -> usize {
    desk.call(|desk| {
        desk.verifier.keyring().map_or(0, |keyring| desk.board.put_issuer(keyring.issuer()))
    })
}

/// Writes the public name of the key with `serial` into [`Board::text`] and returns its length: 0
/// without a keyring.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn name(desk: &mut Desk, serial: f64) -> usize {
    desk.call(|desk| {
        desk.verifier.name(millis(serial)).map_or(0, |name| desk.board.put_key_name(name))
    })
}

/// The files in `given`, after their lengths. A file that would end beyond `given` is omitted, with
/// all after it.
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

/// Negative numbers and NaN become 0, an instant at which every list is from the future.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and both ends are instants at which nothing is accepted"
)]
fn millis(number: f64) -> u64 {
    number as u64
}
