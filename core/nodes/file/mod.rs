//! `file`: frames from a Y4M or raw file, a pipe, or standard input.
//!
//! Owns the kind, and putting frames together from bytes as they come. A frame that has only half
//! come is kept until the rest does, so that a slow pipe never holds the graph up.

mod input;
mod y4m;

use std::fs::Metadata;
use std::path::{Path as FilePath, PathBuf};
use std::time::{Duration, Instant};

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{Frame, FrameFormat, Item, PixelFormat, Pool, PoolFull, Rate};
use crate::node::{
    About, Adjusted, Contract, Flow, Format, Handled, Node, NodeError, NodeKind, Output, OutputPort, Pace,
    Role, Setting, Settings, Site, Source, Takes, VideoFormat, Wish, Work,
};
use input::{Got, Input, Line};
use y4m::Header;

static ABOUT: About = About {
    name: "file",
    role: Role::Source,
    summary: "frames from a Y4M or raw file, a pipe, or standard input",
    with: &[
        Setting::required("path", Takes::Path, "The file or named pipe; - is standard input"),
        Setting::with_default("loop", Takes::Bool, "false", "Begin again at the end; not for pipes"),
        Setting::with_default(
            "pace",
            Takes::Choice(&["realtime", "fast"]),
            "realtime",
            "In a live graph: as the rate says, or as fast as the graph takes them",
        ),
        Setting::optional(
            "format",
            Takes::Choice(&["i420", "nv12", "gray8", "rgb24", "rgba32"]),
            "The pixel format of a raw file; without it the file is Y4M",
        ),
        Setting::optional("size", Takes::Size, "The size of a raw file's pictures; a Y4M file says its own"),
        Setting::optional(
            "rate",
            Takes::Rate,
            "Frames a second; a Y4M file says its own, and this overrides it",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: camera\n  kind: file\n  with: { path: clip.y4m, loop: true }\n",
};

/// `next` comes back by then.
const PATIENCE: Duration = Duration::from_millis(100);

/// The kind.
pub struct FromFile;

impl NodeKind for FromFile {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let mut findings = Vec::new();
        if let Err(finding) = known_header(settings) {
            findings.push(finding);
        }
        findings.extend(faults(settings));
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(Contract {
            inputs: vec![],
            outputs: vec![OutputPort { name: "frames" }],
            work: Work::Device,
            pace: if settings.choice("pace") == "fast" { Pace::Free } else { Pace::ByPts },
        })
    }

    fn outputs(&self, settings: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        Ok(vec![Format::Frames(promised(settings)?)])
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let path = settings.path("path").to_owned();
        let promised = promised(settings).map_err(|finding| NodeError::stop_graph(finding.message))?;
        let input = Input::open(&path).map_err(|error| {
            NodeError::stop_graph(format!("{} cannot be opened", path.display())).caused_by(error)
        })?;
        let raw = raw_format(settings);
        Ok(Node::Source(Box::new(Reader {
            path,
            input,
            again: settings.bool("loop"),
            settings: settings.clone(),
            wanted_pixel: promised.pixel,
            wanted_rate: settings.try_rate("rate"),
            known: raw.zip(settings.try_rate("rate")).map(|(format, rate)| Known {
                format,
                rate,
                start: 0,
                marked: false,
            }),
            part: Part::Between,
            line: Vec::new(),
            number: 0,
            given_this_round: false,
            pool: site.pool.clone(),
        })))
    }
}

fn at(key: &str) -> Path {
    Path::root().key("with").key(key)
}

/// Faults that need no look at the file.
fn faults(settings: &Settings) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let given = |key| settings.get(key).is_some();
    if given("format") {
        let missing = ["size", "rate"].into_iter().filter(|key| !given(key));
        found.extend(missing.map(|key| {
            Diagnostic::error(
                "missing-key",
                Path::root().key("with"),
                format!("a raw file needs \"{key}\" beside \"format\""),
            )
        }));
    } else if given("size") {
        let rule = "\"size\" is for raw files, which need \"format\" too; a Y4M file says its own size";
        found.push(
            Diagnostic::error("missing-key", at("size"), rule)
                .help("add `format: i420`, or leave `size` out"),
        );
    }
    let path = settings.path("path");
    let pipe = is_standard_input(path) || std::fs::metadata(path).is_ok_and(|found| !found.is_file());
    if settings.bool("loop") && pipe {
        let rule = format!("\"loop\" needs a file that can be read again, and {} is a pipe", path.display());
        found.push(Diagnostic::error("out-of-range", at("loop"), rule));
    }
    found
}

fn is_standard_input(path: &FilePath) -> bool {
    path.to_str() == Some("-")
}

fn raw_format(settings: &Settings) -> Option<FrameFormat> {
    let pixel = settings.try_choice("format")?.parse().expect("each choice is the name of a pixel format");
    Some(FrameFormat::new(pixel, settings.try_size("size")?))
}

