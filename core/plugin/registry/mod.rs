//! Plugins in OCI registries: `plugin: oci://registry/name@sha256:…`.
//!
//! Owns the way from such a reference to bytes that are what its digest says, over the network or out
//! of what was kept, and the way of a component into a registry. What it is given by either is held
//! against its digest every time, so neither is trusted. Leaves to `library` what the bytes are as a
//! plugin, and to `cli` the commands.
//!
//! Reading order: `reference`, `transfer`, `artifact`, `kept`, `client`, `session`.

mod account;
mod artifact;
mod challenge;
mod client;
mod fault;
mod kept;
mod progress;
mod reference;
mod session;
mod transfer;

pub use fault::Fault;
pub use kept::Kept;
pub use reference::{Reference, Version, is_address};
pub use transfer::{Fetched, fetch, kept_at, push};

use sha2::{Digest as _, Sha256};

use crate::node::Digest;

/// The SHA-256 of `bytes`, as manifests name each other.
fn digest_of(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
