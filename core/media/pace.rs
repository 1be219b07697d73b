//! From the clock of whoever sends pictures to the graph's clock.
//!
//! Owns the tie between the two. Reads no clock: when a picture arrived is handed in.

use std::time::Duration;

use super::time::Pts;

/// Further than this from ours, a clock was set anew, or its stream stood still.
const MOST_DRIFT: Duration = Duration::from_secs(1);

/// Dates the pictures of one source after another: evenly as each says, never ahead of what has arrived.
#[derive(Default)]
pub struct Pace {
    /// What the source's zero is on the graph's clock.
    zero: Option<Pts>,
    last: Option<Pts>,
}

impl Pace {
    /// The next source counts from zero again.
    pub fn begin_again(&mut self) {
        self.zero = None;
    }

    /// When a picture was taken that arrived at `now`; `None` when that is not after the last.
    pub fn pts(&mut self, elapsed: Duration, now: Pts) -> Option<Pts> {
        let elapsed = i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX);
        let latest = now.shifted(elapsed.saturating_neg());
        let drift = i64::try_from(MOST_DRIFT.as_nanos()).unwrap_or(i64::MAX);
        // Whatever came soonest was held up least: that picture ties the clocks together.
        let zero = match self.zero {
            Some(zero) if zero <= latest && latest.nanos() - zero.nanos() <= drift => zero,
            _ => latest,
        };
        self.zero = Some(zero);
        let pts = zero.shifted(elapsed);
        (self.last < Some(pts)).then(|| {
            self.last = Some(pts);
            pts
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Pts {
        Pts::from_nanos(milliseconds * 1_000_000)
    }

    fn after(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn pictures_are_as_far_apart_as_their_source_says_however_they_arrive() {
        let mut pace = Pace::default();
        assert_eq!(pace.pts(after(0), at(500)), Some(at(500)));
        assert_eq!(pace.pts(after(40), at(590)), Some(at(540)));
        assert_eq!(pace.pts(after(80), at(591)), Some(at(580)));
    }

    #[test]
    fn none_is_dated_after_its_arrival_or_long_before() {
        let mut pace = Pace::default();
        pace.pts(after(0), at(500));
        // This one came sooner than the first made out.
        assert_eq!(pace.pts(after(40), at(530)), Some(at(530)));
        assert_eq!(pace.pts(after(80), at(575)), Some(at(570)));
        // The stream stood still for a while.
        assert_eq!(pace.pts(after(120), at(5000)), Some(at(5000)));
    }

    #[test]
    fn times_rise_from_one_source_to_the_next() {
        let mut pace = Pace::default();
        pace.pts(after(9000), at(500));
        assert_eq!(pace.pts(after(8000), at(400)), None);
        pace.begin_again();
        assert_eq!(pace.pts(after(0), at(900)), Some(at(900)));
    }
}
