//! `images`: JPEG and PNG files as a stream.
//!
//! Owns the kind and the running source; `listing` finds the files. A picture that cannot be shown is
//! named, and left out or the end, as the graph says.

mod listing;

use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{Frame, Item, PoolFull, Rate, Size};
use crate::node::{
    About, Adjusted, Contract, Flow, Format, Handled, Node, NodeError, NodeKind, Output, OutputPort, Pace,
    Role, Setting, Settings, Site, Source, Takes, VideoFormat, Wish, Work,
};
use crate::pixels::{self, Fit, Method, Unshown};

static ABOUT: About = About {
    name: "images",
    role: Role::Source,
    summary: "JPEG and PNG files as a stream: a folder, or a pattern like shots/*.jpg",
    with: &[
        Setting::required(
            "path",
            Takes::Path,
            "A folder, one file, or a pattern with *, ? and [a-z]; in the order of their names, 2 before 10",
        ),
        Setting::with_default("rate", Takes::Rate, "25", "Pictures a second"),
        Setting::with_default(
            "loop",
            Takes::Bool,
            "false",
            "Begin again at the end, with the files that are there then",
        ),
        Setting::with_default(
            "pace",
            Takes::Choice(&["realtime", "fast"]),
            "realtime",
            "In a live graph: as the rate says, or as fast as the graph takes them",
        ),
        Setting::optional(
            "size",
            Takes::Size,
            "Bring all pictures to this size; without it they must be as large as the first",
        ),
        Setting::with_default(
            "fit",
            Takes::Choice(&["contain", "cover", "stretch"]),
            "contain",
            "Where a picture has another shape than `size`: show all of it between bars, cut off what overlaps, or stretch it",
        ),
        Setting::with_default(
            "format",
            Takes::Choice(&["i420", "nv12", "gray8", "rgb24", "rgba32"]),
            "i420",
            "The pixel format given on",
        ),
        Setting::with_default(
            "on_error",
            Takes::Choice(&["skip", "stop"]),
            "skip",
            "When a picture is damaged or of another size: leave it out, or end the graph",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: camera\n  kind: images\n  with: { path: shots, rate: 10, loop: true }\n",
};

/// The kind.
pub struct Images;

impl NodeKind for Images {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        Ok(Contract {
            inputs: vec![],
            outputs: vec![OutputPort { name: "frames" }],
            work: Work::Device,
            pace: if settings.choice("pace") == "fast" { Pace::Free } else { Pace::ByPts },
        })
    }

    fn outputs(&self, settings: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let size = Some(first(settings)?);
        Ok(vec![Format::Frames(VideoFormat {
            pixel: settings.pixel_format("format"),
            size,
            rate: Some(settings.rate("rate")),
        })])
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let size = first(settings).map_err(|finding| NodeError::stop_graph(finding.message))?;
        Ok(Node::Source(Box::new(Reader {
            settings: settings.clone(),
            size,
            files: Vec::new().into_iter(),
            began: false,
            given: 0,
            given_this_round: false,
            waiting: None,
            site: site.clone(),
        })))
    }
}

/// The size of all pictures: as told, or that of the first that says one.
fn first(settings: &Settings) -> Result<Size, Diagnostic> {
    let at = || Path::root().key("with").key("path");
    let files = listing::files(settings.path("path")).map_err(|message| {
        Diagnostic::error("file-not-found", at(), message)
            .help("a path is relative to the folder of the graph that names it")
    })?;
    if let Some(size) = settings.try_size("size") {
        return Ok(size);
    }
    let sizes = files.iter().map(|path| {
        let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"));
        let size = bytes.and_then(|bytes| pixels::still_size(&bytes));
        size.map_err(|why| format!("{} {why}", path.display()))
    });
    let mut why = None;
    for size in sizes {
        match (size, settings.choice("on_error")) {
            (Ok(size), _) => return Ok(size),
            (Err(message), "stop") => return Err(Diagnostic::error("bad-file", at(), message)),
            (Err(message), _) => why = why.or(Some(message)),
        }
    }
    let why = why.map(|why| format!("; the first: {why}")).unwrap_or_default();
    let count = files.len();
    Err(Diagnostic::error("bad-file", at(), format!("none of {count} files can be shown{why}")))
}

struct Reader {
    settings: Settings,
    size: Size,
    files: std::vec::IntoIter<PathBuf>,
    began: bool,
    given: u64,
    given_this_round: bool,
    /// A file that found no memory, to be tried again.
    waiting: Option<PathBuf>,
    site: Site,
}

impl Source for Reader {
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        let Some(path) = self.waiting.take().or_else(|| self.files.next()) else {
            return self.begin();
        };
        match self.show(&path) {
            Ok(frame) => {
                (self.given, self.given_this_round) = (self.given + 1, true);
                out.give(0, Item::Frame(frame));
                Ok(Flow::More)
            }
            Err(Unshown::Full(full)) if full.asked > full.limit => {
                Err(NodeError::stop_graph(full.to_string()))
            }
            Err(Unshown::Full(_)) => {
                // A file loses nothing by waiting until somebody lets go of a frame.
                self.waiting = Some(path);
                std::thread::sleep(Duration::from_millis(2));
                Ok(Flow::Waiting)
            }
            Err(Unshown::Bad(why)) => {
                self.site.counters.named("unshown").add(1);
                let message = format!("{} {why}", path.display());
                Err(match self.settings.choice("on_error") {
                    "stop" => NodeError::stop_graph(format!("{message}, and \"on_error\" is \"stop\"")),
                    _ => NodeError::skip(format!("{message}; it is left out")),
                })
            }
        }
    }

    /// Sleeps where it stands: the next picture follows the last.
    fn request(&mut self, wish: Wish) -> Handled {
        match wish {
            Wish::Sleep | Wish::Wake => Handled::Here,
            Wish::Keyframe | Wish::Bitrate(_) | Wish::Stop => Handled::PassOn,
        }
    }

    fn adjust(&mut self, settings: &Settings) -> Adjusted {
        if !settings.same_but_for(&self.settings, &["loop", "on_error", "fit"]) {
            return Adjusted::NeedsRebuild;
        }
        self.settings = settings.clone();
        Adjusted::Applied
    }
}

