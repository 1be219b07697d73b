//! `crop`: a part of each frame, over the same memory.

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{Item, Region};
use crate::node::{
    About, Adjusted, Contract, Filter, Format, Handled, Inputs, Node, NodeError, NodeKind, Output, Role,
    Setting, Settings, Site, Takes, VideoFormat, Wish,
};
use crate::pixels;

static ABOUT: About = About {
    name: "crop",
    role: Role::Filter,
    summary: "keeps a part of each frame, without copying it",
    with: &[Setting::required(
        "box",
        Takes::Region,
        "The part to keep; its left and top move outwards to an even pixel where chroma is halved",
    )],
    beside: &[],
    open: false,
    example: "- id: door\n  kind: crop\n  with: { box: [0.25, 0.0, 0.5, 1.0] }\n  inputs: camera\n",
};

/// The kind.
pub struct Crop;

impl NodeKind for Crop {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let part = settings.region("box");
        if part.width <= 0.0 || part.height <= 0.0 {
            let rule =
                format!("\"box\" must have a width and a height, got {} by {}", part.width, part.height);
            return Err(vec![Diagnostic::error("out-of-range", Path::root().key("with").key("box"), rule)]);
        }
        Ok(Contract::of_frames())
    }

    fn outputs(&self, settings: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let part = settings.region("box");
        let frames = inputs.iter().flatten().filter_map(Format::frames);
        let cropped = frames.map(|video| {
            let size = video.size.map(|size| pixels::crop_size(part, video.pixel, size));
            Format::Frames(VideoFormat { size, ..video })
        });
        Ok(cropped.collect())
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], _: &Site) -> Result<Node, NodeError> {
        Ok(Node::Filter(Box::new(Cropper { part: settings.region("box") })))
    }
}

struct Cropper {
    part: Region,
}

impl Filter for Cropper {
    fn process(&mut self, mut inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        if let Some(frame) = inputs.take_frame(0) {
            out.give(0, Item::Frame(pixels::crop(&frame, self.part)));
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
        self.part = settings.region("box");
        Adjusted::Applied
    }
}
