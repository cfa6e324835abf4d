//! The exports of the npm package's module: functions of numbers, called only by
//! `js/wasm/engine.js`. `portcullis-wasm` makes all decisions; `index.d.ts` describes the interface
//! for users. The module has no clock and no randomness, and imports nothing.
//!
//! Only numbers cross the boundary: building JavaScript objects and strings from here would take
//! ten times as long as the verification. JavaScript writes a key's text into a [`SharedMemory`],
//! and a file into the buffer of [`alloc`]. A call returns the number of a [`Reason`], 0 for none;
//! all other results are in the shared memory.
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

use portcullis_core::assignment::NoAssignment;
use portcullis_core::crypto::{Digest, PublicKey};
use portcullis_core::list::FileName;
use portcullis_core::policy::{NoPolicy, Policy};
use portcullis_core::signature_cache::PendingSignature;
use portcullis_core::time::Time;
use portcullis_core::token::{Kind, Serial};
use portcullis_core::verify::Refusal;
use portcullis_wasm::{
    Engine, Facts, Fault, ListFacts, Reason, SharedMemory, VerifyOptions, Wanted,
};
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
pub struct Session {
    engine: Engine,
    memory: SharedMemory,
    /// The input of the next call: a file, a secret.
    input: Vec<u8>,
    /// The last call's result, if it is too long for the shared memory.
    reply: Vec<u8>,
    /// Whether a call is running, or has trapped and left an undefined state.
    busy: bool,
}

impl Session {
    fn call<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        assert!(!core::mem::replace(&mut self.busy, true), "trapped");
        let answer = work(self);
        self.busy = false;
        answer
    }

    /// Writes for each file: folder in one byte, SHA-256, and length in four bytes, little-endian.
    fn reply_wanted(&mut self, wanted: &[Wanted]) -> u32 {
        self.reply.clear();
        for Wanted { folder, name } in wanted {
            self.reply.push(*folder as u8);
            self.reply.extend_from_slice(&name.digest.0);
            self.reply.extend_from_slice(&name.len.to_le_bytes());
        }
        self.memory.put_reply(&self.reply)
    }

    /// Writes whether the file was new, or why it is refused.
    fn reply_news(&mut self, news: Result<bool, Fault>) -> u32 {
        match news {
            Ok(news) => self.memory.put_news(news),
            Err(fault) => self.memory.put_reason(Reason::of_fault(&fault)),
        }
    }
}

/// A verifier that pins the root with these 32 bytes, little-endian, and has no keyring yet. 0 on
/// an error, whose reason [`root_error`] returns.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn open(a: u64, b: u64, c: u64, d: u64) -> Option<Box<Session>> {
    let engine = Engine::new(root([a, b, c, d]).ok()?);
    let (input, reply) = (Vec::new(), Vec::new());
    Some(Box::new(Session { engine, memory: SharedMemory::default(), input, reply, busy: false }))
}

/// The reason why a root can't be used.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn root_error(a: u64, b: u64, c: u64, d: u64) -> u32 {
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
pub extern "C" fn close(session: Box<Session>) {
    if session.busy {
        core::mem::forget(session);
    }
}

/// The address of the [`SharedMemory`], valid as long as the verifier.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn shared_memory(session: &Session) -> *const SharedMemory {
    &raw const session.memory
}

/// The address for the `length` input bytes of the next call.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn alloc(session: &mut Session, length: usize) -> *mut u8 {
    session.call(|session| {
        session.input = Vec::new();
        session.input.resize(length, 0);
        session.input.as_mut_ptr()
    })
}

/// Adds the secret of an HMAC key, and wipes the input.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn hold_secret(session: &mut Session, kid: u16) -> u32 {
    session.call(|session| {
        let secret = Zeroizing::new(core::mem::take(&mut session.input));
        let held = session.engine.hold_secret(kid, &secret);
        session.reply_news(held.map(|()| false))
    })
}

