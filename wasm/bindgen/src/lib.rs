//! The Portcullis verifier as a conventional wasm-bindgen class.
//!
//! The npm entry `portcullis/bindgen` is this crate, built as it is by `module/`. A Rust program
//! that builds a WebAssembly module of its own depends on this crate, and its module then exports
//! the class beside the program's own functions:
//!
//! ```ignore
//! pub use portcullis_bindgen::Verifier;
//! ```
//!
//! Options and answers are plain JavaScript objects, the same as those of `createVerifier` in the
//! package's other entries, and wasm-bindgen writes their TypeScript types. A call that fails
//! throws a `TypeError` for an argument of the wrong type, else an `Error` with the `name`
//! `PortcullisError` and a `code`.
//!
//! `portcullis-wasm` makes all decisions. This crate reads arguments (`options`, `values`), decides
//! which files an update needs (`update`), and writes `answers`.

mod answers;
mod calls;
mod class;
mod error;
mod nearest;
mod options;
mod update;
mod values;

pub use class::Verifier;
