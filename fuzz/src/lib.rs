//! What each fuzz target does with its input, and the invariants that must hold for every input.
//!
//! The targets in `fuzz_targets` pass on libFuzzer's input. `crates/core/tests/corpus.rs` passes
//! the inputs in `corpus` and those derived from the vectors, so that every test run repeats them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a target fails by panicking; a test includes it as a module"
)]

pub mod assignment;
pub mod body;
pub mod bundle;
pub mod policy;
pub mod signed;
pub mod token;

#[path = "../../crates/core/tests/support/mod.rs"]
mod support;

/// Reads fields with arbitrary values from the front of the input, and zeros after its end.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let (front, rest) = self.0.split_at(N.min(self.0.len()));
        bytes[..front.len()].copy_from_slice(front);
        self.0 = rest;
        bytes
    }

    fn u8(&mut self) -> u8 {
        u8::from_be_bytes(self.array())
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }
}
