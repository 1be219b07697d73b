//! When a source's items are due, for sources in live graphs that are paced by PTS.
//!
//! Owns the shift from the source's own time, which counts from zero, to the graph's clock.

use std::time::Duration;

use crate::media::{Item, Pts};

/// How far behind its own time a source may fall before its time is moved. Short of it a late frame
/// is caught up with; past it every later frame would be that late, for ever.
const MOST_LATE: Duration = Duration::from_millis(200);

#[derive(Default)]
pub(super) struct Pacer {
    /// From the source's time to the graph's, in nanoseconds, once the first item is there.
    shift: Option<i64>,
}

impl Pacer {
    /// `item`, made at `now`, on the graph's clock. It is due at its new PTS.
    pub fn place(&mut self, item: Item, now: Pts) -> Item {
        let own = item.pts();
        let starts_now = now.nanos().saturating_sub(own.nanos());
        let shift = match self.shift {
            Some(shift) if now.since(own.shifted(shift)) <= MOST_LATE => shift,
            Some(_) | None => starts_now,
        };
        self.shift = Some(shift);
        item.with_pts(own.shifted(shift))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Detections, Region};

    fn placed(pacer: &mut Pacer, own_ms: i64, now_ms: i64) -> i64 {
        let pts = |ms| Pts::from_nanos(ms * 1_000_000);
        let item = Item::Detections(Detections {
            by: "a".into(),
            pts: pts(own_ms),
            sequence: 0,
            part: Region::WHOLE,
            found: Default::default(),
        });
        pacer.place(item, pts(now_ms)).pts().nanos() / 1_000_000
    }

    #[test]
    fn the_first_item_is_due_at_once_and_the_rest_keep_their_distance() {
        let mut pacer = Pacer::default();
        assert_eq!(placed(&mut pacer, 0, 500), 500);
        assert_eq!(placed(&mut pacer, 40, 501), 540);
        assert_eq!(placed(&mut pacer, 80, 700), 580, "a little late is caught up with");
    }

    #[test]
    fn a_source_that_stood_still_starts_afresh() {
        let mut pacer = Pacer::default();
        placed(&mut pacer, 0, 0);
        assert_eq!(placed(&mut pacer, 40, 5000), 5000);
        assert_eq!(placed(&mut pacer, 80, 5001), 5040);
    }
}
