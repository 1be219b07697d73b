//! What was set of an encoder, and what has been asked of it since.

use std::time::Duration;

use super::codec::{Aim, Complexity};
use crate::media::{Colour, Size};
use crate::node::{Settings, VideoFormat};
use crate::nodes::encode::{self, Bitrate, even};

/// What was set, and what has been asked for since.
pub(super) struct Wanted {
    pub bitrate: Bitrate,
    pub keyframe_every: Duration,
    complexity: Complexity,
    layers: u8,
    threads: u8,
    frames_per_second: f32,
}

impl Wanted {
    pub fn new(settings: &Settings, frames: &VideoFormat) -> Wanted {
        Wanted {
            bitrate: Bitrate::new(settings),
            keyframe_every: settings.duration("keyframe_every"),
            complexity: match settings.choice("complexity") {
                "low" => Complexity::Low,
                "medium" => Complexity::Medium,
                _ => Complexity::High,
            },
            layers: settings.integer("layers") as u8,
            threads: settings.integer("threads") as u8,
            frames_per_second: encode::rate(frames).per_second() as f32,
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
            bitrate: self.bitrate.most,
            complexity: self.complexity,
            layers: self.layers,
            threads: self.threads,
        }
    }
}
