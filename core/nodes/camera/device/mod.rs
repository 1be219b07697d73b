//! What cameras of this machine have in common: those that a driver gives frames of.

mod clock;
mod slate;
mod stamps;

pub(in crate::nodes) use clock::pts;
pub(in crate::nodes) use slate::{SLATE, slate};
pub(in crate::nodes) use stamps::Stamps;