/// Adopts a keyring; writes whether it was new.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn offer_keyring(session: &mut Session) -> u32 {
    session.call(|session| {
        let news = session.engine.offer_keyring(&core::mem::take(&mut session.input));
        session.reply_news(news)
    })
}

/// Adopts keyring and list from a bundle; writes whether either was new.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn adopt_bundle(session: &mut Session, now_ms: f64) -> u32 {
    session.call(|session| {
        let bundle = core::mem::take(&mut session.input);
        let news = session.engine.adopt_bundle(&bundle, instant(now_ms));
        session.reply_news(news)
    })
}

/// Adopts a list from its stamp and the parts fetched so far. The input holds `count` lengths of
/// four bytes, little-endian, and then the files: stamp and parts. Replies with the files still to
/// fetch, none once the list is in force. Unless `without_policies`, those include the policy files
/// that replace the ones in use.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn offer_list(
    session: &mut Session,
    count: usize,
    now_ms: f64,
    without_policies: bool,
) -> u32 {
    session.call(|session| {
        let input = core::mem::take(&mut session.input);
        let files = split(&input, count);
        let (stamp, parts) = files.split_first().map_or((&[][..], &[][..]), |(s, p)| (*s, p));
        match session.engine.offer_list(stamp, parts, instant(now_ms), without_policies) {
            Ok(wanted) => session.reply_wanted(&wanted),
            Err(fault) => session.memory.put_reason(Reason::of_fault(&fault)),
        }
    })
}

/// Adopts a policy file. The input is its name (digest and length), then the file.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn offer_policy(session: &mut Session) -> u32 {
    session.call(|session| {
        let input = core::mem::take(&mut session.input);
        let Some((name, file)) = input.split_first_chunk::<36>() else { return 0 };
        let Some((digest, [a, b, c, d])) = name.split_first_chunk() else { return 0 };
        let len = u32::from_le_bytes([*a, *b, *c, *d]);
        let offered = session.engine.offer_policy(FileName { digest: Digest(*digest), len }, file);
        session.reply_news(offered.map(|()| true))
    })
}

/// Replies with the file to fetch before this policy can be found, or with nothing. `kind` is 1 for
/// secret, 2 for publishable.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn wants_policy(session: &mut Session, kind: u8, number: u32) -> u32 {
    session.call(|session| {
        let kind = Kind::ALL.into_iter().find(|known| known.code() == kind);
        let wanted = kind.and_then(|kind| session.engine.wants_policy(kind, number));
        session.reply_wanted(wanted.as_slice())
    })
}

/// Replies with the file to fetch before the assignment of the key with this serial can be found, or
/// with nothing. `kind` is 1 for secret, 2 for publishable.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn wants_assignment(session: &mut Session, kind: u8, serial: f64) -> u32 {
    session.call(|session| {
        let kind = Kind::ALL.into_iter().find(|known| known.code() == kind);
        let key = kind.zip(Serial::new(millis(serial)));
        let wanted = key.and_then(|(kind, serial)| session.engine.wants_assignment(kind, serial));
        session.reply_wanted(wanted.as_slice())
    })
}

/// Replies with the inputs of a native verification of the token in the first `length` bytes of
/// [`SharedMemory::text`]: public key, message and signature. Replies with nothing if that would
/// save nothing.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn signature(session: &mut Session, length: usize) -> u32 {
    session.call(|session| {
        session.reply.clear();
        let token = session.memory.text.get(..length);
        if let Some(found) = token.and_then(|token| session.engine.signature_to_check(token)) {
            session.reply.extend_from_slice(found.key());
            session.reply.extend_from_slice(found.message());
            session.reply.extend_from_slice(found.signature());
        }
        session.memory.put_reply(&session.reply)
    })
}

/// Remembers a natively verified signature. The input is the reply of [`signature`].
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn remember(session: &mut Session) {
    session.call(|session| {
        let input = core::mem::take(&mut session.input);
        let Some((key, rest)) = input.split_first_chunk() else { return };
        let Some((message, rest)) = rest.split_first_chunk() else { return };
        let Ok(signature) = rest.try_into() else { return };
        if let Some(pending) = PendingSignature::from_parts(*key, *message, signature) {
            session.engine.remember(pending.verified_by_host());
        }
    });
}

