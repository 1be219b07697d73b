//! `h264_v4l2`: frames in, one H.264 access unit each out, by an encoder in hardware that the kernel has.
//!
//! Owns the kind: its settings and its contract. `find` says which device it is; `device`, `buffers` and
//! `memory` speak with it; `layout`, `controls` and `level` are what it is told; `session` sets it up and keeps
//! its buffers going round; `units` makes access units of what it gives, `inside` knows of which frame each is;
//! `running` says when keyframes are due and how long is waited, and `encoder` is the node.

mod buffers;
mod controls;
mod device;
mod encoder;
mod find;
mod inside;
mod layout;
mod level;
mod memory;
mod running;
mod session;
#[cfg(test)]
mod tests;
mod units;

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{PixelFormat, Size};
use crate::node::{
    About, Accepts, Contract, Format, InputPort, Node, NodeError, NodeKind, OutputPort, Pace, Role, Setting,
    Settings, Site, Takes, VideoFormat, Work,
};
use crate::nodes::encode::{self, LEAST_SIDE, agreed, even};
use controls::Profile;
use encoder::Encoder;

pub use units::Coding;

static ABOUT: About = About {
    name: "h264_v4l2",
    role: Role::Filter,
    summary: "encodes frames as H.264 by an encoder in hardware, as the Raspberry Pi 4 and older have",
    with: &[
        Setting::optional(
            "device",
            Takes::Text,
            "Its device, such as /dev/video11; without it the first that encodes H.264",
        ),
        encode::BITRATE,
        encode::MIN_BITRATE,
        encode::KEYFRAME_EVERY,
        Setting::with_default(
            "profile",
            Takes::Choice(&Profile::NAMES),
            "baseline",
            "Tools of H.264 that are used: every browser decodes baseline, the others look better at the same bitrate",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: h264\n  kind: h264_v4l2\n  with: { bitrate: 2.5M, keyframe_every: 10s }\n  inputs: camera\n",
};

/// The kind.
pub struct H264V4l2 {
    coding: Coding,
}

impl H264V4l2 {
    /// The kind; in a graph it is of H.264.
    pub const fn of(coding: Coding) -> H264V4l2 {
        H264V4l2 { coding }
    }
}

impl NodeKind for H264V4l2 {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        encode::check(settings)?;
        Ok(Contract {
            inputs: vec![InputPort::each("frames", Accepts::frames(&[PixelFormat::I420, PixelFormat::Nv12]))],
            outputs: vec![OutputPort { name: "access_units" }],
            // It waits for the device while that encodes.
            work: Work::Device,
            pace: Pace::Free,
        })
    }

    fn outputs(&self, _: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let video = agreed(inputs);
        match video.size.filter(|size| !fits(*size)) {
            Some(size) => {
                Err(Diagnostic::error("size-not-supported", Path::root().key("inputs"), too_small(size))
                    .help("put a `scale` node before it"))
            }
            None => Ok(vec![Format::AccessUnits(VideoFormat { size: video.size.map(even), ..video })]),
        }
    }

    fn build(&self, settings: &Settings, inputs: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let path =
            find::find(settings.try_text("device"), self.coding.fourcc()).map_err(NodeError::stop_graph)?;
        let encoder = Encoder::start(path, self.coding, settings, &agreed(inputs), site);
        Ok(Node::Filter(Box::new(encoder.map_err(NodeError::stop_graph)?)))
    }
}

/// Whether an encoder may take pictures of `size`. How large they may be is for the device to say.
fn fits(size: Size) -> bool {
    size.width().min(size.height()) >= LEAST_SIDE
}

fn too_small(size: Size) -> String {
    format!("h264_v4l2 takes pictures from {LEAST_SIDE}x{LEAST_SIDE} on, got {size}")
}
