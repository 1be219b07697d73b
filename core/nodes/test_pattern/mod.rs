//! `test_pattern`: a source that needs no camera and whose every frame is known beforehand.
//!
//! Owns the kind and the running source. What is drawn is a function of the seed, the frame number
//! and the size alone: [`objects`] says where the moving squares are, and [`read_frame_number`]
//! reads back which frame a picture is, after scaling and encoding too.

mod code;
mod picture;

pub use code::{CODE_HEIGHT, read_frame_number};
pub use picture::{CHANGING_HEIGHT, objects};

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{Frame, FrameFormat, Item, Pool, PoolFull, Pts, Rate};
use crate::node::{
    About, Adjusted, Contract, Flow, Format, Handled, Node, NodeError, NodeKind, Output, OutputPort, Pace,
    Role, Setting, Settings, Site, Source, Takes, VideoFormat, Wish, Work,
};
use picture::Painter;

const FORMATS: [&str; 5] = ["i420", "nv12", "gray8", "rgb24", "rgba32"];

static ABOUT: About = About {
    name: "test_pattern",
    role: Role::Source,
    summary: "moving squares over a still background, with a frame number that programs can read",
    with: &[
        Setting::with_default("size", Takes::Size, "1280x720", "Width and height, at least 64x48"),
        Setting::with_default("rate", Takes::Rate, "30", "Frames a second"),
        Setting::with_default("format", Takes::Choice(&FORMATS), "i420", "The pixel format"),
        Setting::optional(
            "count",
            Takes::Integer { least: 1, most: i64::MAX },
            "How many frames there are; without it they never end",
        ),
        Setting::with_default(
            "seed",
            Takes::Integer { least: 0, most: u32::MAX as i64 },
            "0",
            "Another seed gives another background and other paths",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: camera\n  kind: test_pattern\n  with: { size: 1280x720, rate: 30 }\n",
};

/// The smallest picture whose frame number can still be read.
const LEAST: (u32, u32) = (64, 48);

/// The kind.
pub struct TestPattern;

impl NodeKind for TestPattern {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let size = settings.size("size");
        if size.width() < LEAST.0 || size.height() < LEAST.1 {
            let rule = format!("\"size\" must be at least {}x{}, got {size}", LEAST.0, LEAST.1);
            return Err(vec![Diagnostic::error("out-of-range", Path::root().key("with").key("size"), rule)]);
        }
        Ok(Contract {
            inputs: vec![],
            outputs: vec![OutputPort { name: "frames" }],
            work: Work::Compute,
            pace: Pace::ByPts,
        })
    }

    fn outputs(&self, settings: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        Ok(vec![Format::Frames(VideoFormat {
            pixel: settings.pixel_format("format"),
            size: Some(settings.size("size")),
            rate: Some(settings.rate("rate")),
        })])
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        Ok(Node::Source(Box::new(Running {
            painter: painter(settings, &site.pool)?,
            pace: Steady { rate: settings.rate("rate"), first: 0, at: Pts::ZERO },
            number: 0,
            end: end(settings),
            pool: site.pool.clone(),
        })))
    }
}

fn painter(settings: &Settings, pool: &Pool) -> Result<Painter, PoolFull> {
    let format = FrameFormat::new(settings.pixel_format("format"), settings.size("size"));
    Painter::new(format, settings.integer("seed") as u32, pool.clone())
}

fn end(settings: &Settings) -> u64 {
    settings.try_integer("count").map_or(u64::MAX, |count| count as u64)
}

struct Running {
    painter: Painter,
    pace: Steady,
    number: u64,
    end: u64,
    pool: Pool,
}

/// A rate that holds from frame `first` on, which is due `at`.
struct Steady {
    rate: Rate,
    first: u64,
    at: Pts,
}

impl Steady {
    fn pts_of(&self, number: u64) -> Pts {
        self.at.shifted(self.rate.pts_of(number - self.first).nanos())
    }
}

impl Source for Running {
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        if self.number >= self.end {
            return Ok(Flow::End);
        }
        // Counted whatever comes of it: a frame that found no memory is one that was lost.
        let number = self.number;
        self.number += 1;
        out.give(0, Item::Frame(self.painter.frame(number, self.pace.pts_of(number))?));
        Ok(Flow::More)
    }

    /// Sleeps where it stands: the next picture follows the last.
    fn request(&mut self, wish: Wish) -> Handled {
        match wish {
            Wish::Sleep | Wish::Wake => Handled::Here,
            Wish::Keyframe | Wish::Bitrate(_) | Wish::Stop => Handled::PassOn,
        }
    }

    fn adjust(&mut self, settings: &Settings) -> Adjusted {
        let Ok(painter) = painter(settings, &self.pool) else {
            return Adjusted::NeedsRebuild;
        };
        let at = self.pace.pts_of(self.number);
        self.pace = Steady { rate: settings.rate("rate"), first: self.number, at };
        (self.painter, self.end) = (painter, end(settings));
        Adjusted::Applied
    }
}

