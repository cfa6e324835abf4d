//! The npm package's Rust half: `portcullis-core` as JavaScript needs it.
//!
//! Everything that decides is in [`Engine`] and is tested on the host. What crosses to JavaScript
//! stands on a [`Board`], or is the number of a [`Reason`]. The functions that JavaScript calls are
//! in `module/`.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod board;
mod door;
mod fault;
mod reason;
mod verifier;

pub use board::{Board, ListFacts, Standing};
pub use door::{Denied, Facts};
pub use fault::Fault;
pub use reason::Reason;
pub use verifier::{Ask, Engine, Place, Wanted};
