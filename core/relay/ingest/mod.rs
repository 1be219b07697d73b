//! Media that comes in: the `whip` kind, whose pictures somebody publishes to us by WHIP (RFC 9725).
//!
//! # Reading order: one picture's way in
//!
//! 1. The hub reads the offer (`proposal`) and makes the answer (`answer`); the new `publisher` goes to
//!    the relay thread as a viewer does, and its datagrams find it the same way.
//! 2. There its packets are put in order, and what is missing is asked for again (`reorder`).
//! 3. `assembler` makes whole access units of them; after a loss the next one is a keyframe, which the
//!    publisher is asked for.
//! 4. They go through the node's `entrance`, which never waits, to the `source`, which dates them on the
//!    graph's clock.
//!
//! Owns nothing that goes out. One entrance has one publisher at a time.

mod answer;
mod assembler;
mod entrance;
mod kind;
mod proposal;
mod publisher;
mod reorder;
mod source;

pub(super) use answer::answer;
pub(super) use entrance::{Entrance, Hold, Inlet};
pub use kind::Kind;
pub(super) use proposal::Proposal;
pub(super) use publisher::Publisher;
#[cfg(test)]
pub(super) use {assembler::Assembler, entrance::News, reorder::Next, reorder::Reorder};
