//! Durations by size, in a fixed amount of memory, without a lock.
//!
//! Owns the buckets: eight to a doubling, from a microsecond to a minute, so that a percentile is
//! right within an eighth. One thread adds at a time; anybody may read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::report::Spread;

const PER_DOUBLING: u32 = 8;
const DOUBLINGS: u32 = 26;
const BUCKETS: usize = (PER_DOUBLING * DOUBLINGS) as usize;
/// Buckets start here: what takes less is told as this.
const LEAST_NANOS: u64 = 1024;

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
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let all: u64 = counts.iter().sum();
        let at = |percent: u64| {
            let rank = (all * percent).div_ceil(100);
            let mut seen = 0;
            let reached = counts.iter().position(|count| {
                seen += count;
                seen >= rank
            });
            reached.filter(|_| all > 0).map_or(Duration::ZERO, middle)
        };
        Spread { p50: at(50), p95: at(95), p99: at(99) }
    }
}

fn bucket(duration: Duration) -> usize {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(LEAST_NANOS);
    let doubling = nanos.ilog2() - LEAST_NANOS.ilog2();
    // The three bits below the leading one tell the eighth.
    let eighth = (nanos >> (nanos.ilog2() - PER_DOUBLING.ilog2())) as u32 % PER_DOUBLING;
    ((doubling * PER_DOUBLING + eighth) as usize).min(BUCKETS - 1)
}

fn middle(bucket: usize) -> Duration {
    let (doubling, eighth) = (bucket as u32 / PER_DOUBLING, bucket as u64 % u64::from(PER_DOUBLING));
    let base = LEAST_NANOS << doubling;
    let step = base / u64::from(PER_DOUBLING);
    Duration::from_nanos(base + eighth * step + step / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_within_an_eighth() {
        let histogram = Histogram::default();
        (1..=1000).for_each(|ms| histogram.add(Duration::from_millis(ms)));
        let spread = histogram.spread();
        for (got, is) in [(spread.p50, 500.0), (spread.p95, 950.0), (spread.p99, 990.0)] {
            let off = (got.as_secs_f64() * 1000.0 / is - 1.0).abs();
            assert!(off < 0.125, "{got:?} for {is} ms");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_told_as_the_bound() {
        let histogram = Histogram::default();
        assert_eq!(histogram.spread(), Spread::default());
        histogram.add(Duration::ZERO);
        assert!(histogram.spread().p50 < Duration::from_micros(2));
        histogram.add(Duration::MAX);
        assert!(histogram.spread().p99 > Duration::from_secs(30));
    }
}
