//! Wall-clock time as RTP speaks of it: NTP, seconds since 1900 with a fraction of 32 bits
//! (RFC 3550 §4).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::media::Pts;
use crate::node::Epoch;

/// From 1900 to 1970.
const UNIX_IN_NTP: u64 = 2_208_988_800;

/// The wall-clock instant a picture was taken, as NTP time.
pub fn captured(epoch: &Epoch, pts: Pts) -> u64 {
    let offset = Duration::from_nanos(pts.nanos().unsigned_abs());
    let wall = match pts.nanos() < 0 {
        true => epoch.wall.checked_sub(offset),
        false => epoch.wall.checked_add(offset),
    };
    ntp(wall.unwrap_or(epoch.wall))
}

fn ntp(wall: SystemTime) -> u64 {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    // Wraps in 2036 as NTP does.
    (since.as_secs().wrapping_add(UNIX_IN_NTP) << 32) | fraction
}

/// The middle 32 bits: what a receiver report echoes (RFC 3550 §6.4.1).
pub fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_time_of_a_picture_is_the_start_of_the_run_and_its_pts() {
        let epoch = Epoch {
            instant: Instant::now(),
            wall: UNIX_EPOCH + Duration::from_secs(1_000_000_000),
            live: true,
        };
        let time = captured(&epoch, Pts::from_nanos(1_500_000_000));
        assert_eq!(time >> 32, 1_000_000_001 + UNIX_IN_NTP);
        assert_eq!(time as u32, 1 << 31);
        assert_eq!(middle(time) & 0xffff, 1 << 15);
    }
}
