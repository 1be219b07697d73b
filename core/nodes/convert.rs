//! `convert`: the same picture in another pixel format. The checker puts these in by itself where
//! two ports disagree.

use crate::diagnostic::Diagnostic;
use crate::media::{Item, PixelFormat, Pool};
use crate::node::{
    About, Adjusted, Contract, Filter, Format, Handled, Inputs, Node, NodeError, NodeKind, Output, Role,
    Setting, Settings, Site, Takes, VideoFormat, Wish,
};
use crate::pixels;

static ABOUT: About = About {
    name: "convert",
    role: Role::Filter,
    summary: "brings frames to another pixel format; put in by itself where two ports disagree",
    with: &[Setting::required(
        "to",
        Takes::Choice(&["i420", "nv12", "gray8", "rgb24", "rgba32"]),
        "The new pixel format",
    )],
    beside: &[],
    open: false,
    example: "- id: rgb\n  kind: convert\n  with: { to: rgb24 }\n  inputs: camera\n",
};

/// The kind.
pub struct Convert;

impl NodeKind for Convert {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, _: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        Ok(Contract::of_frames())
    }

    fn outputs(&self, settings: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let pixel = settings.pixel_format("to");
        let frames = inputs.iter().flatten().filter_map(Format::frames);
        Ok(frames.map(|video| Format::Frames(VideoFormat { pixel, ..video })).collect())
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        Ok(Node::Filter(Box::new(Converter { to: settings.pixel_format("to"), pool: site.pool.clone() })))
    }
}

struct Converter {
    to: PixelFormat,
    pool: Pool,
}

impl Filter for Converter {
    fn process(&mut self, mut inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        if let Some(frame) = inputs.take_frame(0) {
            out.give(0, Item::Frame(pixels::convert(&frame, self.to, &self.pool)?));
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
        self.to = settings.pixel_format("to");
        Adjusted::Applied
    }
}
