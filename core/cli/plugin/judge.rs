//! The node kind `judge`: the end of a trial's graph, which looks at what the plugin gave.
//!
//! Owns the comparison with a golden clip and the file of what was found. Only `plugin test` has
//! this kind; a graph file cannot name it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

use super::golden::{Bar, Compared, Golden, Likeness};
use crate::diagnostic::Diagnostic;
use crate::media::{Detection, Frame, PixelFormat};
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
        let lines = self.asked.detections.as_deref().map(Lines::create).transpose()?;
        Ok(Node::Sink(Box::new(Bench { golden, lines, seen: self.seen.clone() })))
    }
}

/// Where the judge sits.
struct Bench {
    golden: Option<(Golden, Bar)>,
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
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        if let Some(lines) = &mut self.lines {
            lines.finish()?;
        }
        if let Some((golden, _)) = &mut self.golden {
            lock(&self.seen).unmatched += golden.left().map_err(NodeError::stop_graph)?;
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

/// What was found, a line a frame.
struct Lines {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Lines {
    fn create(path: &FilePath) -> Result<Lines, NodeError> {
        let file = File::create(path).map_err(|error| unwritable(path, error))?;
        Ok(Lines { path: path.to_owned(), file: BufWriter::new(file) })
    }

    fn write(&mut self, frame: &Frame) -> Result<(), NodeError> {
        writeln!(self.file, "{}", line(frame)).map_err(|error| unwritable(&self.path, error))
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        self.file.flush().map_err(|error| unwritable(&self.path, error))
    }
}

fn unwritable(path: &FilePath, error: std::io::Error) -> NodeError {
    NodeError::stop_graph(format!("{} cannot be written", path.display())).caused_by(error)
}

fn line(frame: &Frame) -> Json {
    let found = frame.annotations();
    json!({
        "sequence": frame.sequence,
        "pts_ns": frame.pts.nanos(),
        "detections": found.detections.iter().map(detection).collect::<Vec<_>>(),
        "tags": found.tags,
        "looked": found.looked.iter().map(|node| &**node).collect::<Vec<_>>(),
    })
}

fn detection(found: &Detection) -> Json {
    let region = found.region;
    json!({
        "label": &*found.label,
        "score": found.score,
        "box": [region.x, region.y, region.width, region.height],
        "track": found.track,
    })
}
