//! The seam: the same functions over the real host (in a component) and over a mock (natively).
//!
//! Functions and not a trait, because a trait object would refer to every function of the host:
//! each plugin would import them all, and ask for every permission. The two files are twins: what
//! is added to one is added to the other, or one of the two targets does not compile.

#[cfg(target_family = "wasm")]
#[path = "guest.rs"]
mod side;
#[cfg(not(target_family = "wasm"))]
#[path = "mock.rs"]
mod side;

pub use side::*;
