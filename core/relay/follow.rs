//! The bitrate follows the viewers: what each can take, what the encoder should therefore aim for,
//! and which temporal layers a viewer is sent meanwhile.
//!
//! The rule. A viewer is taken to manage anything until it reports loss. From over 10 % lost it is
//! brought down from what it was being sent, by half the share it lost, and by all of it from over
//! 30 %; under 2 % it comes up by a twentieth a report; between the two it stays (the loss controller
//! of draft-ietf-rmcat-gcc-02 §6; once it was brought down, 5 % are enough). Each time it came up to
//! find loss again it waits twice as long before the next try, so that a viewer on a thin line is not
//! made to freeze for every try. The encoder aims for the 25th percentile of the viewers, so that one
//! bad phone does not spoil it for all; how low and how high that may be is the encoder's to say.
//! Pure: no clock, no sockets.

use std::time::{Duration, Instant};

const MUCH: f32 = 0.10;
/// The same once it was brought down: so close to what it can take, less tells as much.
const MUCH_AGAIN: f32 = 0.05;
/// So much is lost only where far too much is sent: what still arrives is what the line takes.
const FLOOD: f32 = 0.30;
const LITTLE: f32 = 0.02;
const RISE: f64 = 1.05;
/// A viewer that manages this much more than it is sent is no longer a limit.
const FREE: u64 = 2;
/// The least time from one change to the next.
const EVERY: Duration = Duration::from_secs(1);
/// Reports without loss after which a viewer that was brought down again comes up, at first and at most.
const LEAST_WAIT: u32 = 8;
const MOST_WAIT: u32 = 64;
/// Changes smaller than one part in this many are not worth the encoder's while.
const WORTH: u64 = 20;

/// What one viewer can take, in bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capacity {
    limit: Option<u64>,
    /// Reports without loss still to come before it comes up, and how many there were to be.
    wait: u32,
    waits: u32,
    /// Whether the last report told of much loss.
    losing: bool,
}

impl Capacity {
    /// What the last report makes of it: `loss` as reported, `sent` as sent to it of late, `whole`
    /// as it would have been sent with all its layers.
    pub fn report(&mut self, loss: f32, sent: u64, whole: u64) {
        if sent == 0 {
            return;
        }
        let free = sent.max(whole).saturating_mul(FREE);
        let much = if self.limit.is_some() { MUCH_AGAIN } else { MUCH };
        let was_losing = std::mem::replace(&mut self.losing, loss > much);
        if loss > much {
            if !was_losing {
                self.waits = (2 * self.waits).clamp(LEAST_WAIT, MOST_WAIT);
            }
            self.wait = self.waits;
            let now = self.limit.unwrap_or(sent).min(sent);
            let share = if loss > FLOOD { 1.0 } else { 0.5 };
            self.limit = Some((now as f64 * (1.0 - share * f64::from(loss))).round() as u64);
        } else if loss < LITTLE && self.wait > 0 {
            self.wait -= 1;
        } else if loss < LITTLE {
            self.limit = self.limit.map(|now| (now as f64 * RISE) as u64 + 1).filter(|limit| *limit < free);
        }
        if self.limit.is_none() {
            (self.wait, self.waits) = (0, 0);
        }
    }

    /// The highest temporal layer it can take when each and those below it take `rates`.
    pub fn layer(self, rates: &[u64]) -> u8 {
        let limit = self.limit();
        let above = rates.iter().skip(1).take_while(|rate| **rate <= limit).count();
        u8::try_from(above).unwrap_or(u8::MAX)
    }

    /// In bits per second. No limit sorts last.
    pub fn limit(self) -> u64 {
        self.limit.unwrap_or(u64::MAX)
    }
}

/// What the encoder is to aim for, for all viewers of a stream.
#[derive(Default)]
pub struct Follow {
    aimed: Option<u64>,
    changed: Option<Instant>,
}

/// What to do about the bitrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    Stay,
    /// Wish for this; `u64::MAX` is as much as the encoder may.
    Change(u64),
}

