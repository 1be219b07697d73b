//! How much frame memory a plan may use.
//!
//! Owns the estimate: what may wait on the links and be in nodes' hands, generously. A pool only
//! takes what is used, so the limit matters when something keeps frames that should have gone back.

use crate::graph::plan::{Clock, Plan};
use crate::node::{Format, VideoFormat};

/// Frames a node may have in its hands at once: what came, what it makes, what it keeps.
const IN_HANDS: usize = 8;
/// How far an offline link may grow (see `schedule`).
const MOST_STRETCH: usize = 32;
/// No graph gets less.
const LEAST: usize = 256 << 20;
/// Where the plan does not know a size: a 4K picture in I420.
const UNKNOWN_FRAME: usize = 3840 * 2160 * 3 / 2;
/// No graph gets more, whatever its plan adds up to.
const MOST: usize = 4 << 30;

/// The most bytes of frame memory the graph may hold.
pub(super) fn limit(plan: &Plan) -> usize {
    let stretch = match plan.clock {
        Clock::Live => 0,
        Clock::Offline => MOST_STRETCH,
    };
    let links = plan.links.iter().map(|link| frame_bytes(&link.format) * (link.capacity + stretch));
    let hands = plan.nodes.iter().flat_map(|node| &node.formats).map(|made| frame_bytes(made) * IN_HANDS);
    let sum = links.chain(hands).fold(0, usize::saturating_add);
    sum.saturating_mul(2).clamp(LEAST, MOST)
}

fn frame_bytes(format: &Format) -> usize {
    match format {
        Format::Frames(video) => video_bytes(video),
        Format::AccessUnits(_) | Format::Detections => 0,
    }
}

fn video_bytes(video: &VideoFormat) -> usize {
    let Some(size) = video.size else { return UNKNOWN_FRAME };
    let planes = (0..video.pixel.plane_count()).map(|index| video.pixel.plane(index, size));
    planes.map(|plane| plane.rows * plane.row_bytes).sum()
}
