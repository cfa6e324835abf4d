//! The WebAssembly module of `portcullis/bindgen`. A program that builds a module of its own does
//! the same: it depends on `portcullis-bindgen` and exports its class beside its own functions.

pub use portcullis_bindgen::Verifier;

/// Smaller than the allocator of std, and no slower when lists come and go.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
