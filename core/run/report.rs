//! What a running graph says about itself at one instant. Plain values, for whoever shows them.

use std::time::Duration;

use crate::media::PoolUse;
pub use crate::schedule::times::Spread;

/// A snapshot of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Since the graph started.
    pub elapsed: Duration,
    pub nodes: Vec<NodeReport>,
    pub links: Vec<LinkReport>,
    pub pool: PoolUse,
}

/// One node, in the order of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeReport {
    pub id: String,
    pub kind: &'static str,
    pub state: NodeState,
    /// Turns taken, failed ones included.
    pub turns: u64,
    /// Items given.
    pub given: u64,
    /// Turns that ended in a failure.
    pub failed: u64,
    /// Time spent in the node, all turns together.
    pub busy: Duration,
    /// Time of one turn.
    pub turn: Spread,
    /// Sinks of live graphs: from an item's PTS to the end of the turn that took it.
    pub latency: Option<Spread>,
    /// What the node counts about itself.
    pub counters: Vec<(String, u64)>,
}

/// How far a node has come.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeState {
    Running,
    /// It runs, but what it works with is not there: a camera that was unplugged, with the reason.
    Waiting(String),
    /// It came to its end in order.
    Ended,
    /// It gave up, with the reason.
    Failed(String),
}

/// One link, in the order of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkReport {
    /// `camera.frames`
    pub from: String,
    /// `motion.frames`
    pub to: String,
    pub waiting: usize,
    pub capacity: usize,
    /// Items that reached the node at its end.
    pub passed: u64,
    /// From being offered to being taken, of those that were taken.
    pub wait: Spread,
    /// Items left out, by reason: `full`, `overload`, `rate`, `resync`, `stale`, `stopped`, `failed`, `asleep`.
    pub dropped: Vec<(&'static str, u64)>,
}

impl LinkReport {
    /// Items that somebody missed: what a `rate` leaves out was asked for, and while nobody watches
    /// nothing is missed.
    pub fn lost(&self) -> u64 {
        let missed = self.dropped.iter().filter(|(reason, _)| !matches!(*reason, "rate" | "asleep"));
        missed.map(|(_, count)| count).sum()
    }
}
