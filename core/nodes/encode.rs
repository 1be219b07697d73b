//! What encoders have in common: the settings they share, what may be wished of them, what they count.
//!
//! Owns no encoder and is no kind.

use std::time::Duration;

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{PixelFormat, Rate, Size};
use crate::node::{Counter, Format, Handled, Setting, Settings, Site, Takes, VideoFormat, Wish, units};

/// Bits per second.
const LEAST_BITRATE: u64 = 10_000;
const MOST_BITRATE: u64 = 240_000_000;

/// Pixels of a block, of which a picture has at least one.
pub(super) const LEAST_SIDE: u32 = 16;

pub(super) const BITRATE: Setting = Setting::with_default(
    "bitrate",
    Takes::Bitrate { least: LEAST_BITRATE, most: MOST_BITRATE },
    "2M",
    "Bits per second, and the most that viewers can ask for",
);
pub(super) const MIN_BITRATE: Setting = Setting::optional(
    "min_bitrate",
    Takes::Bitrate { least: LEAST_BITRATE, most: MOST_BITRATE },
    "The least that viewers with a poor connection can bring it down to; a fifth of \"bitrate\" unless given",
);
pub(super) const KEYFRAME_EVERY: Setting = Setting::with_default(
    "keyframe_every",
    Takes::Duration { least: Duration::from_millis(100), most: Duration::from_secs(3600) },
    "10s",
    "The longest time without a keyframe; viewers who join are given one at once",
);

/// What is wrong with the bitrates that was not with each alone.
pub(super) fn check(settings: &Settings) -> Result<(), Vec<Diagnostic>> {
    let most = settings.bitrate("bitrate");
    let Some(least) = settings.try_bitrate("min_bitrate").filter(|least| *least > most) else {
        return Ok(());
    };
    let (least, most) = (units::show_bitrate(least), units::show_bitrate(most));
    let rule = format!("\"min_bitrate\" must not be over \"bitrate\", which is {most}, got {least}");
    Err(vec![Diagnostic::error("out-of-range", Path::root().key("with").key("min_bitrate"), rule)])
}

/// What is known of the frames that come.
pub(super) fn agreed(inputs: &[Option<Format>]) -> VideoFormat {
    let unknown = VideoFormat { pixel: PixelFormat::I420, size: None, rate: None };
    inputs.first().copied().flatten().and_then(|format| format.video()).unwrap_or(unknown)
}

/// What rate control reckons with: the usual rate where the stream does not say its own.
pub(super) fn rate(frames: &VideoFormat) -> Rate {
    frames.rate.unwrap_or_else(|| Rate::new(30, 1).expect("30 is within the bounds of rates"))
}

/// H.264 with halved chroma has no odd sizes: the last odd row and column are left out.
///
/// # Panics
/// With a side of 1, which is below [`LEAST_SIDE`].
pub(super) fn even(size: Size) -> Size {
    Size::new(size.width() & !1, size.height() & !1).expect("sides of at least 16 stay sides")
}

/// Bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bitrate {
    least: u32,
    pub most: u32,
    /// What viewers have brought it to.
    pub now: u32,
}

impl Bitrate {
    pub fn new(settings: &Settings) -> Bitrate {
        let most = settings.bitrate("bitrate");
        let least = settings.try_bitrate("min_bitrate").unwrap_or((most / 5).max(LEAST_BITRATE));
        Bitrate { least: least as u32, most: most as u32, now: most as u32 }
    }

    /// What `bits` that are asked for come to.
    pub fn held(&self, bits: u64) -> u32 {
        bits.clamp(u64::from(self.least), u64::from(self.most)) as u32
    }

    /// What to ask for after other settings: what viewers have brought it down to stays.
    pub fn carried_over(&self, before: &Bitrate) -> u32 {
        if before.now == before.most { self.most } else { before.now }
    }
}

/// What has been wished of an encoder and not yet been met.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    /// A keyframe is owed.
    pub keyframe: bool,
    pub asleep: bool,
}

impl Wishes {
    /// Hears a wish. A bitrate is for the encoder to see to.
    pub fn hear(&mut self, wish: Wish) -> Handled {
        match wish {
            Wish::Keyframe => self.keyframe = true,
            Wish::Bitrate(_) => {}
            Wish::Sleep => {
                self.asleep = true;
                return Handled::PassOn;
            }
            Wish::Wake => {
                // Whoever wakes us has nothing to refer back to.
                self.keyframe |= self.asleep;
                self.asleep = false;
                return Handled::PassOn;
            }
            Wish::Stop => return Handled::PassOn,
        }
        Handled::Here
    }
}

/// What every encoder counts.
pub(super) struct Tally {
    /// Frames that rate control left out.
    pub skipped: Counter,
    /// Frames that came while nobody watched.
    pub rested: Counter,
    pub keyframes: Counter,
    pub bytes: Counter,
    /// Bits per second as they are asked of it now.
    pub bitrate: Counter,
}

impl Tally {
    pub fn new(site: &Site) -> Tally {
        let named = |name| site.counters.named(name);
        Tally {
            skipped: named("skipped"),
            rested: named("rested"),
            keyframes: named("keyframes"),
            bytes: named("bytes"),
            bitrate: named("bitrate"),
        }
    }
}
