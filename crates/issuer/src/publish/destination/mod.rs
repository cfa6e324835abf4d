//! Destinations that lists are published to and read from: a directory, an S3-compatible bucket, a
//! Workers KV namespace, and, read-only, an HTTP address. A target is a destination as an operator
//! configures it.
//!
//! All use the file names of `/.well-known/portcullis/`. Files with a digest in their name are
//! written once; `keyring`, `head` and `stamp` are replaced.

mod directory;
mod fault;
mod http;
mod kv;
mod operations;
mod s3;
mod target;
mod web;

pub(crate) use fault::Fault;
pub(crate) use operations::{Destination, Found, Page};
pub use target::Target;
