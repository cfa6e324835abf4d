//! Writing policies and assignments.

mod draft;
mod tree;
mod trees;

pub use draft::PolicyDraft;
pub use tree::{PolicyFiles, SaltKey};
pub use trees::{AssignmentTree, PolicyTree};
