//! `rate`: frames at another rate, by dropping and repeating.
//!
//! Owns the slots: one every interval from the first frame on. A frame fills the newest slot that
//! is due at its PTS and keeps that PTS; slots that passed since the frame before are filled with
//! that one, at their own PTS. No slot is filled twice, so over any stretch the rate is exact, and
//! no frame waits for another.

use crate::diagnostic::Diagnostic;
use crate::media::{Frame, Item, Pts, Rate};
use crate::node::{
    About, Adjusted, Contract, Counter, Filter, Format, Handled, Inputs, Node, NodeError, NodeKind, Output,
    Role, Setting, Settings, Site, Takes, VideoFormat, Wish,
};

static ABOUT: About = About {
    name: "rate",
    role: Role::Filter,
    summary: "brings frames to another rate, by dropping and repeating",
    with: &[Setting::required("to", Takes::Rate, "Frames a second")],
    beside: &[],
    open: false,
    example: "- id: slow\n  kind: rate\n  with: { to: 10 }\n  inputs: camera\n",
};

/// The kind.
pub struct ChangeRate;

impl NodeKind for ChangeRate {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, _: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        Ok(Contract::of_frames())
    }

    fn outputs(&self, settings: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let rate = Some(settings.rate("to"));
        let frames = inputs.iter().flatten().filter_map(Format::frames);
        Ok(frames.map(|video| Format::Frames(VideoFormat { rate, ..video })).collect())
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        Ok(Node::Filter(Box::new(Changer {
            rate: settings.rate("to"),
            running: None,
            dropped: site.counters.named("dropped"),
            repeated: site.counters.named("repeated"),
        })))
    }
}

struct Changer {
    rate: Rate,
    running: Option<Running>,
    dropped: Counter,
    repeated: Counter,
}

struct Running {
    /// When slot 0 is due.
    origin: Pts,
    /// The next slot to fill.
    slot: u64,
    /// What fills slots that pass until another frame comes.
    last: Frame,
}

impl Filter for Changer {
    fn process(&mut self, mut inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        let Some(frame) = inputs.take_frame(0) else {
            return Ok(());
        };
        let Some(running) = &mut self.running else {
            self.running = Some(Running { origin: frame.pts, slot: 1, last: frame.clone() });
            out.give(0, Item::Frame(frame));
            return Ok(());
        };
        let due = |slot: u64| running.origin.shifted(self.rate.pts_of(slot).nanos());
        // A stream that stood still for longer than a second goes on, rather than catching up.
        if frame.pts.since(due(running.slot)).as_secs() >= 1 {
            *running = Running { origin: frame.pts, slot: 1, last: frame.clone() };
            out.give(0, Item::Frame(frame));
            return Ok(());
        }
        let mut slot = running.slot;
        while due(slot + 1) <= frame.pts {
            out.give(0, Item::Frame(running.last.clone()).with_pts(due(slot)));
            self.repeated.add(1);
            slot += 1;
        }
        let fills = due(slot) <= frame.pts;
        running.slot = if fills { slot + 1 } else { slot };
        running.last = frame.clone();
        match fills {
            true => out.give(0, Item::Frame(frame)),
            false => self.dropped.add(1),
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Output) -> Result<(), NodeError> {
        Ok(())
    }

    fn request(&mut self, _: Wish) -> Handled {
        Handled::PassOn
    }

    fn adjust(&mut self, settings: &Settings, _: &[Option<Format>]) -> Adjusted {
        // The next frame begins a new row of slots.
        (self.rate, self.running) = (settings.rate("to"), None);
        Adjusted::Applied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, PixelFormat, Pool, Size};
    use crate::node::Epoch;
    use serde_json::json;
    use std::time::{Instant, SystemTime};

    /// What comes out, as (milliseconds, sequence number), of frames at these milliseconds.
    fn changed(to: &str, millis: impl IntoIterator<Item = i64>) -> Vec<(i64, u64)> {
        let settings = Settings::from_json(ABOUT.with, &json!({ "to": to })).unwrap();
        let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: false };
        let pool = Pool::new(1 << 20);
        let built = ChangeRate.build(&settings, &[], &Site::alone("rate", pool.clone(), epoch)).unwrap();
        let Node::Filter(mut filter) = built else { unreachable!("rate is a filter") };
        let mut out = Output::default();
        let format = FrameFormat::new(PixelFormat::Gray8, Size::new(1, 1).unwrap());
        for (sequence, millis) in millis.into_iter().enumerate() {
            let pts = Pts::from_nanos(millis * 1_000_000);
            let frame = Frame::pooled(&pool, format, pts, sequence as u64).unwrap();
            filter.process(Inputs::one(Item::Frame(frame)), &mut out).unwrap();
        }
        let given = out.drain().map(|(_, item)| match item {
            Item::Frame(frame) => (frame.pts.nanos() / 1_000_000, frame.sequence),
            _ => unreachable!("rate gives frames"),
        });
        given.collect()
    }

    #[test]
    fn a_lower_rate_drops_and_keeps_each_frames_own_time() {
        let given = changed("10", (0..10).map(|n| n * 50));
        assert_eq!(given, [(0, 0), (100, 2), (200, 4), (300, 6), (400, 8)]);
    }

    #[test]
    fn a_higher_rate_repeats_in_between() {
        let given = changed("20", [1000, 1100, 1200]);
        assert_eq!(given, [(1000, 0), (1050, 0), (1100, 1), (1150, 1), (1200, 2)]);
    }

    #[test]
    fn jitter_does_not_change_the_rate() {
        let jitter = [0, 7, -6, 4, -3, 9, -9, 2];
        let given = changed("10", (0..300).map(|n| 500 + n * 33 + jitter[n as usize % 8]));
        let seconds = (299 * 33) as f64 / 1000.0;
        assert!((given.len() as f64 - seconds * 10.0).abs() <= 1.5, "{} in {seconds} s", given.len());
        assert!(given.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_long_pause_is_not_made_up_for() {
        assert_eq!(
            changed("10", [0, 100, 3_600_000, 3_600_100]),
            [(0, 0), (100, 1), (3_600_000, 2), (3_600_100, 3)]
        );
    }
}
