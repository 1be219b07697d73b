//! What cameras of this machine have in common: those that a driver gives frames of.

mod clock;
mod held;
mod slate;
mod stamps;
mod trial;

pub(in crate::nodes) use clock::pts;
pub(in crate::nodes) use held::held;
pub(in crate::nodes) use slate::{SLATE, slate};
pub(in crate::nodes) use stamps::Stamps;
pub use trial::Trial;
