//! What has been found in a picture: detections and tags, in fractions of the picture.
//!
//! They ride on frames and access units through scaling, conversion and encoding, so that a
//! viewer gets the boxes of exactly the picture it sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

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

    /// Where this lies in a larger picture, of which `part` is the picture it was told in.
    pub fn placed_in(self, part: Region) -> Region {
        Region {
            x: part.x + self.x * part.width,
            y: part.y + self.y * part.height,
            width: self.width * part.width,
            height: self.height * part.height,
        }
    }

    /// Where this lies in the picture that is only `part` of its own; `None` when nothing of it does.
    pub fn seen_in(self, part: Region) -> Option<Region> {
        let seen = |start: f32, length: f32, part: f32, side: f32| {
            let edge = |at: f32| ((at - part) / side).clamp(0.0, 1.0);
            let (first, last) = (edge(start), edge(start + length));
            // A point has no length and is somewhere all the same.
            let inside = start < part + side && (start + length > part || length == 0.0 && start >= part);
            (side > 0.0 && inside).then_some((first, last - first))
        };
        let (x, width) = seen(self.x, self.width, part.x, part.width)?;
        let (y, height) = seen(self.y, self.height, part.y, part.height)?;
        Some(Region { x, y, width, height })
    }

    /// Whether all of `other` lies in this, but for what rounding does.
    pub fn covers(self, other: Region) -> bool {
        const SLACK: f32 = 1e-4;
        let covers = |start: f32, length: f32, other: f32, other_length: f32| {
            start <= other + SLACK && start + length >= other + other_length - SLACK
        };
        covers(self.x, self.width, other.x, other.width) && covers(self.y, self.height, other.y, other.height)
    }
}

/// Something found in a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detection {
    /// What it is: `motion`, `face`. At most 64 bytes when it comes from a plugin.
    pub label: Arc<str>,
    /// How sure the finder is, 0..=1.
    pub score: f32,
    pub region: Region,
    /// The same number for the same thing from frame to frame, where a tracker gives one.
    pub track: Option<u64>,
}

/// All that has been found in one picture so far.
#[derive(Debug, Default, PartialEq)]
pub struct Annotations {
    pub detections: Vec<Detection>,
    /// Free text by key, for plugins further down: `plate` → `B-XY 123`.
    pub tags: BTreeMap<String, String>,
    /// The ids of the nodes whose detectors have looked at this picture.
    pub looked: SmallVec<[Arc<str>; 2]>,
}

impl Clone for Annotations {
    fn clone(&self) -> Annotations {
        let mut copy = Annotations::default();
        copy.clone_from(self);
        copy
    }

    /// Into the memory that is there.
    fn clone_from(&mut self, from: &Annotations) {
        let Annotations { detections, tags, looked } = from;
        self.detections.clone_from(detections);
        self.tags.clone_from(tags);
        self.looked.clone_from(looked);
    }
}

impl Annotations {
    /// Keeps what `place` finds a region for, at that region.
    pub fn moved(&mut self, place: impl Fn(Region) -> Option<Region>) {
        self.detections.retain_mut(|found| match place(found.region) {
            Some(region) => {
                found.region = region;
                true
            }
            None => false,
        });
    }
}

/// The detections of one picture as an item of their own: what a detector's `detections` port gives.
#[derive(Clone, Debug)]
pub struct Detections {
    /// The id of the node that looked. Finding nothing is an answer of its own.
    pub by: Arc<str>,
    pub pts: Pts,
    pub sequence: u64,
    /// Which part of its source's picture was looked at: [`Frame::part`](super::Frame::part).
    pub part: Region,
    pub found: Arc<Vec<Detection>>,
}

impl Detections {
    /// What was found, where it lies in a frame that is `part` of the source's picture.
    pub fn seen_in(&self, part: Region) -> impl Iterator<Item = Detection> {
        self.found.iter().filter_map(move |found| {
            let region = match part == self.part {
                true => found.region,
                false => found.region.placed_in(self.part).seen_in(part)?,
            };
            Some(Detection { region, ..found.clone() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOWER_RIGHT: Region = Region { x: 0.5, y: 0.5, width: 0.5, height: 0.5 };

    #[test]
    fn what_is_placed_in_a_larger_picture_is_seen_in_its_part_as_it_was() {
        let region = Region { x: 0.25, y: 0.0, width: 0.5, height: 1.0 };
        let placed = region.placed_in(LOWER_RIGHT);
        assert_eq!(placed, Region { x: 0.625, y: 0.5, width: 0.25, height: 0.5 });
        assert_eq!(placed.seen_in(LOWER_RIGHT), Some(region));
        assert_eq!(region.placed_in(Region::WHOLE), region);
    }

    #[test]
    fn a_part_shows_of_a_region_what_lies_in_it() {
        let seen = |x, y, width, height| Region { x, y, width, height }.seen_in(LOWER_RIGHT);
        assert_eq!(seen(0.25, 0.25, 0.5, 0.5), Some(Region { x: 0.0, y: 0.0, width: 0.5, height: 0.5 }));
        assert_eq!(seen(0.0, 0.0, 1.0, 1.0), Some(Region::WHOLE));
        assert_eq!(seen(0.0, 0.5, 0.5, 0.5), None);
        assert!(seen(0.75, 0.75, 0.0, 0.0).is_some() && seen(0.25, 0.75, 0.0, 0.0).is_none());
    }

    #[test]
    fn a_part_covers_itself_and_not_the_whole() {
        assert!(Region::WHOLE.covers(LOWER_RIGHT) && LOWER_RIGHT.covers(LOWER_RIGHT));
        assert!(!LOWER_RIGHT.covers(Region::WHOLE));
        assert!(!LOWER_RIGHT.covers(Region { x: 0.4, ..LOWER_RIGHT }));
    }

    #[test]
    fn regions_outside_the_picture_or_not_finite_are_refused() {
        assert!(Region::new(0.1, 0.2, 0.9, 0.8).is_some());
        assert!(Region::new(0.5, 0.0, 0.6, 0.1).is_none());
        assert!(Region::new(f32::NAN, 0.0, 0.1, 0.1).is_none());
        assert!(Region::new(0.0, 0.0, f32::INFINITY, 0.1).is_none());
        assert!(Region::new(0.0, 0.0, -0.1, 0.1).is_none());
    }
}