/// Verifies the token in the first `length` bytes of [`SharedMemory::text`]. `kind` is 1 for
/// secret, 2 for publishable, `environment` 1 for live, 2 for test; 0 means any.
///
/// If `facts` isn't 0, the input holds that many [`Facts`] files, in the format of [`offer_list`],
/// and the key's policy must allow the request. The reply is then the policy's sales channels,
/// scopes and rate class: each text after its length in one byte, each list followed by a 0.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn verify(
    session: &mut Session,
    length: usize,
    kind: u8,
    environment: u8,
    now_ms: f64,
    fresh_for_ms: f64,
    facts: usize,
) -> u32 {
    session.call(|session| {
        let now = instant(now_ms);
        let options = VerifyOptions::from_codes(kind, environment, now);
        let fresh_for = millis(fresh_for_ms);
        match session.engine.verify(session.memory.text.get(..length), &options) {
            Ok(accepted) => {
                let list = ListFacts::of(accepted.list(), now, fresh_for, true);
                session.memory.put_list(Some(list));
                // Check the facts of a request, if any, against the key's policy.
                if facts != 0 {
                    let input = core::mem::take(&mut session.input);
                    let Some(facts) = Facts::read(&split(&input, facts)) else {
                        return session
                            .memory
                            .put_reason(Reason::of_denied(NoPolicy::Missing.into()));
                    };
                    match session.engine.admit(&accepted, &facts.request()) {
                        Ok(grant) => {
                            write_grant(&mut session.reply, grant.policy());
                            session.memory.put_reply(&session.reply);
                        }
                        Err(denied) => {
                            let row = session.memory.put_reason(Reason::of_denied(denied));
                            session.memory.put_policy(&accepted);
                            return row;
                        }
                    }
                }
                session.memory.put_key(&accepted);
                0
            }
            Err(refusal) => {
                if let Refusal::Assignment(NoAssignment::Unavailable(missed)) = refusal {
                    session.memory.put_assignment(missed);
                }
                session.memory.put_list(session.engine.list(now, fresh_for));
                session.memory.put_reason(Reason::of_refusal(&refusal))
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

/// Writes the held list into the shared memory, and version and end of the
/// held keyring. Returns whether a keyring is held.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn status(session: &mut Session, now_ms: f64, fresh_for_ms: f64) -> bool {
    session.call(|session| {
        session.memory.put_list(session.engine.list(instant(now_ms), millis(fresh_for_ms)));
        session.engine.keyring().map(|keyring| session.memory.put_keyring(keyring)).is_some()
    })
}

/// Replies with the kids of secrets that no keyring has named yet, two bytes each.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn waiting_secrets(session: &mut Session) -> u32 {
    session.call(|session| {
        session.reply.clear();
        for kid in session.engine.waiting() {
            session.reply.extend_from_slice(&kid.to_le_bytes());
        }
        session.memory.put_reply(&session.reply)
    })
}

/// Writes the issuer's name into [`SharedMemory::text`] and returns its length: 0 without a
/// keyring.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn issuer(session: &mut Session) -> usize {
    session.call(|session| {
        session.engine.keyring().map_or(0, |keyring| session.memory.put_issuer(keyring.issuer()))
    })
}

/// Writes the public name of the key with `serial` into [`SharedMemory::text`] and returns its
/// length: 0 without a keyring.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn key_name(session: &mut Session, serial: f64) -> usize {
    session.call(|session| {
        session.engine.name(millis(serial)).map_or(0, |name| session.memory.put_key_name(name))
    })
}

/// The files in `given`, after their lengths. A file that would end beyond `given` is omitted, with
/// all after it.
fn split(input: &[u8], count: usize) -> Vec<&[u8]> {
    let mut files = Vec::new();
    let Some((lengths, mut rest)) = input.split_at_checked(count.saturating_mul(4)) else {
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
