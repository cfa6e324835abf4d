//! The message of a token's tag or signature: context, binding, and the 28 signed bytes. It fills one
//! padded block of SHA-256.

use crate::crypto::{Context, HmacKey, last_block};
use crate::token::SignedPart;

/// The padded SHA-256 block of a token's message, without the signed part: context, binding, 28
/// zeros, and the padding of a message after HMAC's first block.
pub(crate) fn message_block(binding: &[u8; 16]) -> [u8; 64] {
    let mut message = [0; HmacKey::MESSAGE_LEN];
    let parts = Context::TOKEN.bytes().iter().chain(binding);
    message.iter_mut().zip(parts).for_each(|(slot, byte)| *slot = *byte);
    last_block(&message, 64 + HmacKey::MESSAGE_LEN)
}

/// `block` with the 28 signed bytes as received.
pub(crate) fn with_signed(block: &[u8; 64], signed: &SignedPart) -> [u8; 64] {
    const AT: usize = Context::LEN + 16;
    let mut block = *block;
    if let Some(place) = block.get_mut(AT..AT + signed.len()) {
        place.copy_from_slice(signed);
    }
    block
}

/// `block`, a token's padded message, in the context of canaries.
pub(crate) fn as_canary(block: &[u8; 64]) -> [u8; 64] {
    let mut block = *block;
    let context = Context::CANARY.bytes();
    block.iter_mut().zip(context).for_each(|(slot, byte)| *slot = *byte);
    block
}

/// The message of a tag or signature: context, binding, signed part.
pub(crate) fn message_in(block: &[u8; 64]) -> [u8; HmacKey::MESSAGE_LEN] {
    block.first_chunk().copied().unwrap_or([0; HmacKey::MESSAGE_LEN])
}
