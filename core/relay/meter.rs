//! How much a second: counts over the last whole second, without a clock of its own.

use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// Bytes and items per second. Reads zero when nothing has come for a while.
#[derive(Default)]
pub struct Meter {
    since: Option<Instant>,
    bytes: u64,
    items: u64,
    last: PerSecond,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PerSecond {
    pub bits: u64,
    pub items: f64,
}

impl Meter {
    pub fn add(&mut self, now: Instant, bytes: usize) {
        self.turn(now);
        self.since.get_or_insert(now);
        self.bytes += bytes as u64;
        self.items += 1;
    }

    pub fn read(&mut self, now: Instant) -> PerSecond {
        self.turn(now);
        self.last
    }

    /// Closes the running second once it is over.
    fn turn(&mut self, now: Instant) {
        let Some(since) = self.since else { return };
        let passed = now.saturating_duration_since(since);
        if passed < SECOND {
            return;
        }
        let seconds = passed.as_secs_f64();
        self.last = PerSecond {
            bits: (self.bytes as f64 * 8.0 / seconds) as u64,
            items: self.items as f64 / seconds,
        };
        (self.bytes, self.items) = (0, 0);
        self.since = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_a_second_reads_thirty_and_silence_reads_nothing() {
        let start = Instant::now();
        let mut meter = Meter::default();
        for n in 0..=30 {
            meter.add(start + n * SECOND / 30, 1000);
        }
        let read = meter.read(start + SECOND);
        assert!((29.0..=31.0).contains(&read.items), "{read:?}");
        assert!((230_000..=250_000).contains(&read.bits), "{read:?}");
        meter.read(start + 10 * SECOND);
        assert_eq!(meter.read(start + 20 * SECOND), PerSecond::default());
    }
}
