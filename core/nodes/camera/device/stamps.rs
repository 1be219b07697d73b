//! The numbers and times of a camera's pictures, over any number of openings.

use crate::media::Pts;

/// Keeps PTS rising and counts what the driver left out, over any number of openings.
#[derive(Default)]
pub struct Stamps {
    last: Option<Pts>,
    /// Our number for the next frame.
    next: u64,
    /// The driver's number of the last frame since the camera was opened.
    driver: Option<u32>,
}

impl Stamps {
    /// A new opening counts from the start again.
    pub fn reopen(&mut self) {
        self.driver = None;
    }

    /// The frame's number and how many are missing before it; `None` when it is not after the last.
    pub fn next(&mut self, pts: Pts, driver: u32) -> Option<(u64, u64)> {
        if self.last.is_some_and(|last| pts <= last) {
            return None;
        }
        let missed = self.driver.map_or(0, |last| u64::from(driver.wrapping_sub(last).saturating_sub(1)));
        // A driver that starts over has not lost four thousand million frames.
        let missed = if missed > u64::from(u32::MAX / 2) { 0 } else { missed };
        (self.last, self.driver) = (Some(pts), Some(driver));
        self.next += missed + 1;
        Some((self.next - 1, missed))
    }

    /// The number of a frame of our own making.
    pub fn made(&mut self, pts: Pts) -> Option<u64> {
        let after = self.last.is_none_or(|last| pts > last);
        after.then(|| {
            self.last = Some(pts);
            self.next += 1;
            self.next - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Pts {
        Pts::from_nanos(milliseconds * 1_000_000)
    }

    #[test]
    fn frames_the_driver_left_out_are_gaps_in_the_count() {
        let mut stamps = Stamps::default();
        assert_eq!(stamps.next(at(0), 7), Some((0, 0)));
        assert_eq!(stamps.next(at(33), 8), Some((1, 0)));
        assert_eq!(stamps.next(at(133), 11), Some((4, 2)));
    }

    #[test]
    fn a_camera_that_comes_back_counts_on_and_not_from_the_start() {
        let mut stamps = Stamps::default();
        stamps.next(at(0), 500);
        stamps.made(at(200));
        stamps.reopen();
        assert_eq!(stamps.next(at(400), 0), Some((2, 0)));
    }

    #[test]
    fn a_frame_that_is_not_after_the_last_is_not_given() {
        let mut stamps = Stamps::default();
        stamps.next(at(40), 1);
        assert_eq!(stamps.next(at(40), 2), None);
        assert_eq!(stamps.made(at(39)), None);
        assert_eq!(stamps.next(at(41), 3), Some((2, 1)));
    }
}
