//! The npm package's Rust half: `portcullis-core` as JavaScript needs it.
//!
//! [`Engine`] makes all decisions and is tested on the host. Results reach JavaScript in
//! [`SharedMemory`], or as the number of a [`Reason`]. `module/` has the functions that JavaScript
//! calls. `examples/generate.rs` writes what JavaScript has to know of these types.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod engine;
mod facts;
mod fault;
mod folder;
mod reason;
mod shared_memory;

pub use engine::{Engine, VerifyOptions};
pub use facts::{Denied, Facts};
pub use fault::Fault;
pub use folder::{Folder, WANTED_LEN, Wanted};
pub use reason::Reason;
pub use shared_memory::{Freshness, ListFacts, Numbers, SharedMemory, Words, algorithm_code};
