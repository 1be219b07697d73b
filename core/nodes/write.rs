//! `write`: encoded video or raw frames into a file.
//!
//! Owns which form is written, as the name's ending says (`mp4`, Annex B, `y4m`), and when one file ends
//! and another begins. The forms, the names and the file itself have their own pages.

mod claim;
mod leftover;
mod mp4;
mod name;
mod target;
mod y4m;

use std::path::{Path as FilePath, PathBuf};
use std::time::SystemTime;

use jiff::Zoned;

use claim::Claim;
use mp4::Movie;
use name::{ENDINGS, Ending};
use target::{Target, partial_of};

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{AccessUnit, Frame, FrameFormat, Item, PixelFormat, Rate};
use crate::node::{
    About, Accepts, Adjusted, Contract, Counter, Format, InputPort, Inputs, Node, NodeError, NodeKind, Pace,
    Role, Setting, Settings, Sink, Site, Takes, Wish, Work,
};

static ABOUT: About = About {
    name: "write",
    role: Role::Sink,
    summary: "records encoded video as MP4 or bare H.264 (Annex B), or frames as Y4M",
    with: &[
        Setting::required(
            "path",
            Takes::Path,
            "The file: .mp4 keeps the time of every picture and plays to its last whole second however it \
             ends, .h264 is bare video, .y4m is frames; - is standard output. Its name may hold the local \
             time it is opened at (%Y %m %d %H %M %S, %% for a percent sign), as front-%Y%m%d-%H%M%S.mp4 \
             does. It is called NAME.part until it is whole; what an interrupted run left so is kept as \
             NAME.interrupted-1.mp4",
        ),
        Setting::with_default(
            "overwrite",
            Takes::Bool,
            "false",
            "Whether a file of that name may be replaced",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: record\n  kind: write\n  with: { path: front-%Y%m%d-%H%M%S.mp4 }\n  inputs: h264\n",
};

/// The kind.
#[derive(Default)]
pub struct ToFile {
    looks_only: bool,
}

impl ToFile {
    /// For whoever looks at a plan and writes nothing: files that are there already are no fault of it.
    pub fn looked_at() -> ToFile {
        ToFile { looks_only: true }
    }
}

impl NodeKind for ToFile {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let wanted = settings.path("path");
        let mut findings = name::check(wanted);
        let path = name::at(wanted, &Zoned::now());
        // One that is checked again while it runs may have finished its first file and be at another.
        let is_ours = claim::is_claimed(&partial_of(&path));
        let is_taken = path.is_file() && !settings.bool("overwrite") && !is_ours;
        if is_taken && !name::is_dated(wanted) && !self.looks_only {
            let rule = format!("{} is there already", path.display());
            let dated = name::marked(FilePath::new(&name::file_name(wanted)), "-%Y%m%d-%H%M%S");
            let help = format!(
                "give each run its own file by the date in its name, such as {}; or add `overwrite: true`, or \
                 give another path",
                dated.display()
            );
            findings.push(Diagnostic::error("file-exists", at_path(), rule).help(help));
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        let frames = Accepts::frames(&[PixelFormat::I420, PixelFormat::Gray8]);
        Ok(Contract {
            inputs: vec![InputPort::each("items", [vec![Accepts::AccessUnits], frames].concat())],
            outputs: vec![],
            work: Work::Device,
            pace: Pace::Free,
        })
    }

    fn outputs(&self, settings: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let path = settings.path("path");
        if name::is_stream(path) {
            return Ok(vec![]);
        }
        let (holds, gets, help) = match (inputs.first().copied().flatten(), Ending::of(path)) {
            (Some(Format::AccessUnits(_)), Some(Ending::Y4m)) => {
                ("raw frames", "h264", format!("name it {ENDINGS}"))
            }
            (Some(Format::Frames(_)), Some(Ending::Mp4 | Ending::AnnexB)) => {
                let help = "put an `h264` node before it, or name it .y4m for frames as they are".to_owned();
                ("encoded video", "raw frames", help)
            }
            _ => return Ok(vec![]),
        };
        let rule = format!("{} would hold {holds} by its name, and gets {gets}", path.display());
        Err(Diagnostic::error("formats-disagree", at_path(), rule).help(help))
    }

    fn build(&self, settings: &Settings, inputs: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let wanted = settings.path("path").to_owned();
        Ok(Node::Sink(Box::new(Writer {
            target: Target::open(&wanted, settings.bool("overwrite"), site)?,
            is_mp4: Ending::of(&wanted) == Some(Ending::Mp4) && !name::is_stream(&wanted),
            wanted,
            begun: Begun::Nothing,
            rate: rate_of(inputs),
            settings: settings.clone(),
            inputs: inputs.to_vec(),
            buffer: Vec::new(),
            first: None,
            site: site.clone(),
            items: site.counters.named("items"),
            bytes: site.counters.named("bytes"),
            bytes_before: 0,
        })))
    }
}

fn rate_of(inputs: &[Option<Format>]) -> Option<Rate> {
    inputs.first().copied().flatten().and_then(|format| format.video()?.rate)
}

fn at_path() -> Path {
    Path::root().key("with").key("path")
}

struct Writer {
    target: Target,
    /// The path as it is in the graph.
    wanted: PathBuf,
    is_mp4: bool,
    begun: Begun,
    rate: Option<Rate>,
    /// What it was built for.
    settings: Settings,
    inputs: Vec<Option<Format>>,
    buffer: Vec<u8>,
    /// The name it began with, once it writes another.
    first: Option<Claim>,
    site: Site,
    items: Counter,
    bytes: Counter,
    /// In files that are finished.
    bytes_before: u64,
}

/// What a file holds, which it cannot change.
enum Begun {
    Nothing,
    /// A Y4M file holds frames of one format.
    Frames(FrameFormat),
    Movie(Box<Movie>),
}

impl Sink for Writer {
    fn consume(&mut self, mut inputs: Inputs) -> Result<(), NodeError> {
        match inputs.take(0) {
            Some(Item::AccessUnit(unit)) if self.is_mp4 => return self.film(&unit),
            Some(Item::AccessUnit(unit)) => self.target.write(&unit.data)?,
            Some(Item::Frame(frame)) => {
                self.lay_out(&frame)?;
                self.target.write(&self.buffer)?;
            }
            Some(Item::Detections(_)) | None => return Ok(()),
        }
        self.count();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        self.end_movie()?;
        self.bytes.set(self.bytes_before + self.target.written());
        self.target.finish()
    }

    /// A file that has begun stays what it is; encoded video may change within it.
    fn adjust(&mut self, settings: &Settings, inputs: &[Option<Format>]) -> Adjusted {
        let encoded = matches!(inputs, [Some(Format::AccessUnits(_))]);
        let same = settings.same_but_for(&self.settings, &["overwrite"]);
        match same && (encoded || *inputs == *self.inputs) {
            true => {
                self.rate = rate_of(inputs);
                Adjusted::Applied
            }
            false => Adjusted::NeedsRebuild,
        }
    }
}

impl Writer {
    /// Takes a picture into the MP4 file, or into another where the file cannot take it.
    fn film(&mut self, unit: &AccessUnit) -> Result<(), NodeError> {
        if matches!(&self.begun, Begun::Movie(movie) if !movie.takes(unit)) {
            self.begin_another()?;
        }
        if !matches!(self.begun, Begun::Movie(_)) {
            let begun = Movie::begin(unit, self.wall()).map_err(|what| {
                NodeError::stop_graph(format!("the stream for {} {what}", self.target.path()))
            })?;
            let Some(movie) = begun else {
                self.site.counters.named("before_keyframe").add(1);
                self.site.upstream.wish(Wish::Keyframe);
                return Ok(());
            };
            self.begun = Begun::Movie(Box::new(movie));
        }
        let Begun::Movie(movie) = &mut self.begun else { return Ok(()) };
        let whole = movie.push(unit);
        self.put(&whole)?;
        self.count();
        Ok(())
    }

    fn count(&self) {
        self.items.add(1);
        self.bytes.set(self.bytes_before + self.target.written());
    }

    /// When PTS zero was. Offline, pictures have nothing to do with the time they are written at.
    fn wall(&self) -> Option<SystemTime> {
        self.site.epoch.live.then_some(self.site.epoch.wall)
    }

    fn put(&mut self, whole: &[u8]) -> Result<(), NodeError> {
        if !whole.is_empty() {
            self.target.write(whole)?;
            self.target.push_out();
        }
        Ok(())
    }

    fn end_movie(&mut self) -> Result<(), NodeError> {
        if let Begun::Movie(mut movie) = std::mem::replace(&mut self.begun, Begun::Nothing) {
            self.put(&movie.finish(self.rate.map(|rate| rate.interval())))?;
        }
        Ok(())
    }

    fn begin_another(&mut self) -> Result<(), NodeError> {
        self.end_movie()?;
        self.target.finish()?;
        let next = Target::another(&self.wanted, &self.site)?;
        tracing::info!(
            node = self.site.node,
            "the video changes its size or its parameters: {} is whole, and it goes on in {}",
            self.target.path(),
            next.path()
        );
        self.bytes_before += self.target.written();
        let claim = std::mem::replace(&mut self.target, next).into_claim();
        self.first = self.first.take().or(claim);
        Ok(())
    }

    /// The frame as it stands in the file, the file's header before the first one.
    fn lay_out(&mut self, frame: &Frame) -> Result<(), NodeError> {
        self.buffer.clear();
        match self.begun {
            Begun::Frames(format) if (format.pixel, format.size) != (frame.pixel(), frame.size()) => {
                return Err(NodeError::stop_graph(format!(
                    "{} holds {} {}, and frame {} is {} {}; a Y4M file holds one format",
                    self.target.name(),
                    format.pixel,
                    format.size,
                    frame.sequence,
                    frame.pixel(),
                    frame.size()
                )));
            }
            Begun::Frames(_) => {}
            Begun::Nothing | Begun::Movie(_) => {
                self.buffer.extend_from_slice(y4m::header(frame.format(), self.rate).as_bytes());
            }
        }
        self.begun = Begun::Frames(frame.format());
        y4m::lay_out(frame, &mut self.buffer);
        Ok(())
    }
}
