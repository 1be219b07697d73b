//! `file`: video from an MP4, H.264, Y4M or raw file, a pipe, or standard input.
//!
//! Owns the kind, and telling what a file is from how it begins:
//!
//! - `reader` puts frames of Y4M and raw files together; `y4m` reads their header.
//! - `mp4` and `annex_b` find the access units of encoded files; `coded` gives them, or decodes them
//!   where they cannot be given as they are.
//! - `input` reads bytes from whatever it is, and waits no longer than asked.

mod annex_b;
mod boxes;
mod coded;
mod fragments;
mod input;
mod mp4;
mod reader;
mod y4m;

use std::fs::Metadata;
use std::path::Path as FilePath;
use std::time::{Duration, Instant};

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{FrameFormat, PixelFormat};
use crate::node::{
    About, Contract, Format, Handled, Node, NodeError, NodeKind, OutputPort, Pace, Role, Setting, Settings,
    Site, Takes, VideoFormat, Wish, Work,
};
use annex_b::Clip;
use input::{Input, Line};
use mp4::Movie;
use reader::{Known, Part, Reader};
use y4m::Header;

static ABOUT: About = About {
    name: "file",
    role: Role::Source,
    summary: "video from an MP4, H.264, Y4M or raw file, a pipe, or standard input",
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
            Takes::Choice(&["i420", "nv12", "gray8", "rgb24", "rgba32", "h264"]),
            "The pixel format of a raw file, or h264 for a pipe that carries it; other files say what they are",
        ),
        Setting::optional(
            "size",
            Takes::Size,
            "The size of a raw file's pictures; other files say their own",
        ),
        Setting::optional(
            "rate",
            Takes::Rate,
            "Frames a second; most files say their own, and this overrides it",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: camera\n  kind: file\n  with: { path: clip.mp4, loop: true }\n",
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
        let mut findings = faults(settings);
        let content = match Content::of(settings) {
            Ok(content) => content,
            Err(finding) => {
                findings.insert(0, finding);
                return Err(findings);
            }
        };
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(Contract {
            inputs: vec![],
            outputs: vec![OutputPort {
                name: if content.is_given_encoded() { "access_units" } else { "frames" },
            }],
            work: Work::Device,
            pace: if settings.choice("pace") == "fast" { Pace::Free } else { Pace::ByPts },
        })
    }

    fn outputs(&self, settings: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let content = Content::of(settings)?;
        let video = content.promises(settings);
        Ok(vec![if content.is_given_encoded() { Format::AccessUnits(video) } else { Format::Frames(video) }])
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let path = settings.path("path");
        let content = Content::of(settings).map_err(|finding| NodeError::stop_graph(finding.message))?;
        Ok(Node::Source(match content {
            Content::Movie(movie) => coded::movie(path, *movie, settings, site)?,
            Content::Clip(clip) => coded::clip(path, clip, settings, site)?,
            content => Box::new(frames(settings, &content, site)?),
        }))
    }
}

/// What a file holds.
enum Content {
    Movie(Box<Movie>),
    /// An H.264 byte stream.
    Clip(Clip),
    Y4m(Header),
    Raw(FrameFormat),
    /// Y4M by the look of its name only: nothing is read from a pipe before the graph runs.
    Pipe,
}

impl Content {
    fn of(settings: &Settings) -> Result<Content, Diagnostic> {
        let path = settings.path("path");
        let pipe = is_standard_input(path) || !known(path)?.is_file();
        if let Some(raw) = raw_format(settings) {
            return Ok(Content::Raw(raw));
        }
        let bad = |message| Diagnostic::error("bad-file", at("path"), message);
        let no_rate = || {
            let rule = format!("{} does not say its rate", path.display());
            Diagnostic::error("missing-key", Path::root().key("with"), rule).help("add `rate: 30`")
        };
        let rate = settings.try_rate("rate");
        let h264 = settings.try_choice("format") == Some("h264");
        if pipe {
            return Ok(if h264 { Content::Clip(Clip::piped()) } else { Content::Pipe });
        }
        match begins_as(path).map_err(bad)? {
            Beginning::Mp4 => mp4::read(path).map(|movie| Content::Movie(Box::new(movie))).map_err(bad),
            Beginning::AnnexB => match annex_b::read(path).map_err(bad)? {
                clip if clip.rate().or(rate).is_none() => Err(no_rate()),
                clip => Ok(Content::Clip(clip)),
            },
            Beginning::Other if h264 => Err(bad(format!(
                "{}: byte 0: this is no H.264 file: it begins with no start code",
                path.display()
            ))),
            Beginning::Other => {
                let rule = "this is no Y4M file, and neither MP4 nor H.264";
                Err(bad(format!("{}: byte 0: {rule}", path.display()))
                    .help("`ffmpeg -i FILE -c copy clip.mp4` turns many others into MP4; raw pictures need `format`"))
            }
            Beginning::Y4m => match read_header(path).map_err(bad)? {
                header if header.rate.or(rate).is_none() => Err(no_rate()),
                header => Ok(Content::Y4m(header)),
            },
        }
    }

