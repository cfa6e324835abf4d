//! A module for tests alone, which no package contains: what proves a token, compiled as the npm
//! package's module is, for messages of every length. The package's own module has no door for them
//! and gets none, since every byte of it is downloaded by someone.
//!
//! As there, nothing but numbers crosses: JavaScript writes the parts one behind the other into a
//! [`Room`] and is answered with bits.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(
    target_arch = "wasm32",
    expect(unsafe_code, reason = "an export's name must be the only one: there is nothing else")
)]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;

use portcullis_core::crypto::primitives::{Signature, hmac_digest, hmac_verifies};

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A defect: JavaScript gets a `RuntimeError`.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// What the next question is about.
#[derive(Debug, Default)]
pub struct Room(Vec<u8>);

/// A room, which stays for as long as the module does.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn open() -> Box<Room> {
    Box::default()
}

/// Where `length` bytes are to be written.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn room(room: &mut Room, length: usize) -> *mut u8 {
    room.0 = Vec::new();
    room.0.resize(length, 0);
    room.0.as_mut_ptr()
}

/// Judges a signature: a key of 32 bytes, a message of `length`, and the signature behind them.
/// Bit 0 says that the key is one, bit 1 that the signature is strict, bit 2 that the library accepts
/// it, and bit 3 that a token with it is authentic.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn signature(room: &Room, length: usize) -> u32 {
    let Some((key, rest)) = room.0.split_first_chunk::<32>() else { return 0 };
    let Some((message, signature)) = rest.split_at_checked(length) else { return 0 };
    let said = Signature::verify(key, message, signature);
    bits([said.is_key, said.is_strict, said.is_good, said.is_accepted()])
}

/// Judges a tag: a secret of 32 bytes, a tag of `length`, and the message behind them. Bit 0 says that
/// its first 16 bytes are right, bit 1 that all of it is, and bit 2 that the message is too long to
/// be asked about.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn tag(room: &Room, length: usize) -> u32 {
    let Some((secret, rest)) = room.0.split_first_chunk::<32>() else { return 0 };
    let Some((tag, message)) = rest.split_at_checked(length) else { return 0 };
    let Some(cut) = tag.first_chunk() else { return 0 };
    let verifies = hmac_verifies(secret, message, cut);
    let is_whole = hmac_digest(secret, message).is_some_and(|digest| digest.starts_with(tag));
    bits([verifies == Some(true), is_whole, verifies.is_none()])
}

fn bits<const N: usize>(said: [bool; N]) -> u32 {
    said.iter().rev().fold(0, |bits, bit| bits << 1 | u32::from(*bit))
}
