//! Time as frames carry it: PTS on the graph's clock, RTP media time, and frame rates as fractions.
//!
//! Owns the conversions between them, exactly. Never reads a clock: time is handed in.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

const NANOS: i128 = 1_000_000_000;

/// Presentation timestamp: when the picture was taken, in nanoseconds on the graph's clock, whose
/// zero is the start of the run. Rises on every link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pts(i64);

impl Pts {
    pub const ZERO: Pts = Pts(0);

    pub const fn from_nanos(nanos: i64) -> Pts {
        Pts(nanos)
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Pts) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0).max(0) as u64)
    }

    /// The PTS `later` after this one, held at the last one that exists.
    #[must_use]
    pub fn after(self, later: Duration) -> Pts {
        Pts(self.0.saturating_add(i64::try_from(later.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// This PTS on a clock whose zero lies `by` nanoseconds earlier.
    #[must_use]
    pub fn shifted(self, by: i64) -> Pts {
        Pts(self.0.saturating_add(by))
    }

    /// The same instant on RTP's 90 kHz clock for video (RFC 6184 §5.1), rounded down, wrapping
    /// at 2³² as RTP timestamps do.
    pub fn media_time(self) -> MediaTime {
        MediaTime((i128::from(self.0) * 9).div_euclid(100_000) as u32)
    }
}

/// RTP media time: 90,000 a second, 32 bits, wrapping (RFC 3550 §5.1, RFC 6184 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MediaTime(pub u32);

/// Frames per second as an exact fraction, between 1/1000 and 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    frames: NonZeroU32,
    seconds: NonZeroU32,
}

impl Rate {
    /// `frames` every `seconds` (30000 every 1001). `None` outside 1/1000..=1000 frames a second.
    pub fn new(frames: u32, seconds: u32) -> Option<Rate> {
        let rate = Rate { frames: NonZeroU32::new(frames)?, seconds: NonZeroU32::new(seconds)? };
        let per_second = rate.per_second();
        (0.001..=1000.0).contains(&per_second).then_some(rate)
    }

    pub fn frames(self) -> u32 {
        self.frames.get()
    }

    pub fn seconds(self) -> u32 {
        self.seconds.get()
    }

    pub fn per_second(self) -> f64 {
        f64::from(self.frames.get()) / f64::from(self.seconds.get())
    }

    /// From one frame to the next, rounded down to a nanosecond.
    pub fn interval(self) -> Duration {
        Duration::from_nanos(self.pts_of(1).nanos() as u64)
    }

    /// When frame `index` (from 0) is due: no error adds up over a long run.
    pub fn pts_of(self, index: u64) -> Pts {
        let nanos =
            i128::from(index) * i128::from(self.seconds.get()) * NANOS / i128::from(self.frames.get());
        Pts(i64::try_from(nanos).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seconds.get() {
            1 => write!(f, "{}", self.frames),
            seconds => write!(f, "{}/{seconds}", self.frames),
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    /// Reads `30`, `29.97` or `30000/1001`.
    fn from_str(text: &str) -> Result<Rate, String> {
        let whole = |part: &str| part.trim().parse::<u32>().ok();
        let read = match text.split_once('/') {
            Some((frames, seconds)) => whole(frames).zip(whole(seconds)),
            None => whole(text).map(|frames| (frames, 1)).or_else(|| {
                let per_second =
                    text.trim().parse::<f64>().ok().filter(|rate| (0.001..=1000.0).contains(rate))?;
                Some(((per_second * 1000.0).round() as u32, 1000))
            }),
        };
        let (frames, seconds) =
            read.ok_or_else(|| format!("\"{text}\" is not a rate like 30 or 30000/1001"))?;
        Rate::new(frames, seconds)
            .ok_or_else(|| format!("a rate must be between 1/1000 and 1000, got {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntsc_frames_never_drift() {
        let rate: Rate = "30000/1001".parse().unwrap();
        assert_eq!(rate.pts_of(30_000), Pts::from_nanos(1001 * 1_000_000_000));
        assert_eq!(rate.pts_of(1).media_time(), MediaTime(3002)); // 3003 less the nanosecond cut
    }

    #[test]
    fn media_time_wraps_and_goes_below_zero() {
        assert_eq!(Pts::from_nanos(1_000_000_000).media_time(), MediaTime(90_000));
        assert_eq!(Pts::from_nanos(-1_000_000_000).media_time(), MediaTime(90_000u32.wrapping_neg()));
        let wrap = (1i64 << 32) * 100_000 / 9 + 12_000;
        assert_eq!(Pts::from_nanos(wrap).media_time(), MediaTime(1));
    }

    #[test]
    fn rates_read_as_people_write_them() {
        assert_eq!("30".parse::<Rate>().unwrap().to_string(), "30");
        assert_eq!("29.97".parse::<Rate>().unwrap().to_string(), "29970/1000");
        assert!("0".parse::<Rate>().is_err());
        assert!("1/0".parse::<Rate>().is_err());
        assert!("fast".parse::<Rate>().is_err());
    }
}
