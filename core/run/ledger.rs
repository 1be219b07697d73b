//! Times of one node, always measured: the cost is two looks at the clock a turn.
//!
//! Owns the numbers and how they are read while they are written. Counts of items are the
//! scheduler's tally.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::histogram::Histogram;
use crate::media::Pts;

/// Times of one node.
#[derive(Default)]
pub struct Ledger {
    busy_nanos: AtomicU64,
    pub(super) turn: Histogram,
    /// From an item's PTS to the end of the turn that took it.
    pub(super) latency: Histogram,
    failure: Mutex<Option<String>>,
}

impl Ledger {
    /// A turn that took `duration`.
    pub fn turn(&self, duration: Duration) {
        self.turn.add(duration);
        self.busy(duration);
    }

    /// Work that is not a turn: finishing, hearing a wish.
    pub(super) fn busy(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.busy_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// An item with this PTS has left the graph at `now`, a time on the graph's clock.
    pub fn left(&self, pts: Pts, now: Pts) {
        self.latency.add(now.since(pts));
    }

    pub(super) fn busy_time(&self) -> Duration {
        Duration::from_nanos(self.busy_nanos.load(Ordering::Relaxed))
    }

    /// Remembers why the node gave up; the first reason stays.
    pub(super) fn gave_up(&self, reason: &str) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| reason.to_owned());
    }

    /// Why the node gave up, if it did.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
