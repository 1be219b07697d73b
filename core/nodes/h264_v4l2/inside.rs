//! The frames that are inside an encoder, by the stamp that each was sent with.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::media::{Annotations, Frame, Pts};

/// What a frame leaves outside, for the access unit that is made of it.
#[derive(Clone, Debug)]
pub(super) struct Of {
    pub pts: Pts,
    pub sequence: u64,
    pub annotations: Arc<Annotations>,
}

/// In the order in which they went in, which is that in which they come out.
#[derive(Default)]
pub(super) struct Inside {
    frames: VecDeque<(u64, Of)>,
    /// In microseconds, as drivers keep them.
    last: u64,
}

impl Inside {
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether any frame ever went in.
    pub fn has_begun(&self) -> bool {
        self.last > 0
    }

    /// A frame goes in with this stamp: its PTS as near as it can be. 0 is none, to some drivers, and two frames
    /// never have the same.
    pub fn enter(&mut self, frame: &Frame) -> Duration {
        self.last = (frame.pts.nanos() / 1000).max(0).unsigned_abs().max(self.last + 1);
        let (pts, sequence, annotations) = (frame.pts, frame.sequence, frame.annotations().clone());
        self.frames.push_back((self.last, Of { pts, sequence, annotations }));
        Duration::from_micros(self.last)
    }

    /// The frame with this stamp has come out, and how many before it never will. `None` when none has it.
    pub fn leave(&mut self, stamp: Duration) -> Option<(Of, usize)> {
        let place = self.frames.iter().position(|(of, _)| Duration::from_micros(*of) == stamp)?;
        let (_, of) = self.frames.drain(..=place).next_back()?;
        Some((of, place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, PixelFormat, Pool};

    fn frame(nanos: i64, sequence: u64) -> Frame {
        let format = FrameFormat::new(PixelFormat::I420, "16x16".parse().unwrap());
        Frame::pooled(&Pool::new(1 << 16), format, Pts::from_nanos(nanos), sequence).unwrap()
    }

    #[test]
    fn stamps_rise_from_one_on_whatever_the_pts_are_and_pts_come_back_whole() {
        let mut inside = Inside::default();
        assert!(!inside.has_begun());
        let all = [-5_000, 0, 1_001, 1_002, 33_366_701];
        let stamps: Vec<Duration> = all.iter().map(|nanos| inside.enter(&frame(*nanos, 0))).collect();
        assert_eq!(stamps, [1, 2, 3, 4, 33_366].map(Duration::from_micros));
        let left = stamps.iter().map(|stamp| inside.leave(*stamp).unwrap().0.pts.nanos());
        assert_eq!(left.collect::<Vec<_>>(), all);
        assert!(inside.is_empty() && inside.has_begun());
    }

    #[test]
    fn frames_before_one_that_came_out_are_left_out_and_none_comes_out_twice() {
        let mut inside = Inside::default();
        let stamps: Vec<Duration> = (0..4).map(|n| inside.enter(&frame(n * 1_000_000, n as u64))).collect();
        let (of, skipped) = inside.leave(stamps[2]).unwrap();
        assert_eq!((of.sequence, skipped, inside.len()), (2, 2, 1));
        assert!(inside.leave(stamps[2]).is_none() && inside.leave(stamps[0]).is_none());
        assert!(inside.leave(Duration::from_secs(9)).is_none());
        assert_eq!(inside.len(), 1);
    }
}
