//! What the gate answers itself.

pub mod headers;
pub mod problem;
pub mod refused;
