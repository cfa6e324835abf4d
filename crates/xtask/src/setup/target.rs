//! The target that the gate and the npm package are compiled for.

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
