//! Whatever a file claims, what is asked for stays within a small multiple of its bytes. Memory
//! stands for time as well: nothing here loops without writing down what it finds.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod claims;
mod crowds;
mod quiet;
#[path = "../support/mod.rs"]
mod support;

/// What may be asked for whatever the length: small buffers, an error's text.
const SPARE: u64 = 2048;

/// How many bytes are asked for while `work` runs, those that are given back included.
fn asked<T>(work: impl FnOnce() -> T) -> u64 {
    allocation_counter::measure(|| drop(work())).bytes_total
}
