//! From a camera's timestamps to PTS on the graph's clock.
//!
//! Drivers stamp frames with the machine's monotonic clock in nanoseconds. `Instant` is that clock
//! too, but does not say its number, so one reading of both at the same moment ties them together.

use std::time::{Duration, Instant};

use crate::media::Pts;
use crate::node::Epoch;

/// A stamp further than this from now was not taken from the monotonic clock.
const PLAUSIBLE: Duration = Duration::from_secs(10);

/// The PTS of a frame that the driver stamped `stamp`, seen now.
pub fn pts(stamp: u64, epoch: &Epoch) -> Pts {
    let (now, reading) = (Instant::now(), monotonic());
    at(stamp, reading, epoch.pts_at(now))
}

/// The same with the clocks handed in: `reading` and `now` are one moment on both.
fn at(stamp: u64, reading: u64, now: Pts) -> Pts {
    let age = i128::from(reading) - i128::from(stamp);
    match i64::try_from(age) {
        Ok(age) if age.unsigned_abs() <= PLAUSIBLE.as_nanos() as u64 => now.shifted(-age),
        // Some drivers give no stamp, or one of another clock: when it arrived is the next best.
        _ => now,
    }
}

fn monotonic() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a value of ours that lives through the call. The call fails only for
    // clocks that do not exist, and every Linux has this one.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_dated_back_to_when_it_was_taken() {
        let now = Pts::from_nanos(5_000_000_000);
        assert_eq!(at(70_000_000_000, 70_040_000_000, now), Pts::from_nanos(4_960_000_000));
    }

    #[test]
    fn a_stamp_of_another_clock_counts_as_now() {
        let now = Pts::from_nanos(5_000_000_000);
        assert_eq!(at(0, 70_000_000_000, now), now);
        assert_eq!(at(1_700_000_000_000_000_000, 70_000_000_000, now), now);
    }
}