impl Reader {
    /// Lists the files for the first round or the next.
    fn begin(&mut self) -> Result<Flow, NodeError> {
        if self.began && !self.settings.bool("loop") {
            return Ok(Flow::End);
        }
        if self.began && !self.given_this_round {
            let path = self.settings.path("path").display();
            return Err(NodeError::stop_graph(format!("{path}: there is no picture to begin again with")));
        }
        let files = listing::files(self.settings.path("path")).map_err(NodeError::stop_graph)?;
        (self.files, self.began, self.given_this_round) = (files.into_iter(), true, false);
        Ok(Flow::More)
    }

    fn show(&self, path: &std::path::Path) -> Result<Frame, Unshown> {
        let bytes = std::fs::read(path).map_err(|error| Unshown::Bad(format!("cannot be read: {error}")))?;
        let picture = pixels::from_still(&bytes, &self.site.pool)?;
        let mut frame =
            pixels::convert(&self.fitted(picture)?, self.settings.pixel_format("format"), &self.site.pool)?;
        (frame.pts, frame.sequence) = (self.rate().pts_of(self.given), self.given);
        Ok(frame)
    }

    /// The picture at the size of all.
    fn fitted(&self, picture: Frame) -> Result<Frame, Unshown> {
        if picture.size() == self.size {
            return Ok(picture);
        }
        if self.settings.try_size("size").is_none() {
            let (size, all) = (picture.size(), self.size);
            return Err(Unshown::Bad(format!("is {size} and the first is {all}; `size: {all}` scales them")));
        }
        let fit = match self.settings.choice("fit") {
            "cover" => Fit::Cover,
            "stretch" => Fit::Stretch,
            _ => Fit::Contain,
        };
        Ok::<_, PoolFull>(pixels::scale(&picture, self.size, Method::Bilinear, fit, &self.site.pool)?)
            .map_err(Unshown::from)
    }

    fn rate(&self) -> Rate {
        self.settings.rate("rate")
    }
}
