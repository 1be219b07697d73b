//! When a plugin that was stopped may start again.
//!
//! Owns the back-off: a pure account over the graph's own clock, so that it is real time in a live
//! graph and the same on every run in an offline one.

use std::time::Duration;

use crate::media::Pts;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// So many failures, none of them long after another, and the plugin is given up.
const PATIENCE: u32 = 10;
/// After so long without a failure, all is forgiven.
const FORGIVEN: Duration = Duration::from_secs(120);

/// The account of one node's failures.
#[derive(Debug, Default)]
pub struct Recovery {
    failures: u32,
    last: Option<Pts>,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A new instance may start from then on.
    Rest { until: Pts, pause: Duration },
    /// No more.
    GiveUp,
}

impl Recovery {
    /// Books a failure at `now`.
    pub fn failed(&mut self, now: Pts) -> Next {
        if self.last.is_some_and(|last| now.since(last) >= FORGIVEN) {
            self.failures = 0;
        }
        self.failures += 1;
        self.last = Some(now);
        if self.failures >= PATIENCE {
            return Next::GiveUp;
        }
        let pause = (FIRST * 2u32.pow(self.failures - 1)).min(LONGEST);
        Next::Rest { until: now.after(pause), pause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Pts {
        Pts::ZERO.after(Duration::from_secs(seconds))
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_then_it_is_given_up() {
        let mut recovery = Recovery::default();
        let pauses: Vec<u64> = (0..9)
            .map(|_| match recovery.failed(at(5)) {
                Next::Rest { pause, .. } => pause.as_secs(),
                Next::GiveUp => 0,
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30, 30]);
        assert_eq!(recovery.failed(at(5)), Next::GiveUp);
    }

    #[test]
    fn a_long_time_without_failure_is_forgiveness() {
        let mut recovery = Recovery::default();
        for _ in 0..5 {
            recovery.failed(at(5));
        }
        let next = recovery.failed(at(5 + 120));
        assert_eq!(next, Next::Rest { until: at(126), pause: FIRST });
    }
}
