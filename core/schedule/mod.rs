//! Who runs next: a pure state machine. No clock, no threads, no locks, no files.
//!
//! The conversation is two calls. [`Scheduler::on`] is told what happened; [`Scheduler::next_action`]
//! says what the hand that asks should do. `now` is an argument of both: the time since the start of
//! the run, which never goes back. Everything it does can therefore be tested in virtual time.
//!
//! - `topology`: the shape of a plan, which is all that is known of it here
//! - `exchange`: the events that come in and the actions that go out
//! - `scheduler`: what is due, giving it out, and the way items take from node to node
//! - `link`: one bounded queue and its rule for when it is full
//! - `throttle`: at most so many items a second
//! - `join`: what a node's inputs say about its next turn
//! - `ready`: who goes first
//! - `wishes`: what travels against the stream; `upstream`: the way it takes
//! - `pacer`: when a source's items are due
//! - `change`: another shape for a running graph, without a pause
//! - `ending`: how nodes end, and how a graph stops
//! - `stall`: how an offline graph gets on when each waits for another
//! - `tally`: where every item went; `times`: how long that took
//!
//! Offline, nothing waits for time and no choice depends on who was faster: what a graph gives is
//! the same for any number of workers (see `stall` for the one place where that needs care).

mod change;
mod ending;
mod exchange;
mod join;
mod link;
mod node;
mod pacer;
mod ready;
mod scheduler;
mod stall;
mod tally;
mod throttle;
pub mod times;
mod topology;
mod upstream;
mod wishes;

pub use change::{Keep, Places};
pub use ending::MOST_DRAINING;
pub use exchange::{Action, Event, Hand, Outcome, Turn};
pub use scheduler::Scheduler;
pub use tally::{LinkTally, NodeTally, Reason};
pub use topology::{NodeShape, Topology};
