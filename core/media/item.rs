//! Anything that travels on a link.

use super::{AccessUnit, Detections, Frame, Pts};

/// A frame, an access unit, or detections, each with its PTS. A clone is cheap.
#[derive(Clone)]
pub enum Item {
    Frame(Frame),
    AccessUnit(AccessUnit),
    Detections(Detections),
}

impl Item {
    pub fn pts(&self) -> Pts {
        match self {
            Item::Frame(frame) => frame.pts,
            Item::AccessUnit(unit) => unit.pts,
            Item::Detections(detections) => detections.pts,
        }
    }

    /// The same item with its PTS replaced: how the runner puts a source's own time on the graph's clock.
    #[must_use]
    pub fn with_pts(mut self, pts: Pts) -> Item {
        match &mut self {
            Item::Frame(frame) => frame.pts = pts,
            Item::AccessUnit(unit) => unit.pts = pts,
            Item::Detections(detections) => detections.pts = pts,
        }
        self
    }

    /// Whether a decoder could start here: encoded video's keyframes, and everything that is not
    /// encoded video.
    pub fn starts_afresh(&self) -> bool {
        !matches!(self, Item::AccessUnit(unit) if !unit.keyframe)
    }
}
