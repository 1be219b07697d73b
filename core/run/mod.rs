//! The scheduler's hands: worker pool, device threads, clock, stop order, reload, report.
//!
//! Owns the threads and the nodes of a running graph. What runs next is decided by `schedule`; here
//! it is done, and timed.
//!
//! - `start`: from a plan to running threads; a node that cannot be built is told before any frame moves
//! - `running`: the handle of a running graph
//! - `stage`: what runs now: the plan, and the nodes that play it
//! - `reload`: another plan for a graph that runs; `difference`: what of one plan goes on in another
//! - `desk`: the scheduler behind its mutex, and who is woken for what
//! - `hands`: the loop of every thread: ask, do, report
//! - `cell`: one node and its turns, failures and panics included
//! - `trace`: what every thread did when, for who asks for it
//! - `ledger`, `histogram`: times, always measured
//! - `complaints`: failures in the log, without floods
//! - `memory`: how much frame memory a plan may use

mod cell;
mod complaints;
mod desk;
mod difference;
mod hands;
mod histogram;
mod ledger;
mod memory;
mod reload;
mod report;
mod running;
mod stage;
mod start;
mod trace;

pub use ledger::Ledger;
pub use reload::{Changes, ReloadError};
pub use report::{LinkReport, NodeReport, NodeState, Report, Spread};
pub use running::{Control, Ended, Failure, How, Running, Watch};
pub use start::{Built, StartError, build, cores, start};
pub use trace::Trace;
