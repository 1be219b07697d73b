//! The bitrate follows the viewers: what each can take, and what the encoder should therefore aim
//! for.
//!
//! The rule. A viewer is taken to manage anything until it reports loss. From over 10 % lost it is
//! brought down from what it was being sent, by half the share it lost; under 2 % it comes up by a
//! twentieth a report; between the two it stays (the loss controller of
//! draft-ietf-rmcat-gcc-02 §6). The encoder aims for the 25th percentile of the viewers, so that
//! one bad phone does not spoil it for all; how low and how high that may be is the encoder's to
//! say. Pure: no clock, no sockets.

use std::time::{Duration, Instant};

const MUCH: f32 = 0.10;
const LITTLE: f32 = 0.02;
const RISE: f64 = 1.05;
/// A viewer that manages this much more than it is sent is no longer a limit.
const FREE: u64 = 2;
/// The least time from one change to the next.
const EVERY: Duration = Duration::from_secs(1);
/// Changes smaller than one part in this many are not worth the encoder's while.
const WORTH: u64 = 20;

/// What one viewer can take, in bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capacity(Option<u64>);

impl Capacity {
    /// What the last report makes of it: `loss` as reported, `sent` as sent to it of late.
    pub fn report(&mut self, loss: f32, sent: u64) {
        if sent == 0 {
            return;
        }
        let now = self.0.unwrap_or(sent).min(sent.saturating_mul(FREE));
        self.0 = match loss {
            loss if loss > MUCH => {
                Some((now.min(sent) as f64 * (1.0 - 0.5 * f64::from(loss))).round() as u64)
            }
            loss if loss < LITTLE => self.0.map(|now| (now as f64 * RISE) as u64 + 1),
            _ => self.0,
        }
        .filter(|limit| *limit < sent.saturating_mul(FREE) || loss > MUCH);
    }

    /// No limit sorts last.
    fn limit(self) -> u64 {
        self.0.unwrap_or(u64::MAX)
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
        Capacity(Some(to))
    }

    #[test]
    fn a_lossy_viewer_is_brought_down_and_climbs_back_until_it_is_no_limit() {
        let mut capacity = Capacity::default();
        capacity.report(0.05, SENT);
        assert_eq!(capacity, Capacity::default());
        capacity.report(0.2, SENT);
        assert_eq!(capacity, limited(1_800_000));
        capacity.report(0.05, 1_800_000);
        assert_eq!(capacity, limited(1_800_000));
        let climbs = (0..100).find(|_| {
            capacity.report(0.0, SENT);
            capacity == Capacity::default()
        });
        assert!(climbs.is_some_and(|reports| reports > 10), "{climbs:?}");
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
