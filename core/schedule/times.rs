//! Durations by size, in a fixed amount of memory.
//!
//! Owns the buckets: eight to a doubling, from a microsecond to a minute, so that a percentile is
//! right within an eighth.

use std::time::Duration;

const PER_DOUBLING: u32 = 8;
const DOUBLINGS: u32 = 26;
/// Buckets start here: what takes less is told as this.
const LEAST_NANOS: u64 = 1024;

/// How many buckets there are.
pub const BUCKETS: usize = (PER_DOUBLING * DOUBLINGS) as usize;

/// How many durations fell into each bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times([u64; BUCKETS]);

/// Percentiles over the whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    pub p50: Duration,
    pub p95: Duration,
    pub p99: Duration,
}

impl Default for Times {
    fn default() -> Times {
        Times([0; BUCKETS])
    }
}

impl Times {
    pub fn of(counts: [u64; BUCKETS]) -> Times {
        Times(counts)
    }

    pub fn add(&mut self, duration: Duration) {
        self.0[bucket(duration)] += 1;
    }

    pub fn spread(&self) -> Spread {
        let all: u64 = self.0.iter().sum();
        let at = |percent: u64| {
            let rank = (all * percent).div_ceil(100);
            let mut seen = 0;
            let reached = self.0.iter().position(|count| {
                seen += count;
                seen >= rank
            });
            reached.filter(|_| all > 0).map_or(Duration::ZERO, middle)
        };
        Spread { p50: at(50), p95: at(95), p99: at(99) }
    }
}

/// The bucket that counts durations like this one.
pub fn bucket(duration: Duration) -> usize {
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
        let mut times = Times::default();
        (1..=1000).for_each(|ms| times.add(Duration::from_millis(ms)));
        let spread = times.spread();
        for (got, is) in [(spread.p50, 500.0), (spread.p95, 950.0), (spread.p99, 990.0)] {
            let off = (got.as_secs_f64() * 1000.0 / is - 1.0).abs();
            assert!(off < 0.125, "{got:?} for {is} ms");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_told_as_the_bound() {
        let mut times = Times::default();
        assert_eq!(times.spread(), Spread::default());
        times.add(Duration::ZERO);
        assert!(times.spread().p50 < Duration::from_micros(2));
        times.add(Duration::MAX);
        assert!(times.spread().p99 > Duration::from_secs(30));
    }
}
