//! What has been found in a picture: detections and tags, in fractions of the picture.
//!
//! They ride on frames and access units through scaling, conversion and encoding, so that a
//! viewer gets the boxes of exactly the picture it sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::time::Pts;

/// A rectangle in fractions of the picture: 0..1 from left to right and top to bottom.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Region {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl Region {
    pub const WHOLE: Region = Region { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };

    /// `None` when a number is not finite, a side is negative, or the rectangle leaves the picture.
    pub fn new(x: f32, y: f32, width: f32, height: f32) -> Option<Region> {
        // A guest's own rounding may carry a box a hair past the edge; that is not an error.
        const SLACK: f32 = 1e-4;
        let inside =
            |start: f32, length: f32| start >= -SLACK && length >= 0.0 && start + length <= 1.0 + SLACK;
        let region = Region { x, y, width, height };
        (inside(x, width) && inside(y, height)).then_some(region)
    }
}

/// Something found in a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detection {
    /// What it is: `motion`, `face`. At most 64 bytes when it comes from a plugin.
    pub label: String,
    /// How sure the finder is, 0..=1.
    pub score: f32,
    pub region: Region,
    /// The same number for the same thing from frame to frame, where a tracker gives one.
    pub track: Option<u64>,
}

/// All that has been found in one picture so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    pub detections: Vec<Detection>,
    /// Free text by key, for plugins further down: `plate` → `B-XY 123`.
    pub tags: BTreeMap<String, String>,
}

/// The detections of one picture as an item of their own: what a detector's `detections` port gives.
#[derive(Clone, Debug)]
pub struct Detections {
    /// The id of the node that looked. Finding nothing is an answer of its own.
    pub by: Arc<str>,
    pub pts: Pts,
    pub sequence: u64,
    pub found: Arc<Vec<Detection>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_outside_the_picture_or_not_finite_are_refused() {
        assert!(Region::new(0.1, 0.2, 0.9, 0.8).is_some());
        assert!(Region::new(0.5, 0.0, 0.6, 0.1).is_none());
        assert!(Region::new(f32::NAN, 0.0, 0.1, 0.1).is_none());
        assert!(Region::new(0.0, 0.0, f32::INFINITY, 0.1).is_none());
        assert!(Region::new(0.0, 0.0, -0.1, 0.1).is_none());
    }
}
