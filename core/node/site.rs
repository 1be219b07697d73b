//! What a node is handed when it is built: its name, its memory, its clock, its way upstream.

use std::time::{Instant, SystemTime};

use super::counters::Counters;
use super::halt::Halt;
use super::waiting::Waiting;
use super::wish::Upstream;
use crate::media::{Pool, Pts};

/// The zero of the graph's clock on the machine's clocks. Plain values: nothing here reads a clock.
#[derive(Clone, Copy, Debug)]
pub struct Epoch {
    /// PTS zero on the monotonic clock.
    pub instant: Instant,
    /// PTS zero on the wall clock, for sender reports and capture times.
    pub wall: SystemTime,
    /// Whether the graph runs live. Offline, PTS have no relation to either clock.
    pub live: bool,
}

impl Epoch {
    /// `instant` on the graph's clock.
    pub fn pts_at(&self, instant: Instant) -> Pts {
        let after =
            i64::try_from(instant.saturating_duration_since(self.instant).as_nanos()).unwrap_or(i64::MAX);
        let before =
            i64::try_from(self.instant.saturating_duration_since(instant).as_nanos()).unwrap_or(i64::MAX);
        Pts::from_nanos(after - before)
    }
}

/// A node's place in a running graph.
#[derive(Clone)]
pub struct Site {
    /// The node's id, for logs and file names. Errors need not repeat it: the runner adds it.
    pub node: String,
    /// Where frame memory comes from.
    pub pool: Pool,
    /// Where wishes go.
    pub upstream: Upstream,
    pub epoch: Epoch,
    pub counters: Counters,
    /// What it lacks to do its work, for all to see.
    pub waiting: Waiting,
    /// Until when it may finish what it is at, once the graph is stopped.
    pub halt: Halt,
}

impl Site {
    /// A place without a graph around it, for running one node alone in tests and author tools.
    pub fn alone(node: &str, pool: Pool, epoch: Epoch) -> Site {
        Site {
            node: node.to_owned(),
            pool,
            upstream: Upstream::nowhere(),
            epoch,
            counters: Counters::default(),
            waiting: Waiting::default(),
            halt: Halt::default(),
        }
    }
}
