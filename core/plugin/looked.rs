//! Which detectors have looked at a frame: tags that the host alone sets.
//!
//! Owns the tag `looked:NODE`, by which what hides things can tell "nothing was found" from "nobody
//! looked". Guests read it and may not write it. Leaves deciding what to hide to them.

use std::time::Duration;

use crate::media::{Detections, Frame};

const PREFIX: &str = "looked:";

/// Detections older than this say nothing of the picture they are joined to, however old the link
/// lets them become (`max_age`): a detector that has died would otherwise vouch for every frame after.
const FRESH: Duration = Duration::from_secs(1);

/// Whether guests may not set the tag `key`.
pub fn is_hosts(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// Notes on `frame` that the detector of `node` has looked at it.
pub fn note(frame: &mut Frame, node: &str) {
    frame.annotations_mut().tags.insert(format!("{PREFIX}{node}"), String::new());
}

/// Adds what another branch has found to `frame`, and that it has looked, if that is not long ago.
pub fn join(frame: &mut Frame, joined: &Detections) {
    frame.annotations_mut().detections.extend(joined.found.iter().cloned());
    // A branch that runs ahead has looked at a later picture: that counts in the same way.
    let apart = frame.pts.since(joined.pts).max(joined.pts.since(frame.pts));
    if apart <= FRESH {
        note(frame, &joined.by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, PixelFormat, Pool, Pts, Size};
    use std::sync::Arc;

    fn vouched(seconds_old: u64) -> bool {
        let format = FrameFormat::new(PixelFormat::Gray8, Size::new(8, 8).unwrap());
        let pts = Pts::ZERO.after(Duration::from_secs(10));
        let mut frame = Frame::pooled(&Pool::new(1 << 10), format, pts, 0).unwrap();
        let pts = Pts::ZERO.after(Duration::from_secs(10 - seconds_old));
        join(&mut frame, &Detections { by: "faces".into(), pts, sequence: 0, found: Arc::default() });
        frame.annotations().tags.contains_key("looked:faces")
    }

    #[test]
    fn old_detections_vouch_for_nothing() {
        assert!(vouched(0) && vouched(1));
        assert!(!vouched(2));
    }

    #[test]
    fn only_the_prefix_is_the_hosts() {
        assert!(is_hosts("looked:faces") && is_hosts("looked:"));
        assert!(!is_hosts("looked") && !is_hosts("overlooked:faces"));
    }
}
