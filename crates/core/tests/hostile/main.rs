//! Whatever a file claims, reading it allocates at most a small multiple of its bytes. Memory also
//! bounds time here: no loop runs without storing what it finds.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod claimed_counts;
mod large_counts;
mod no_allocation;
#[path = "../support/mod.rs"]
mod support;

/// Bytes that may be allocated whatever the length: small buffers, an error's text.
const SPARE: u64 = 2048;

/// The bytes allocated while `work` runs, including those that are freed again.
fn asked<T>(work: impl FnOnce() -> T) -> u64 {
    allocation_counter::measure(|| drop(work())).bytes_total
}
