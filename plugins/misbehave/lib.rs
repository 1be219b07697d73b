//! Does wrong what a plugin can do wrong. The mode names the way; one frame, `at`, is treated so,
//! and all others are marked: the first row of their first plane becomes 42.
//!
//! Owns the wrongs that Rust can say; those it cannot are written by hand in `tests/plugin`. It
//! speaks to the host directly, because the sdk would not let most of this through.

// On the author's own machine there is no host to misbehave against.
#![cfg_attr(not(target_family = "wasm"), allow(unused))]

mod modes;

#[cfg(target_family = "wasm")]
mod guest;
#[cfg(target_family = "wasm")]
mod wrongs;
