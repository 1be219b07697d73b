//! What was set of an encoder, and what has been asked of it since.

use std::time::Duration;

use super::codec::{Aim, Complexity};
use super::{LEAST_BITRATE, even};
use crate::media::{Colour, Rate, Size};
use crate::node::Settings;

/// What rate control reckons with where the stream does not say.
const USUAL_RATE: f64 = 30.0;

/// What was set, and what has been asked for since.
pub(super) struct Wanted {
    /// Bits per second, as the two below.
    pub least: u32,
    pub most: u32,
    /// What viewers have brought it to.
    pub now: u32,
    pub keyframe_every: Duration,
    complexity: Complexity,
    layers: u8,
    threads: u8,
    frames_per_second: f32,
}

impl Wanted {
    pub fn new(settings: &Settings, rate: Option<Rate>) -> Wanted {
        let most = settings.bitrate("bitrate");
        let least = settings.try_bitrate("min_bitrate").unwrap_or((most / 5).max(LEAST_BITRATE));
        Wanted {
            least: least as u32,
            most: most as u32,
            now: most as u32,
            keyframe_every: settings.duration("keyframe_every"),
            complexity: match settings.choice("complexity") {
                "low" => Complexity::Low,
                "medium" => Complexity::Medium,
                _ => Complexity::High,
            },
            layers: settings.integer("layers") as u8,
            threads: settings.integer("threads") as u8,
            frames_per_second: rate.map_or(USUAL_RATE, Rate::per_second) as f32,
        }
    }

    /// Whether a native encoder made for `other` can go on.
    pub fn suits_encoder_of(&self, other: &Wanted) -> bool {
        let made = |wanted: &Wanted| {
            (wanted.complexity, wanted.layers, wanted.threads, wanted.frames_per_second.to_bits())
        };
        made(self) == made(other)
    }

    pub fn aim(&self, size: Size, colour: Colour) -> Aim {
        Aim {
            size: even(size),
            colour,
            frames_per_second: self.frames_per_second,
            bitrate: self.most,
            complexity: self.complexity,
            layers: self.layers,
            threads: self.threads,
        }
    }
}