impl Follow {
    pub fn aim(&mut self, now: Instant, viewers: impl Iterator<Item = Capacity>) -> Aim {
        if self.changed.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            return Aim::Stay;
        }
        let wanted = lower_quartile(viewers.map(Capacity::limit).collect());
        let aimed = self.aimed.unwrap_or(u64::MAX);
        if wanted == aimed || wanted.abs_diff(aimed) < aimed / WORTH && wanted != u64::MAX {
            return Aim::Stay;
        }
        (self.aimed, self.changed) = (Some(wanted), Some(now));
        Aim::Change(wanted)
    }
}

/// By nearest rank; nobody watching is no limit.
fn lower_quartile(mut limits: Vec<u64>) -> u64 {
    limits.sort_unstable();
    let rank = limits.len().div_ceil(4);
    rank.checked_sub(1).map_or(u64::MAX, |rank| limits[rank])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: u64 = 2_000_000;

    fn limited(to: u64) -> Capacity {
        Capacity { limit: Some(to), ..Capacity::default() }
    }

    #[test]
    fn a_lossy_viewer_is_brought_down_and_climbs_back_until_it_is_no_limit() {
        let mut capacity = Capacity::default();
        capacity.report(0.05, SENT, SENT);
        assert_eq!(capacity, Capacity::default());
        capacity.report(0.2, SENT, SENT);
        assert_eq!(capacity.limit(), 1_800_000);
        capacity.report(0.05, 1_800_000, SENT);
        assert_eq!(capacity.limit(), 1_800_000);
        let climbs = (0..100).find(|_| {
            capacity.report(0.0, SENT, SENT);
            capacity == Capacity::default()
        });
        assert!(climbs.is_some_and(|reports| reports > 10), "{climbs:?}");
    }

    #[test]
    fn each_try_that_failed_makes_the_next_wait_twice_as_long() {
        let mut capacity = Capacity::default();
        let mut waits = vec![];
        capacity.report(0.5, SENT, SENT);
        for _ in 0..5 {
            // Brought down once more by a loss that lasts, and by the next try.
            capacity.report(0.5, SENT, SENT);
            let low = capacity.limit();
            let waited = (0..).take_while(|_| {
                capacity.report(0.0, SENT / 4, SENT);
                capacity.limit() == low
            });
            waits.push(waited.count());
        }
        assert_eq!(waits, [8, 16, 32, 64, 64]);
    }

    #[test]
    fn a_thin_line_is_sent_the_layers_it_can_take_and_always_the_lowest() {
        let rates = [150_000, 300_000, 600_000, 600_000];
        assert_eq!(limited(100_000).layer(&rates), 0);
        assert_eq!(limited(299_999).layer(&rates), 0);
        assert_eq!(limited(300_000).layer(&rates), 1);
        assert_eq!(Capacity::default().layer(&rates), 3);
    }

    #[test]
    fn one_bad_viewer_among_many_changes_nothing_and_a_quarter_of_them_does() {
        let now = Instant::now();
        let one = [
            limited(100_000),
            Capacity::default(),
            Capacity::default(),
            Capacity::default(),
            Capacity::default(),
        ];
        assert_eq!(Follow::default().aim(now, one.into_iter()), Aim::Stay);
        let quarter = [
            limited(100_000),
            limited(900_000),
            Capacity::default(),
            Capacity::default(),
            Capacity::default(),
        ];
        assert_eq!(Follow::default().aim(now, quarter.into_iter()), Aim::Change(900_000));
        assert_eq!(Follow::default().aim(now, std::iter::once(limited(300_000))), Aim::Change(300_000));
    }

    #[test]
    fn the_aim_changes_once_a_second_by_what_is_worth_it_and_is_lifted_when_nobody_is_limited() {
        let (start, mut follow) = (Instant::now(), Follow::default());
        let mut aim = |second: u32, to: Option<u64>| {
            follow.aim(start + EVERY * second, std::iter::once(to.map_or(Capacity::default(), limited)))
        };
        assert_eq!(aim(0, Some(1_000_000)), Aim::Change(1_000_000));
        assert_eq!(aim(0, Some(500_000)), Aim::Stay);
        assert_eq!(aim(1, Some(1_010_000)), Aim::Stay);
        assert_eq!(aim(2, Some(1_100_000)), Aim::Change(1_100_000));
        assert_eq!(aim(3, None), Aim::Change(u64::MAX));
        assert_eq!(aim(4, None), Aim::Stay);
    }
}
