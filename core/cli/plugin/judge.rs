//! The node kind `judge`: the end of a trial's graph, which looks at what the plugin gave.
//!
//! Owns what becomes of one frame after another. Leaves golden clips to `golden` and detections to `found`.
//! Only `plugin test` has this kind; a graph file cannot name it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::found::{self, Lines, Tolerance};
use super::golden::{Bar, Compared, Golden, Likeness};
use crate::diagnostic::Diagnostic;
use crate::media::{Frame, PixelFormat};
use crate::node::{
    About, Accepts, Adjusted, Contract, Format, InputPort, Inputs, Node, NodeError, NodeKind, Pace, Role,
    Settings, Sink, Site, Work,
};

static ABOUT: About = About {
    name: "judge",
    role: Role::Sink,
    summary: "looks at what a plugin under test gives",
    with: &[],
    beside: &[],
    open: false,
    example: "",
};

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub golden: Option<(PathBuf, Bar)>,
    /// One JSON object a frame goes here.
    pub detections: Option<PathBuf>,
    /// What they are held against.
    pub golden_detections: Option<(PathBuf, Tolerance)>,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub frames: u64,
    pub detections: u64,
    /// The frame most unlike its golden one.
    pub worst: Option<(u64, Likeness)>,
    /// Frames below the bar.
    pub below: u64,
    /// Frames of the output, or of the golden clip, that the other one lacks.
    pub unmatched: u64,
    pub found: SeenFound,
}

/// What was seen of the detections that were expected.
#[derive(Clone, Debug, Default)]
pub struct SeenFound {
    /// How far numbers were apart that are alike, at the most.
    pub farthest: f32,
    /// Frames that have others.
    pub differing: u64,
    /// The first of them, and what differs.
    pub first: Option<(u64, String)>,
    /// Frames that the output, or what was kept, lacks.
    pub unmatched: u64,
}

/// The kind, and where what its one node sees is kept.
pub struct Judge {
    asked: Asked,
    seen: Arc<Mutex<Seen>>,
}

impl Judge {
    pub fn new(asked: Asked) -> Judge {
        Judge { asked, seen: Arc::default() }
    }

    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    // Plain counts: nothing can be left half-written.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl NodeKind for Judge {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, _: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        // What a Y4M file can hold, since that is what it is held against.
        let accepts = Accepts::frames(&[PixelFormat::I420, PixelFormat::Gray8]);
        Ok(Contract {
            inputs: vec![InputPort::each("frames", accepts)],
            outputs: vec![],
            work: Work::Device,
            pace: Pace::Free,
        })
    }

    fn outputs(&self, _: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        Ok(vec![])
    }

    fn build(&self, _: &Settings, _: &[Option<Format>], _: &Site) -> Result<Node, NodeError> {
        let golden = match &self.asked.golden {
            Some((path, bar)) => Some((Golden::open(path).map_err(NodeError::stop_graph)?, *bar)),
            None => None,
        };
        // Before the file is made anew that may be the same.
        let kept = match &self.asked.golden_detections {
            Some((path, bar)) => Some((found::Golden::open(path).map_err(NodeError::stop_graph)?, *bar)),
            None => None,
        };
        let lines = self.asked.detections.as_deref().map(Lines::create).transpose()?;
        Ok(Node::Sink(Box::new(Bench { golden, kept, lines, seen: self.seen.clone() })))
    }
}

/// Where the judge sits.
struct Bench {
    golden: Option<(Golden, Bar)>,
    kept: Option<(found::Golden, Tolerance)>,
    lines: Option<Lines>,
    seen: Arc<Mutex<Seen>>,
}

impl Sink for Bench {
    fn consume(&mut self, mut inputs: Inputs) -> Result<(), NodeError> {
        let Some(frame) = inputs.take_frame(0) else { return Ok(()) };
        if let Some(lines) = &mut self.lines {
            lines.write(&frame)?;
        }
        let mut seen = lock(&self.seen);
        seen.frames += 1;
        seen.detections += frame.annotations().detections.len() as u64;
        if let Some((golden, bar)) = &mut self.golden {
            match golden.compare(&frame).map_err(NodeError::stop_graph)? {
                Compared::To(likeness) => seen.note(frame.sequence, likeness, *bar),
                Compared::Over => seen.unmatched += 1,
            }
        }
        if let Some((kept, tolerance)) = &mut self.kept {
            let compared = kept.compare(&frame, *tolerance).map_err(NodeError::stop_graph)?;
            seen.found.note(&frame, compared);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        if let Some(lines) = &mut self.lines {
            lines.finish()?;
        }
        if let Some((golden, _)) = &mut self.golden {
            lock(&self.seen).unmatched += golden.left().map_err(NodeError::stop_graph)?;
        }
        if let Some((kept, _)) = &mut self.kept {
            lock(&self.seen).found.unmatched += kept.left().map_err(NodeError::stop_graph)?;
        }
        Ok(())
    }

    /// What is judged by is the same from the first frame to the last.
    fn adjust(&mut self, _: &Settings, _: &[Option<Format>]) -> Adjusted {
        Adjusted::NeedsRebuild
    }
}

impl Seen {
    fn note(&mut self, sequence: u64, likeness: Likeness, bar: Bar) {
        self.below += u64::from(!bar.is_met_by(likeness));
        if self.worst.is_none_or(|(_, worst)| likeness.decibels() < worst.decibels()) {
            self.worst = Some((sequence, likeness));
        }
    }
}

impl SeenFound {
    fn note(&mut self, frame: &Frame, compared: found::Compared) {
        match compared {
            found::Compared::Alike(apart) => self.farthest = self.farthest.max(apart),
            found::Compared::Differs(how) => {
                self.differing += 1;
                self.first.get_or_insert((frame.sequence, how));
            }
            found::Compared::Over => self.unmatched += 1,
        }
    }
}
