//! [`Times`] that are written by one thread while others read, without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::schedule::times::{BUCKETS, Spread, Times, bucket};

pub(super) struct Histogram {
    counts: [AtomicU64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counts: [const { AtomicU64::new(0) }; BUCKETS] }
    }
}

impl Histogram {
    pub fn add(&self, duration: Duration) {
        self.counts[bucket(duration)].fetch_add(1, Ordering::Relaxed);
    }

    pub fn spread(&self) -> Spread {
        Times::of(std::array::from_fn(|index| self.counts[index].load(Ordering::Relaxed))).spread()
    }
}