/// What is known before the first byte of a pipe; of a Y4M file, what its header says.
fn promised(settings: &Settings) -> Result<VideoFormat, Diagnostic> {
    if let Some(raw) = raw_format(settings) {
        return Ok(VideoFormat { pixel: raw.pixel, size: Some(raw.size), rate: settings.try_rate("rate") });
    }
    let rate = settings.try_rate("rate");
    Ok(match known_header(settings)? {
        Some(header) => {
            VideoFormat { pixel: header.pixel, size: Some(header.size), rate: rate.or(header.rate) }
        }
        None => VideoFormat { pixel: PixelFormat::I420, size: None, rate },
    })
}

/// The header of a Y4M file that stands still; nothing is read from a pipe before the graph runs.
fn known_header(settings: &Settings) -> Result<Option<Header>, Diagnostic> {
    let path = settings.path("path");
    if is_standard_input(path) {
        return Ok(None);
    }
    let bad = |message| Diagnostic::error("bad-file", at("path"), message);
    let found: Metadata = std::fs::metadata(path).map_err(|error| {
        Diagnostic::error("file-not-found", at("path"), format!("{} cannot be read: {error}", path.display()))
            .help("a path is relative to the folder of the graph that names it")
    })?;
    if found.is_dir() {
        return Err(bad(format!("{} is a folder, and \"path\" must be a file or a pipe", path.display())));
    }
    if !found.is_file() || settings.get("format").is_some() {
        return Ok(None);
    }
    let header = read_header(path).map_err(bad)?;
    if header.rate.is_none() && settings.try_rate("rate").is_none() {
        let rule = format!("{} does not say its rate", path.display());
        return Err(Diagnostic::error("missing-key", Path::root().key("with"), rule).help("add `rate: 30`"));
    }
    Ok(Some(header))
}

fn read_header(path: &FilePath) -> Result<Header, String> {
    let soon = Instant::now() + PATIENCE;
    let mut line = Vec::new();
    let read = Input::open(path).and_then(|mut input| input.line(&mut line, y4m::MOST_HEADER, soon));
    match read {
        Ok(Line::Whole) => parse_header(path, &line),
        Ok(_) => Err(parse_header(path, &line).err().unwrap_or_else(|| no_end(path, line.len()))),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
    }
}

fn parse_header(path: &FilePath, line: &[u8]) -> Result<Header, String> {
    y4m::parse(line).map_err(|fault| format!("{}: byte {}: {}", path.display(), fault.offset, fault.message))
}

fn no_end(path: &FilePath, offset: usize) -> String {
    format!("{}: byte {offset}: the file ends inside its header", path.display())
}

/// What all frames of the stream have in common, once it is known.
#[derive(Clone, Copy)]
struct Known {
    format: FrameFormat,
    rate: Rate,
    /// The byte of the first frame.
    start: u64,
    /// Whether each frame has a line before it, as in Y4M.
    marked: bool,
}

/// Where in the stream the reader stands.
enum Part {
    /// Before a frame.
    Between,
    /// Within its samples.
    Samples { frame: Frame, filled: usize },
}

struct Reader {
    path: PathBuf,
    input: Input,
    again: bool,
    settings: Settings,
    wanted_pixel: PixelFormat,
    wanted_rate: Option<Rate>,
    known: Option<Known>,
    part: Part,
    /// A header or marker line that has come in part.
    line: Vec<u8>,
    number: u64,
    given_this_round: bool,
    pool: Pool,
}

/// What came of one step.
enum Step {
    On,
    Give(Frame),
    Wait,
    End,
}

impl Source for Reader {
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.step(deadline)? {
                Step::On => {}
                Step::Wait => return Ok(Flow::Waiting),
                Step::End => return Ok(Flow::End),
                Step::Give(frame) => {
                    out.give(0, Item::Frame(frame));
                    return Ok(Flow::More);
                }
            }
        }
    }

    /// Sleeps where it stands: the next picture follows the last. Whoever writes into a pipe waits.
    fn request(&mut self, wish: Wish) -> Handled {
        match wish {
            Wish::Sleep | Wish::Wake => Handled::Here,
            Wish::Keyframe | Wish::Bitrate(_) | Wish::Stop => Handled::PassOn,
        }
    }

    fn adjust(&mut self, settings: &Settings) -> Adjusted {
        if !settings.same_but_for(&self.settings, &["loop"]) {
            return Adjusted::NeedsRebuild;
        }
        self.again = settings.bool("loop");
        Adjusted::Applied
    }
}

impl Reader {
    fn step(&mut self, deadline: Instant) -> Result<Step, NodeError> {
        match (self.known, std::mem::replace(&mut self.part, Part::Between)) {
            (None, _) => self.header(deadline),
            (Some(known), Part::Between) => self.begin(known, deadline),
            (Some(_), Part::Samples { frame, filled }) => self.samples(frame, filled, deadline),
        }
    }

