//! The list during a verifier's life: revocation, time, and every forgery of a list.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod body;
mod floor;
mod parts;
mod status;
#[path = "../support/mod.rs"]
mod support;
mod tampered;

use portcullis_core::time::Time;
use portcullis_core::verify::Refusal;
use support::{ANY, World};

fn refusal(world: &World, token: &str, now: Time) -> Option<&'static str> {
    world.verifier().verify(token, &ANY, now).err().map(Refusal::code)
}
