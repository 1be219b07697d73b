//! A guest that calls the host as a picture's bytes tell it. Natively there is nothing to it.

#[cfg(target_family = "wasm")]
mod calls;
#[cfg(target_family = "wasm")]
mod exports;
#[cfg(target_family = "wasm")]
mod script;
