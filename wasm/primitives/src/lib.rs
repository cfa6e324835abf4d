//! A test-only module, which no package contains: the functions that prove a token, compiled like
//! the npm package's module, for messages of every length. The package's own module doesn't export
//! them, because its users download every byte of it.
//!
//! As in the package, only numbers cross the boundary: JavaScript writes the parts one after the
//! other into a [`Room`] and receives bits.

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

/// A panic is a defect; JavaScript gets a `RuntimeError`.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// The input of the next call.
#[derive(Debug, Default)]
pub struct Input(Vec<u8>);

/// An input that lives as long as the module.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn open() -> Box<Input> {
    Box::default()
}

/// The address to which JavaScript writes `length` bytes.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn alloc(input: &mut Input, length: usize) -> *mut u8 {
    input.0 = Vec::new();
    input.0.resize(length, 0);
    input.0.as_mut_ptr()
}

/// Verifies a signature. The input is a key of 32 bytes, a message of `length` bytes, and the
/// signature. Bit 0: the key is valid. Bit 1: the signature is strict. Bit 2: the library accepts
/// it. Bit 3: a token with it is authentic.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn signature(input: &Input, length: usize) -> u32 {
    let Some((key, rest)) = input.0.split_first_chunk::<32>() else { return 0 };
    let Some((message, signature)) = rest.split_at_checked(length) else { return 0 };
    let said = Signature::verify(key, message, signature);
    bits([said.is_key, said.is_strict, said.is_good, said.is_accepted()])
}

/// Verifies a tag. The input is a secret of 32 bytes, a tag of `length` bytes, and the message. Bit
/// 0: the tag's first 16 bytes are right. Bit 1: all of it is right. Bit 2: the message is too long
/// for `hmac_verifies`.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn tag(input: &Input, length: usize) -> u32 {
    let Some((secret, rest)) = input.0.split_first_chunk::<32>() else { return 0 };
    let Some((tag, message)) = rest.split_at_checked(length) else { return 0 };
    let Some(cut) = tag.first_chunk() else { return 0 };
    let verifies = hmac_verifies(secret, message, cut);
    let is_whole = hmac_digest(secret, message).is_some_and(|digest| digest.starts_with(tag));
    bits([verifies == Some(true), is_whole, verifies.is_none()])
}

fn bits<const N: usize>(said: [bool; N]) -> u32 {
    said.iter().rev().fold(0, |bits, bit| bits << 1 | u32::from(*bit))
}
