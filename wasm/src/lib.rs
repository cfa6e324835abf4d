//! The npm package's Rust half: `portcullis-core` as JavaScript needs it.
//!
//! [`Engine`] makes all decisions and is tested on the host. Results reach JavaScript on a
//! [`Board`], or as the number of a [`Reason`]. `module/` has the functions that JavaScript calls.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod board;
mod door;
mod fault;
mod place;
mod reason;
mod verifier;

pub use board::{Board, ListFacts, Standing};
pub use door::{Denied, Facts};
pub use fault::Fault;
pub use place::{Place, Wanted};
pub use reason::Reason;
pub use verifier::{Ask, Engine};
