//! Failures in the log, without floods: the first is told at once, what follows is counted and told
//! every few seconds.
//!
//! Owns the counting. A node that fails at every frame would otherwise write thirty lines a second.

use std::time::Duration;

/// How often a failure that goes on is told.
const EVERY: Duration = Duration::from_secs(5);

/// What to tell about a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tell {
    Now,
    /// And how often it failed since it was last told, this time included.
    NowWithCount(u64),
    Later,
}

#[derive(Default)]
pub(super) struct Complaints {
    told: Option<Duration>,
    untold: u64,
}

impl Complaints {
    /// A failure at `now`.
    pub fn failed(&mut self, now: Duration) -> Tell {
        if self.told.is_some_and(|told| now.saturating_sub(told) < EVERY) {
            self.untold += 1;
            return Tell::Later;
        }
        self.told = Some(now);
        match std::mem::take(&mut self.untold) {
            0 => Tell::Now,
            untold => Tell::NowWithCount(untold + 1),
        }
    }

    /// Failures that were never told.
    pub fn untold(&self) -> u64 {
        self.untold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_at_every_frame_is_told_every_few_seconds_with_its_count() {
        let mut complaints = Complaints::default();
        let told: Vec<_> = (0..301)
            .map(|frame| complaints.failed(Duration::from_millis(33 * frame)))
            .filter(|tell| *tell != Tell::Later)
            .collect();
        assert_eq!(told, [Tell::Now, Tell::NowWithCount(152)]);
        assert_eq!(complaints.untold(), 148);
    }
}