    /// Whether access units are given as they are; what cannot be is decoded and given as frames.
    fn is_given_encoded(&self) -> bool {
        match self {
            Content::Movie(movie) => !movie.needs_decoding,
            Content::Clip(clip) => !clip.needs_decoding,
            Content::Y4m(_) | Content::Raw(_) | Content::Pipe => false,
        }
    }

    fn promises(&self, settings: &Settings) -> VideoFormat {
        let unknown = VideoFormat { pixel: PixelFormat::I420, size: None, rate: None };
        let own = match self {
            Content::Movie(movie) => {
                VideoFormat { size: Some(movie.stream.size), rate: movie.rate, ..unknown }
            }
            Content::Clip(clip) => VideoFormat { size: clip.size(), rate: clip.rate(), ..unknown },
            Content::Y4m(header) => {
                VideoFormat { pixel: header.pixel, size: Some(header.size), rate: header.rate }
            }
            Content::Raw(raw) => VideoFormat { pixel: raw.pixel, size: Some(raw.size), rate: None },
            Content::Pipe => unknown,
        };
        VideoFormat { rate: settings.try_rate("rate").or(own.rate), ..own }
    }
}

fn frames(settings: &Settings, content: &Content, site: &Site) -> Result<Reader, NodeError> {
    let path = settings.path("path").to_owned();
    let input = Input::open(&path).map_err(|error| {
        NodeError::stop_graph(format!("{} cannot be opened", path.display())).caused_by(error)
    })?;
    let raw = raw_format(settings);
    Ok(Reader {
        path,
        input,
        again: settings.bool("loop"),
        settings: settings.clone(),
        wanted_pixel: content.promises(settings).pixel,
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
    })
}

/// A file sleeps where it stands: the next picture follows the last. Whoever writes into a pipe waits.
fn heard(wish: Wish) -> Handled {
    match wish {
        Wish::Sleep | Wish::Wake => Handled::Here,
        Wish::Keyframe | Wish::Bitrate(_) | Wish::Stop => Handled::PassOn,
    }
}

fn at(key: &str) -> Path {
    Path::root().key("with").key(key)
}

/// Faults that need no look at the file.
fn faults(settings: &Settings) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let given = |key| settings.get(key).is_some();
    if settings.try_choice("format") == Some("h264") {
        if given("size") {
            let rule = "\"size\" is for raw files, and H.264 says its own size";
            found.push(Diagnostic::error("missing-key", at("size"), rule).help("leave `size` out"));
        }
    } else if given("format") {
        let missing = ["size", "rate"].into_iter().filter(|key| !given(key));
        found.extend(missing.map(|key| {
            Diagnostic::error(
                "missing-key",
                Path::root().key("with"),
                format!("a raw file needs \"{key}\" beside \"format\""),
            )
        }));
    } else if given("size") {
        let rule = "\"size\" is for raw files, which need \"format\" too; all other files say their own size";
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
    let pixel: PixelFormat = settings.try_choice("format")?.parse().ok()?;
    Some(FrameFormat::new(pixel, settings.try_size("size")?))
}

fn known(path: &FilePath) -> Result<Metadata, Diagnostic> {
    let found = std::fs::metadata(path).map_err(|error| {
        Diagnostic::error("file-not-found", at("path"), format!("{} cannot be read: {error}", path.display()))
            .help("a path is relative to the folder of the graph that names it")
    })?;
    match found.is_dir() {
        true => {
            let rule = format!("{} is a folder, and \"path\" must be a file or a pipe", path.display());
            Err(Diagnostic::error("bad-file", at("path"), rule)
                .help("for a folder of pictures there is `kind: images`"))
        }
        false => Ok(found),
    }
}

/// What a file is by its first bytes.
enum Beginning {
    Mp4,
    AnnexB,
    Y4m,
    Other,
}

fn begins_as(path: &FilePath) -> Result<Beginning, String> {
    use std::io::Read;
    let mut first = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(12).read_to_end(&mut first));
    read.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Ok(match &first[..] {
        [_, _, _, _, name @ ..] if mp4::BEGINNINGS.iter().any(|begins| name.starts_with(begins)) => {
            Beginning::Mp4
        }
        [0, 0, 1, ..] | [0, 0, 0, 1, ..] => Beginning::AnnexB,
        _ if first.starts_with(b"YUV4MPEG2") => Beginning::Y4m,
        _ => Beginning::Other,
    })
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
