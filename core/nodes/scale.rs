//! `scale`: the same picture at another size.

use crate::diagnostic::Diagnostic;
use crate::media::{Item, Pool, Size};
use crate::node::{
    About, Adjusted, Contract, Filter, Format, Handled, Inputs, Node, NodeError, NodeKind, Output, Role,
    Setting, Settings, Site, Takes, VideoFormat, Wish,
};
use crate::pixels::{self, Fit, Method};

static ABOUT: About = About {
    name: "scale",
    role: Role::Filter,
    summary: "brings frames to another size",
    with: &[
        Setting::required("size", Takes::Size, "The new width and height"),
        Setting::with_default(
            "fit",
            Takes::Choice(&["stretch", "contain", "cover"]),
            "stretch",
            "Where the shapes differ: stretch the picture, show all of it between bars, or cut off what overlaps",
        ),
        Setting::with_default(
            "method",
            Takes::Choice(&["bilinear", "nearest", "lanczos3"]),
            "bilinear",
            "How new pixels come from old ones; lanczos3 is sharpest and dearest",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: small\n  kind: scale\n  with: { size: 640x360, fit: contain }\n  inputs: camera\n",
};

/// The kind.
pub struct Scale;

impl NodeKind for Scale {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, _: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        Ok(Contract::of_frames())
    }

    fn outputs(&self, settings: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let size = Some(settings.size("size"));
        let frames = inputs.iter().flatten().filter_map(Format::frames);
        Ok(frames.map(|video| Format::Frames(VideoFormat { size, ..video })).collect())
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        Ok(Node::Filter(Box::new(Scaler { way: Way::of(settings), pool: site.pool.clone() })))
    }
}

/// How the settings say to scale.
struct Way {
    size: Size,
    fit: Fit,
    method: Method,
}

impl Way {
    fn of(settings: &Settings) -> Way {
        Way {
            size: settings.size("size"),
            fit: match settings.choice("fit") {
                "contain" => Fit::Contain,
                "cover" => Fit::Cover,
                _ => Fit::Stretch,
            },
            method: match settings.choice("method") {
                "nearest" => Method::Nearest,
                "lanczos3" => Method::Lanczos3,
                _ => Method::Bilinear,
            },
        }
    }
}

struct Scaler {
    way: Way,
    pool: Pool,
}

impl Filter for Scaler {
    fn process(&mut self, mut inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        if let Some(frame) = inputs.take_frame(0) {
            let Way { size, fit, method } = self.way;
            let scaled = pixels::scale(&frame, size, method, fit, &self.pool)?;
            out.give(0, Item::Frame(scaled));
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
        self.way = Way::of(settings);
        Adjusted::Applied
    }
}
