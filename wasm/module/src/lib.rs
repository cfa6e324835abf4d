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

/// A defect. JavaScript gets a `RuntimeError`; saying more would double the module.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// A verifier, and the memory that it shares with JavaScript.
#[derive(Debug)]
pub struct Desk {
    verifier: Engine,
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

    /// Place in one byte, SHA-256, and length in four bytes, little-endian, of each file.
    fn reply_wanted(&mut self, wanted: &[Wanted]) -> u32 {
        self.reply.clear();
        for Wanted { place, name } in wanted {
            self.reply.push(*place as u8);
            self.reply.extend_from_slice(&name.digest.0);
            self.reply.extend_from_slice(&name.len.to_le_bytes());
        }
        self.board.put_reply(&self.reply)
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
    let verifier = Engine::new(root([a, b, c, d]).ok()?);
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
/// Replies with what is still to fetch, nothing once the list is in force; unless
/// `without_policies`, policy files that replace ones in use are wanted before it is.
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

/// Takes a file of policies, which lies in the room behind its name: digest and length.
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

/// Replies with the file to fetch before this policy can be looked up, or with nothing. `kind` is
/// 1 for secret, 2 for publishable.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn wants_policy(desk: &mut Desk, kind: u8, number: u32) -> u32 {
    desk.call(|desk| {
        let kind = Kind::ALL.into_iter().find(|known| known.code() == kind);
        let wanted = kind.and_then(|kind| desk.verifier.wants_policy(kind, number));
        desk.reply_wanted(wanted.as_slice())
    })
}

/// Replies with what a native verification takes of the token that is the first `length` bytes of
/// [`Board::text`]: public key, message and signature. With nothing where it would be no use.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn signature(desk: &mut Desk, length: usize) -> u32 {
    desk.call(|desk| {
        desk.reply.clear();
        let token = desk.board.text.get(..length);
        if let Some(found) = token.and_then(|token| desk.verifier.signature_to_check(token)) {
            desk.reply.extend_from_slice(&found.key);
            desk.reply.extend_from_slice(&found.message);
            desk.reply.extend_from_slice(&found.signature);
        }
        desk.board.put_reply(&desk.reply)
    })
}

/// Keeps a signature that was verified natively: what [`signature`] replied with, in the room.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn remember(desk: &mut Desk) {
    desk.call(|desk| {
        let given = core::mem::take(&mut desk.given);
        let Some((key, rest)) = given.split_first_chunk() else { return };
        let Some((message, rest)) = rest.split_first_chunk() else { return };
        let Ok(signature) = rest.try_into() else { return };
        desk.verifier.remember(PendingSignature { key: *key, message: *message, signature });
    });
}

/// Judges the token that is the first `length` bytes of [`Board::text`]. `kind` is 1 for secret,
/// 2 for publishable, `environment` 1 for live, 2 for test; 0 asks for neither.
///
/// With `facts` other than 0 there are so many [`Facts`] in the room, in the form of
/// [`offer_list`], which the key's policy must allow: the reply is then its sales channels,
/// scopes and rate class, each text behind its length in one byte, each list with a 0 behind it.
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
            // No item of a policy is longer than its length in one byte says.
            reply.push(u8::try_from(text.len()).unwrap_or(0));
            reply.extend_from_slice(text.as_bytes());
        }
        reply.push(0);
    };
    write(&mut policy.sales_channels());
    write(&mut policy.scopes());
    write(&mut policy.rate_class().into_iter());
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
