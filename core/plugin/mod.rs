//! The sandbox: WASM components that look at or change frames. The only folder that names wasmtime.

pub mod bundled;
