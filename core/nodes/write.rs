//! `write`: encoded video or raw frames into a file.
//!
//! Owns the two forms (Annex B, Y4M) and finishing: the file appears under its name only when it is
//! whole. Until then it is called `NAME.part`, and stays so when the disk is full or the graph dies.

mod claim;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path as FilePath, PathBuf};
use std::time::Instant;

use claim::Claim;

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{Frame, FrameFormat, Item, PixelFormat, Range, Rate};
use crate::node::{
    About, Accepts, Adjusted, Contract, Counter, Format, Halt, InputPort, Inputs, Node, NodeError, NodeKind,
    Pace, Role, Setting, Settings, Sink, Site, Takes, Work,
};

/// What a pipe that has room at all takes without waiting (PIPE_BUF, pipe(7)).
const PIPE_PIECE: usize = 4096;
const READER_WAIT_MILLIS: libc::c_int = 100;

static ABOUT: About = About {
    name: "write",
    role: Role::Sink,
    summary: "writes encoded video as H.264 (Annex B), or frames as Y4M",
    with: &[
        Setting::required(
            "path",
            Takes::Path,
            "The file, named NAME.part until it is whole; - is standard output",
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
    example: "- id: record\n  kind: write\n  with: { path: out.h264 }\n  inputs: h264\n",
};

/// The kind.
pub struct ToFile;

impl NodeKind for ToFile {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let path = settings.path("path");
        let taken = std::fs::metadata(path).is_ok_and(|found| found.is_file() || found.is_dir());
        if taken && !settings.bool("overwrite") {
            let rule = format!("{} is there already", path.display());
            let help = "add `overwrite: true`, or give another path";
            return Err(vec![Diagnostic::error("file-exists", at_path(), rule).help(help)]);
        }
        let partial = partial_of(path);
        // A graph that is checked again while it runs finds what it is writing itself.
        let is_ours = claim::is_claimed(&partial);
        if partial.exists() && !is_ours && !settings.bool("overwrite") {
            let rule = format!("{} is there, left by a run that was interrupted", partial.display());
            let help = "move it if you need it, or add `overwrite: true`, or give another path";
            return Err(vec![Diagnostic::error("file-exists", at_path(), rule).help(help)]);
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
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let (holds, wants) = match (inputs.first().copied().flatten(), ending.as_deref()) {
            (Some(Format::AccessUnits(_)), Some("y4m")) => ("raw frames", "h264"),
            (Some(Format::Frames(_)), Some("h264" | "264")) => ("encoded video", "raw frames"),
            _ => return Ok(vec![]),
        };
        let rule = format!("{} would hold {holds} by its name, and gets {wants}", path.display());
        Err(Diagnostic::error("formats-disagree", at_path(), rule)
            .help("name it .h264 for encoded video, .y4m for frames"))
    }

    fn build(&self, settings: &Settings, inputs: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let rate = inputs.first().copied().flatten().and_then(|format| format.video()?.rate);
        Ok(Node::Sink(Box::new(Writer {
            target: Target::open(settings.path("path"), settings.bool("overwrite"), &site.halt)?,
            rate,
            settings: settings.clone(),
            inputs: inputs.to_vec(),
            written_as: None,
            buffer: Vec::new(),
            items: site.counters.named("items"),
            bytes: site.counters.named("bytes"),
        })))
    }
}

/// What a file is called until it is whole.
fn partial_of(path: &FilePath) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

fn at_path() -> Path {
    Path::root().key("with").key("path")
}

struct Writer {
    target: Target,
    rate: Option<Rate>,
    /// What it was built for.
    settings: Settings,
    inputs: Vec<Option<Format>>,
    /// The format of the frames so far; a Y4M file holds one only.
    written_as: Option<FrameFormat>,
    buffer: Vec<u8>,
    items: Counter,
    bytes: Counter,
}

impl Sink for Writer {
    fn consume(&mut self, mut inputs: Inputs) -> Result<(), NodeError> {
        match inputs.take(0) {
            Some(Item::AccessUnit(unit)) => self.target.write(&unit.data)?,
            Some(Item::Frame(frame)) => {
                self.lay_out(&frame)?;
                self.target.write(&self.buffer)?;
            }
            Some(Item::Detections(_)) | None => return Ok(()),
        }
        self.items.add(1);
        self.bytes.set(self.target.written);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        self.target.finish()
    }

    /// A file that has begun stays what it is; encoded video may change within it.
    fn adjust(&mut self, settings: &Settings, inputs: &[Option<Format>]) -> Adjusted {
        let encoded = matches!(inputs, [Some(Format::AccessUnits(_))]);
        let same = settings.same_but_for(&self.settings, &["overwrite"]);
        match same && (encoded || *inputs == *self.inputs) {
            true => Adjusted::Applied,
            false => Adjusted::NeedsRebuild,
        }
    }
}

impl Writer {
    /// The frame as it stands in the file, the file's header before the first one.
    fn lay_out(&mut self, frame: &Frame) -> Result<(), NodeError> {
        self.buffer.clear();
        match self.written_as {
            None => self.buffer.extend_from_slice(header(frame.format(), self.rate).as_bytes()),
            Some(format) if (format.pixel, format.size) != (frame.pixel(), frame.size()) => {
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
            Some(_) => {}
        }
        self.written_as = Some(frame.format());
        self.buffer.extend_from_slice(b"FRAME\n");
        for index in 0..frame.planes().len() {
            let plane = frame.plane(index);
            match plane.contiguous() {
                Some(all) => self.buffer.extend_from_slice(all),
                None => plane.rows().for_each(|row| self.buffer.extend_from_slice(row)),
            }
        }
        Ok(())
    }
}

/// Where the stream does not say its rate, 30 is what players assume too.
fn header(format: FrameFormat, rate: Option<Rate>) -> String {
    let (frames, seconds) = rate.map_or((30, 1), |rate| (rate.frames(), rate.seconds()));
    let (width, height) = (format.size.width(), format.size.height());
    let layout = if format.pixel == PixelFormat::Gray8 { "mono" } else { "420jpeg" };
    let range = if format.colour.range == Range::Full { "FULL" } else { "LIMITED" };
    format!("YUV4MPEG2 W{width} H{height} F{frames}:{seconds} Ip A1:1 C{layout} XCOLORRANGE={range}\n")
}

/// A file being written.
struct Target {
    file: File,
    path: PathBuf,
    /// What it is called until it is whole; `None` for what cannot be renamed: pipes and devices.
    partial: Option<PathBuf>,
    /// Held while it has another name.
    _claim: Option<Claim>,
    overwrite: bool,
    halt: Halt,
    /// Whole items only.
    written: u64,
}

impl Target {
    fn open(path: &FilePath, overwrite: bool, halt: &Halt) -> Result<Target, NodeError> {
        let refused = |path: &FilePath, error| {
            NodeError::stop_graph(format!("{} cannot be written", path.display())).caused_by(error)
        };
        let open = |file, partial, claim| {
            let (path, halt) = (path.to_owned(), halt.clone());
            Target { file, path, partial, _claim: claim, overwrite, halt, written: 0 }
        };
        if path.to_str() == Some("-") {
            let output = io::stdout().as_fd().try_clone_to_owned().map_err(|error| refused(path, error))?;
            return Ok(open(File::from(output), None, None));
        }
        match std::fs::metadata(path) {
            Ok(found) if !found.is_file() => {
                let device =
                    OpenOptions::new().write(true).open(path).map_err(|error| refused(path, error))?;
                Ok(open(device, None, None))
            }
            Ok(_) if !overwrite => Err(refused(path, io::ErrorKind::AlreadyExists.into())),
            _ => {
                let partial = partial_of(path);
                let claim = Claim::on(&partial).ok_or_else(|| {
                    let words =
                        "is being written by another node, which keeps it to its end; give another path";
                    NodeError::stop_graph(format!("{} {words}", partial.display()))
                })?;
                let mut options = OpenOptions::new();
                options.write(true);
                // Without leave to replace, what an interrupted run has left is not ours to empty.
                match overwrite {
                    true => options.create(true).truncate(true),
                    false => options.create_new(true),
                };
                let file = options.open(&partial).map_err(|error| refused(&partial, error))?;
                Ok(open(file, Some(partial), Some(claim)))
            }
        }
    }

    /// Where the bytes are now.
    fn name(&self) -> std::path::Display<'_> {
        self.partial.as_deref().unwrap_or(&self.path).display()
    }

    /// Writes one whole item, or none of it where that can be undone.
    fn write(&mut self, bytes: &[u8]) -> Result<(), NodeError> {
        if let Err(error) = self.put(bytes) {
            if self.partial.is_some() {
                // What was whole before stays whole; where even that fails, half an item more is no harm.
                let _ = self.file.set_len(self.written);
            }
            let kept = self.written;
            return Err(NodeError::stop_graph(format!(
                "{} is cut short after {kept} bytes, which are kept",
                self.name()
            ))
            .caused_by(error));
        }
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.partial.is_some() {
            return self.file.write_all(bytes);
        }
        for piece in bytes.chunks(PIPE_PIECE) {
            self.wait_for_reader()?;
            self.file.write_all(piece)?;
        }
        Ok(())
    }

    /// Waits until a piece can be written without waiting. Nobody may ever read a pipe, and a stopped
    /// graph does not wait for that.
    fn wait_for_reader(&self) -> io::Result<()> {
        loop {
            let mut waiting = libc::pollfd { fd: self.file.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
            // SAFETY: one descriptor, open for as long as `self.file`.
            match unsafe { libc::poll(&raw mut waiting, 1, READER_WAIT_MILLIS) } {
                // An error of the other end shows when we write.
                1.. => return Ok(()),
                0 => {}
                _ => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
            if self.halt.is_past(Instant::now()) {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the graph was stopped, and nobody reads",
                ));
            }
        }
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        let Some(partial) = &self.partial else {
            return Ok(());
        };
        let placed = self.file.sync_all().and_then(|()| match self.overwrite {
            true => std::fs::rename(partial, &self.path),
            // A link fails where a rename would replace a file that has come since the start.
            false => std::fs::hard_link(partial, &self.path).and_then(|()| std::fs::remove_file(partial)),
        });
        placed.map_err(|error| {
            let (path, partial) = (self.path.display(), partial.display());
            NodeError::stop_graph(format!("{path} cannot be put in place, and is kept as {partial}"))
                .caused_by(error)
        })
    }
}