    fn header(&mut self, deadline: Instant) -> Result<Step, NodeError> {
        match self
            .input
            .line(&mut self.line, y4m::MOST_HEADER, deadline)
            .map_err(|error| self.unreadable(error))?
        {
            Line::Part => return Ok(Step::Wait),
            Line::None if self.line.is_empty() => return Err(self.fault("nothing came before the end")),
            Line::None => {
                parse_header(&self.path, &self.line).map_err(NodeError::stop_graph)?;
                return Err(NodeError::stop_graph(no_end(&self.path, self.line.len())));
            }
            Line::Whole => {}
        }
        let header = parse_header(&self.path, &self.line).map_err(NodeError::stop_graph)?;
        if header.pixel != self.wanted_pixel {
            let (got, wanted) = (header.pixel, self.wanted_pixel);
            return Err(self.fault(&format!("the pictures are {got}, and a pipe's must be {wanted}")));
        }
        let rate = self.wanted_rate.or(header.rate);
        let rate = rate.ok_or_else(|| self.fault("the stream does not say its rate; add `rate: 30`"))?;
        let mut format = FrameFormat::new(header.pixel, header.size);
        format.colour.range = header.range.unwrap_or(format.colour.range);
        self.line.clear();
        self.known = Some(Known { format, rate, start: self.input.offset(), marked: true });
        Ok(Step::On)
    }

    /// Takes a frame's marker, if there are any, and memory for its samples.
    fn begin(&mut self, known: Known, deadline: Instant) -> Result<Step, NodeError> {
        if known.marked && !self.line.starts_with(b"FRAME\n") {
            match self
                .input
                .line(&mut self.line, y4m::MOST_HEADER, deadline)
                .map_err(|error| self.unreadable(error))?
            {
                Line::Part => return Ok(Step::Wait),
                Line::None if self.line.is_empty() => return self.end_of_round(known),
                Line::Whole if self.line == b"FRAME" || self.line.starts_with(b"FRAME ") => {}
                Line::Whole | Line::None => {
                    let start = self.input.offset() - self.line.len() as u64;
                    return Err(
                        self.fault_at(start, &format!("frame {} does not begin with FRAME", self.number))
                    );
                }
            }
            // Kept until there is memory: the marker is not read twice.
            self.line.clear();
            self.line.extend_from_slice(b"FRAME\n");
        }
        let pts = known.rate.pts_of(self.number);
        match Frame::pooled(&self.pool, known.format, pts, self.number) {
            Ok(frame) => {
                self.line.clear();
                self.part = Part::Samples { frame, filled: 0 };
                Ok(Step::On)
            }
            Err(full) if full.asked > full.limit => Err(NodeError::stop_graph(full.to_string())),
            Err(_) => {
                // A file loses nothing by waiting until somebody lets go of a frame.
                std::thread::sleep(Duration::from_millis(2));
                Ok(Step::Wait)
            }
        }
    }

    fn samples(&mut self, mut frame: Frame, filled: usize, deadline: Instant) -> Result<Step, NodeError> {
        let needed = frame.pixel().bytes(frame.size());
        let got = with_rest(&mut frame, filled, |rest| self.input.read(rest, deadline))?;
        match got.map_err(|error| self.unreadable(error))? {
            Got::Bytes(count) if filled + count == needed => {
                self.number += 1;
                self.given_this_round = true;
                return Ok(Step::Give(frame));
            }
            Got::Bytes(count) => self.part = Part::Samples { frame, filled: filled + count },
            Got::Nothing => {
                self.part = Part::Samples { frame, filled };
                return Ok(Step::Wait);
            }
            Got::End => {
                let known = self.known.expect("samples come after a header");
                if filled == 0 && !known.marked {
                    return self.end_of_round(known);
                }
                return Err(self.fault(&format!(
                    "the file ends inside frame {}, after {filled} of {needed} bytes",
                    self.number
                )));
            }
        }
        Ok(Step::On)
    }

    fn end_of_round(&mut self, known: Known) -> Result<Step, NodeError> {
        if !self.again || !self.input.can_rewind() {
            return Ok(Step::End);
        }
        if !self.given_this_round {
            return Err(self.fault("there is no frame to begin again with"));
        }
        self.given_this_round = false;
        self.input.rewind_to(known.start).map_err(|error| self.unreadable(error))?;
        Ok(Step::On)
    }

    fn fault(&self, message: &str) -> NodeError {
        self.fault_at(self.input.offset(), message)
    }

    fn fault_at(&self, offset: u64, message: &str) -> NodeError {
        NodeError::stop_graph(format!("{}: byte {offset}: {message}", self.path.display()))
    }

    fn unreadable(&self, error: std::io::Error) -> NodeError {
        self.fault("it cannot be read further").caused_by(error)
    }
}

/// Calls `read` with what follows the first `filled` bytes of a frame's samples, as far as it lies
/// in one run of memory.
fn with_rest<T>(frame: &mut Frame, filled: usize, read: impl FnOnce(&mut [u8]) -> T) -> Result<T, PoolFull> {
    let mut left = filled;
    for index in 0..frame.planes().len() {
        let shape = frame.plane(index).shape();
        let length = shape.rows * shape.row_bytes;
        if left >= length {
            left -= length;
            continue;
        }
        let mut plane = frame.plane_mut(index)?;
        return Ok(match plane.stride() == shape.row_bytes {
            true => read(&mut plane.bytes()[left..length]),
            false => read(&mut plane.row(left / shape.row_bytes)[left % shape.row_bytes..]),
        });
    }
    unreachable!("a frame is given as soon as it is full")
}
