//! `h264_decode`: access units in, frames out. The checker puts these in by itself where encoded
//! video is linked to a node that takes frames.

use crate::diagnostic::Diagnostic;
use crate::h264::{Decoded, Decoder, Order, Trouble};
use crate::media::{AccessUnit, Annotations, Frame, Item, PixelFormat, PoolFull};
use crate::node::{
    About, Accepts, Adjusted, Contract, Filter, Format, Handled, InputPort, Inputs, Node, NodeError,
    NodeKind, Output, OutputPort, Pace, Role, Setting, Settings, Site, Takes, VideoFormat, Wish, Work,
};
use crate::pixels;

static ABOUT: About = About {
    name: "h264_decode",
    role: Role::Filter,
    summary: "decodes H.264 (by openh264); put in by itself where encoded video meets a node that takes frames",
    with: &[Setting::with_default(
        "to",
        Takes::Choice(&["i420", "nv12", "gray8", "rgb24", "rgba32"]),
        "i420",
        "The pixel format of the frames",
    )],
    beside: &[],
    open: false,
    example: "- id: pictures\n  kind: h264_decode\n  inputs: camera\n",
};

/// The kind.
pub struct H264Decode;

impl NodeKind for H264Decode {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, _: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        Ok(Contract {
            inputs: vec![InputPort::each("access_units", vec![Accepts::AccessUnits])],
            outputs: vec![OutputPort { name: "frames" }],
            work: Work::Compute,
            pace: Pace::Free,
        })
    }

    fn outputs(&self, settings: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let unknown = VideoFormat { pixel: PixelFormat::I420, size: None, rate: None };
        let video = inputs.first().copied().flatten().and_then(|format| format.video()).unwrap_or(unknown);
        Ok(vec![Format::Frames(VideoFormat { pixel: settings.pixel_format("to"), ..video })])
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let decoder = Decoder::new(Order::Coded).map_err(NodeError::stop_graph)?;
        Ok(Node::Filter(Box::new(Decoding { decoder, to: settings.pixel_format("to"), site: site.clone() })))
    }
}

struct Decoding {
    decoder: Decoder,
    to: PixelFormat,
    site: Site,
}

impl Filter for Decoding {
    fn process(&mut self, mut inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        let Some(unit) = inputs.take_access_unit(0) else {
            return Ok(());
        };
        let pool = &self.site.pool;
        match self.decoder.decode(&unit.data, |picture| picture.frame(pool, unit.pts, unit.sequence)) {
            Ok(Decoded::Picture(frame)) => {
                let frame = self.finished(frame, &unit)?;
                out.give(0, Item::Frame(frame));
                Ok(())
            }
            Ok(Decoded::Later) => Ok(()),
            Ok(Decoded::Skipped) => {
                self.site.counters.named("skipped_to_keyframe").add(1);
                self.site.upstream.wish(Wish::Keyframe);
                Ok(())
            }
            Err(Trouble::Unsupported(why)) => Err(NodeError::stop_graph(format!("the stream {why}"))),
            Err(Trouble::Damaged(why)) => {
                self.site.counters.named("damaged").add(1);
                self.site.upstream.wish(Wish::Keyframe);
                let message =
                    format!("picture {} cannot be decoded ({why}); the next keyframe is", unit.sequence);
                Err(NodeError::skip(format!("{message} waited for")))
            }
        }
    }

    fn finish(&mut self, _: &mut Output) -> Result<(), NodeError> {
        // Nothing is held: each access unit's picture comes with it.
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

impl Decoding {
    fn finished(&self, frame: Result<Frame, PoolFull>, unit: &AccessUnit) -> Result<Frame, NodeError> {
        let mut frame = frame?;
        if *unit.annotations != Annotations::default() {
            *frame.annotations_mut() = unit.annotations.as_ref().clone();
        }
        match frame.pixel() == self.to {
            true => Ok(frame),
            false => Ok(pixels::convert(&frame, self.to, &self.site.pool)?),
        }
    }
}
