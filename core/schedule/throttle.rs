//! At most so many items a second.
//!
//! Owns the places in time that items are let in at. Leaves what becomes of the others to the link.

use std::time::Duration;

use crate::media::{Pts, Rate};

/// Lets in at most so many items a second of PTS, evenly: an item that comes a little after its
/// place opened does not put off the next place, so that no error adds up.
pub(super) struct Throttle {
    interval: Duration,
    next: Option<Pts>,
}

impl Throttle {
    pub fn new(rate: Rate) -> Throttle {
        Throttle { interval: rate.interval(), next: None }
    }

    pub fn lets_in(&mut self, pts: Pts) -> bool {
        let due = self.next.unwrap_or(pts);
        if pts < due {
            return false;
        }
        let late = pts.since(due) >= self.interval;
        self.next = Some(if late { pts } else { due }.after(self.interval));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_lets_in_evenly_and_without_drift() {
        let mut throttle = Throttle::new(Rate::new(10, 1).unwrap());
        let come = (0..30).map(|index| index * 40);
        let let_in: Vec<i64> = come.filter(|ms| throttle.lets_in(Pts::from_nanos(ms * 1_000_000))).collect();
        assert_eq!(let_in, [0, 120, 200, 320, 400, 520, 600, 720, 800, 920, 1000, 1120]);
    }
}
