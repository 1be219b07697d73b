//! Encoded video kept back while a gate is closed, so that an opening begins before what opened it.
//!
//! Owns which access units go on, and in which order. A decoder is never handed a picture whose
//! reference it has not got: what goes on begins at a keyframe or follows what went on before.

use std::collections::VecDeque;
use std::time::Duration;

use crate::media::{AccessUnit, Pts};

/// The most bytes that are kept: half a minute of 16 Mbit/s.
pub const MOST_BYTES: usize = 64 << 20;
/// The most units that go on for each that comes, until the past has been caught up with: a burst
/// would overrun the links behind.
const AT_ONCE: usize = 4;

/// What became of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It goes on, now or after what is before it.
    GoesOn,
    /// It is kept, or left behind.
    Stays,
    /// It would go on, but nothing can be shown before the next keyframe.
    WantsKeyframe,
}

pub struct Kept {
    units: VecDeque<AccessUnit>,
    bytes: usize,
    /// How many units at the front are due.
    due: usize,
    pre_roll: Duration,
    /// Whether the front follows directly what went on last.
    follows: bool,
    /// How many bytes may be kept.
    most: usize,
}

impl Kept {
    pub fn new(pre_roll: Duration, most: usize) -> Kept {
        Kept { units: VecDeque::new(), bytes: 0, due: 0, pre_roll, follows: false, most }
    }

    /// Keeps `pre_roll` from now on; what is kept already stays until it is older than that.
    pub fn keep(&mut self, pre_roll: Duration) {
        self.pre_roll = pre_roll;
    }

    pub fn take(&mut self, unit: AccessUnit, is_open: bool) -> Taken {
        self.bytes += unit.data.len();
        let now = unit.pts;
        self.units.push_back(unit);
        match is_open {
            true => self.open(),
            false => {
                self.forget(now);
                Taken::Stays
            }
        }
    }

    /// Everything kept is due, as far as a decoder can begin with it.
    fn open(&mut self) -> Taken {
        if self.due == 0 && !self.follows {
            let keyframe = self.units.iter().position(|unit| unit.keyframe);
            let Some(keyframe) = keyframe else {
                self.drop_front(self.units.len());
                return Taken::WantsKeyframe;
            };
            self.drop_front(keyframe);
        }
        self.due = self.units.len();
        Taken::GoesOn
    }

    /// Lets go of what no opening from `now` on would begin with.
    fn forget(&mut self, now: Pts) {
        // What is due goes first; what waits behind it follows on, and is looked at after that.
        if self.due > 0 {
            return;
        }
        let start = now.shifted(-i64::try_from(self.pre_roll.as_nanos()).unwrap_or(i64::MAX));
        let begins = self.units.iter().rposition(|unit| unit.keyframe && unit.pts <= start);
        let mut behind = match begins {
            _ if self.pre_roll.is_zero() => self.units.len(),
            Some(at) => at,
            None => 0,
        };
        // Over the limit whole pictures up to a later keyframe go; without one, all of them.
        let mut left: usize = self.units.iter().skip(behind).map(|unit| unit.data.len()).sum();
        while left > self.most {
            let rest = self.units.iter().skip(behind);
            let next = rest.enumerate().skip(1).find(|(_, unit)| unit.keyframe).map(|(at, _)| at);
            behind += next.unwrap_or(self.units.len() - behind);
            left = self.units.iter().skip(behind).map(|unit| unit.data.len()).sum();
        }
        self.follows &= behind == 0;
        self.drop_front(behind);
    }

    fn drop_front(&mut self, count: usize) {
        self.bytes -= self.units.drain(..count).map(|unit| unit.data.len()).sum::<usize>();
    }

    /// The units that go on now; `all` at the end of the stream.
    pub fn give(&mut self, all: bool) -> Vec<AccessUnit> {
        let count = if all { self.due } else { self.due.min(AT_ONCE) };
        self.due -= count;
        let given: Vec<AccessUnit> = self.units.drain(..count).collect();
        self.bytes -= given.iter().map(|unit| unit.data.len()).sum::<usize>();
        self.follows |= count > 0;
        given
    }

    /// Bytes kept or due.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// Picture `index` of a stream with ten a second and a keyframe every second, 100 bytes each.
    fn unit(index: u64) -> AccessUnit {
        AccessUnit {
            data: Arc::from([0_u8; 100]),
            keyframe: index.is_multiple_of(10),
            layer: 0,
            pts: Pts::from_nanos(index as i64 * 100_000_000),
            sequence: index,
            annotations: Arc::default(),
        }
    }

    /// The pictures that went on, where the gate is open at the pictures in `open`.
    fn passed(kept: &mut Kept, pictures: std::ops::Range<u64>, open: impl Fn(u64) -> bool) -> Vec<u64> {
        let mut passed = Vec::new();
        for index in pictures {
            kept.take(unit(index), open(index));
            passed.extend(kept.give(false).iter().map(|unit| unit.sequence));
        }
        passed.extend(kept.give(true).iter().map(|unit| unit.sequence));
        passed
    }

    #[test]
    fn an_opening_begins_at_the_last_keyframe_before_its_pre_roll() {
        let mut kept = Kept::new(Duration::from_millis(500), MOST_BYTES);
        // At 32 half a second before is 27, and 20 the keyframe before that.
        let expected: Vec<u64> = (20..40).collect();
        assert_eq!(passed(&mut kept, 0..60, |index| (32..40).contains(&index)), expected);
    }

    #[test]
    fn the_past_is_caught_up_with_in_small_steps() {
        let mut kept = Kept::new(Duration::from_secs(1), MOST_BYTES);
        (0..30).for_each(|index| assert_eq!(kept.take(unit(index), false), Taken::Stays));
        assert_eq!(kept.take(unit(30), true), Taken::GoesOn);
        assert_eq!(kept.give(false).len(), AT_ONCE);
        kept.take(unit(31), true);
        assert_eq!(kept.give(false).first().map(|unit| unit.sequence), Some(14));
    }

    #[test]
    fn a_gap_too_short_to_lose_anything_leaves_none() {
        let mut kept = Kept::new(Duration::from_secs(2), MOST_BYTES);
        let expected: Vec<u64> = (0..45).collect();
        assert_eq!(passed(&mut kept, 0..45, |index| !(32..36).contains(&index)), expected);
    }

    #[test]
    fn without_pre_roll_nothing_older_than_the_opening_goes_on() {
        let mut kept = Kept::new(Duration::ZERO, MOST_BYTES);
        assert_eq!(kept.take(unit(9), false), Taken::Stays);
        assert_eq!(kept.take(unit(11), true), Taken::WantsKeyframe);
        assert_eq!(kept.bytes(), 0);
        assert_eq!(passed(&mut kept, 12..25, |_| true), [20, 21, 22, 23, 24]);
    }

    #[test]
    fn what_is_kept_stays_below_its_limit_and_decodable() {
        let mut kept = Kept::new(Duration::from_secs(60), 2_500);
        for index in 0..95 {
            kept.take(unit(index), false);
            assert!(kept.bytes() <= 2_500, "{} at {index}", kept.bytes());
        }
        let given = passed(&mut kept, 95..97, |_| true);
        assert_eq!(given.first(), Some(&70));
        let mut tiny = Kept::new(Duration::from_secs(60), 500);
        (0..8).for_each(|index| assert_eq!(tiny.take(unit(index), false), Taken::Stays));
        assert!(tiny.bytes() <= 500);
        assert_eq!(tiny.take(unit(8), true), Taken::WantsKeyframe);
    }
}
