//! Which detectors have looked at a frame, and what they found beside it.
//!
//! Owns the tag `looked:NODE`, by which what hides things can tell "nothing was found" from "nobody
//! looked": the host's own list, which guests read as if it were a tag and may not write. Leaves
//! deciding what to hide to them.

use std::sync::Arc;
use std::time::Duration;

use crate::media::{Annotations, Detections, Frame, Recycled};

const PREFIX: &str = "looked:";

/// Detections older than this say nothing of the picture they are joined to, however old the link
/// lets them become (`max_age`): a detector that has died would otherwise vouch for every frame after.
const FRESH: Duration = Duration::from_secs(1);

/// Whether guests may not set the tag `key`.
pub fn is_hosts(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// What a guest reads under `key`: that is empty, and is there only where that node has looked.
pub fn tag(annotations: &Annotations, key: &str) -> Option<String> {
    let node = key.strip_prefix(PREFIX)?;
    annotations.looked.iter().any(|looked| **looked == *node).then(String::new)
}

/// Notes that the detector of `node` has looked.
pub fn note(annotations: &mut Annotations, node: &Arc<str>) {
    if !annotations.looked.contains(node) {
        annotations.looked.push(node.clone());
    }
}

/// Adds what another branch has found to `frame`, and that it has looked, if that is not long ago and
/// it has looked at all of what the frame shows.
pub fn join(frame: &mut Frame, joined: &Detections, memory: &mut Recycled<Annotations>) {
    // A branch that runs ahead has looked at a later picture: that counts in the same way.
    let apart = frame.pts.since(joined.pts).max(joined.pts.since(frame.pts));
    let vouches = apart <= FRESH && joined.part.covers(frame.part);
    let part = frame.part;
    frame.annotate(memory, |annotations| {
        annotations.detections.extend(joined.seen_in(part));
        if vouches {
            note(annotations, &joined.by);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Detection, FrameFormat, PixelFormat, Pool, Pts, Region, Size};

    const LEFT: Region = Region { width: 0.5, ..Region::WHOLE };

    /// A frame that shows `shown`, with what was found all over `looked_at` some seconds before.
    fn joined(seconds_old: u64, looked_at: Region, shown: Region) -> Frame {
        let format = FrameFormat::new(PixelFormat::Gray8, Size::new(8, 8).unwrap());
        let pts = Pts::ZERO.after(Duration::from_secs(10));
        let mut frame = Frame::pooled(&Pool::new(1 << 10), format, pts, 0).unwrap();
        frame.part = shown;
        let pts = Pts::ZERO.after(Duration::from_secs(10 - seconds_old));
        let found = Arc::new(vec![Detection { region: Region::WHOLE, ..Detection::default() }]);
        let detections = Detections { by: "faces".into(), pts, sequence: 0, part: looked_at, found };
        join(&mut frame, &detections, &mut Recycled::default());
        frame
    }

    fn vouched(frame: Frame) -> bool {
        tag(frame.annotations(), "looked:faces").is_some()
    }

    #[test]
    fn old_detections_vouch_for_nothing() {
        let vouched = |seconds_old| vouched(joined(seconds_old, Region::WHOLE, Region::WHOLE));
        assert!(vouched(0) && vouched(1));
        assert!(!vouched(2));
    }

    #[test]
    fn what_was_found_in_a_part_lies_there_and_vouches_for_no_more() {
        let whole = joined(0, LEFT, Region::WHOLE);
        assert_eq!(whole.annotations().detections[0].region, LEFT);
        assert!(!vouched(whole));
        let part = joined(0, Region::WHOLE, LEFT);
        assert_eq!(part.annotations().detections[0].region, Region::WHOLE);
        assert!(vouched(part));
        assert!(vouched(joined(0, LEFT, LEFT)));
    }

    #[test]
    fn only_the_prefix_is_the_hosts() {
        assert!(is_hosts("looked:faces") && is_hosts("looked:"));
        assert!(!is_hosts("looked") && !is_hosts("overlooked:faces"));
    }
}
