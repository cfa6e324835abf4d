//! Writing policies.

mod draft;
mod tree;

pub use draft::PolicyDraft;
pub use tree::{PolicyFiles, PolicyTree, SaltKey};
