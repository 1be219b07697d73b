//! `framegate plugin push` and `pull`: plugins out of the sandbox's reach and into it.
//!
//! Owns that only what would run here is pushed, or said to be good. Leaves the registry to `registry`.

use super::cache::Cache;
use super::inspect;
use super::program::Program;
use super::registry::{self, Fetched, Kept, Reference};

/// Puts a bundled plugin or a file into a registry, and says how graphs name it.
///
/// # Errors
/// A sentence: it is no plugin, or the registry does not take it.
pub fn push(named: &str, to: &Reference) -> Result<Reference, String> {
    let (wasm, _) = inspect::bytes_of(named).map_err(|reason| reason.to_string())?;
    let (imports, exports) = loaded(named, &wasm)?.border();
    registry::push(to, &wasm, &imports, &exports).map_err(|fault| fault.to_string())
}

/// Fetches a plugin, or finds it kept, and makes sure that it would run here.
///
/// # Errors
/// A sentence: it cannot be had, or it is no plugin.
pub fn pull(reference: &Reference) -> Result<Fetched, String> {
    let fetched = registry::fetch(reference, &Kept::of_user()).map_err(|fault| fault.to_string())?;
    loaded(&reference.to_string(), &fetched.wasm)?;
    Ok(fetched)
}

fn loaded(named: &str, wasm: &[u8]) -> Result<Program, String> {
    Program::load_bytes(wasm, &Cache::of_user()).map_err(|reason| format!("\"{named}\": {reason}"))
}