/// The frames of a pattern one by one, for tests and author tools that need pictures and no graph.
/// They end when the pool has no room for another.
///
/// # Errors
/// [`PoolFull`] when there is no room for the background.
pub fn frames(
    format: FrameFormat,
    rate: Rate,
    seed: u32,
    pool: Pool,
) -> Result<impl Iterator<Item = Frame>, PoolFull> {
    let mut painter = Painter::new(format, seed, pool)?;
    Ok((0..).map_while(move |number| painter.frame(number, rate.pts_of(number)).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Epoch;
    use serde_json::json;
    use std::time::{Instant, SystemTime};

    fn settings(with: serde_json::Value) -> Settings {
        Settings::from_json(ABOUT.with, &with).unwrap()
    }

    #[test]
    fn frames_are_counted_timed_and_come_to_an_end() {
        let settings = settings(json!({ "size": "64x48", "rate": "30000/1001", "count": 3 }));
        let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: false };
        let site = Site::alone("camera", Pool::new(1 << 20), epoch);
        let Ok(Node::Source(mut source)) = TestPattern.build(&settings, &[], &site) else {
            panic!("the pattern is a source");
        };
        let mut out = Output::default();
        while source.next(&mut out).unwrap() == Flow::More {}
        let rate = settings.rate("rate");
        let given: Vec<_> = out.drain().map(|(_, item)| item.pts()).collect();
        assert_eq!(given, [0, 1, 2].map(|number| rate.pts_of(number)));
    }

    #[test]
    fn another_rate_goes_on_from_where_the_last_one_was() {
        let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: false };
        let site = Site::alone("camera", Pool::new(1 << 20), epoch);
        let built = TestPattern.build(&settings(json!({ "size": "64x48", "rate": 10 })), &[], &site);
        let Ok(Node::Source(mut source)) = built else { panic!("the pattern is a source") };
        let mut out = Output::default();
        (0..2).for_each(|_| assert_eq!(source.next(&mut out).unwrap(), Flow::More));
        let other = settings(json!({ "size": "96x48", "rate": 20 }));
        assert_eq!(source.adjust(&other), Adjusted::Applied);
        (0..2).for_each(|_| assert_eq!(source.next(&mut out).unwrap(), Flow::More));
        let given = out.drain().map(|(_, item)| match item {
            Item::Frame(frame) => (frame.pts.nanos() / 1_000_000, frame.sequence, frame.size().width()),
            _ => unreachable!("a pattern gives frames"),
        });
        assert_eq!(given.collect::<Vec<_>>(), [(0, 0, 64), (100, 1, 64), (200, 2, 96), (250, 3, 96)]);
    }

    #[test]
    fn a_picture_too_small_for_its_number_is_refused() {
        let found = TestPattern.contract(&settings(json!({ "size": "40x40" }))).unwrap_err();
        assert_eq!(found[0].message, "\"size\" must be at least 64x48, got 40x40");
        assert_eq!(found[0].path.to_string(), "with.size");
    }
}
