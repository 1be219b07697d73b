//! `h264`: frames in, one H.264 access unit each out.
//!
//! Owns the kind: its settings, its contract and the sizes it takes. Leaves what the settings come to
//! to `wanted`, when keyframes are made and how wishes are met to `encoder`, and the native library to
//! `codec`.

mod codec;
mod encoder;
#[cfg(test)]
mod tests;
mod wanted;

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{PixelFormat, Size};
use crate::node::{
    About, Accepts, Contract, Format, InputPort, Node, NodeError, NodeKind, OutputPort, Pace, Role, Setting,
    Settings, Site, Takes, VideoFormat, Work,
};
use crate::nodes::encode::{self, LEAST_SIDE, agreed, even};
use codec::{MOST_LONG_SIDE, MOST_SHORT_SIDE};
use encoder::Encoder;
use wanted::Wanted;

/// Whether this build's encoder has its SIMD code; without it encoding takes three times as long.
pub const HAS_SIMD: bool = matches!(env!("FRAMEGATE_ENCODER_SIMD").as_bytes(), b"yes");

static ABOUT: About = About {
    name: "h264",
    role: Role::Filter,
    summary: if HAS_SIMD {
        "encodes frames as H.264 (constrained baseline, by openh264)"
    } else {
        "encodes frames as H.264 (by openh264; built without nasm, so three times slower)"
    },
    with: &[
        encode::BITRATE,
        encode::MIN_BITRATE,
        encode::KEYFRAME_EVERY,
        Setting::with_default(
            "complexity",
            Takes::Choice(&["low", "medium", "high"]),
            "low",
            "More work for a little more quality",
        ),
        Setting::with_default(
            "layers",
            Takes::Integer { least: 1, most: 4 },
            "1",
            "Temporal layers: slow viewers can be given every second, fourth or eighth picture",
        ),
        Setting::with_default(
            "threads",
            Takes::Integer { least: 1, most: 16 },
            "1",
            "Threads, each with a slice of the picture; one is the cheapest and the best quality",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: h264\n  kind: h264\n  with: { bitrate: 2.5M, keyframe_every: 10s }\n  inputs: camera\n",
};

/// The kind.
pub struct H264;

impl NodeKind for H264 {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        encode::check(settings)?;
        Ok(Contract {
            inputs: vec![InputPort::each("frames", Accepts::frames(&[PixelFormat::I420]))],
            outputs: vec![OutputPort { name: "access_units" }],
            work: Work::Compute,
            pace: Pace::Free,
        })
    }

    fn outputs(&self, _: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let video = agreed(inputs);
        match video.size.filter(|size| !fits(*size)) {
            Some(size) => {
                Err(Diagnostic::error("size-not-supported", Path::root().key("inputs"), too_large(size))
                    .help("put a `scale` node before it"))
            }
            None => Ok(vec![Format::AccessUnits(VideoFormat { size: video.size.map(even), ..video })]),
        }
    }

    fn build(&self, settings: &Settings, inputs: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        if !HAS_SIMD {
            tracing::warn!(
                node = site.node,
                "this build's encoder has no SIMD code and is three times slower; install nasm and build again"
            );
        }
        let wanted = Wanted::new(settings, &agreed(inputs));
        Ok(Node::Filter(Box::new(Encoder::new(wanted, site))))
    }
}

fn fits(size: Size) -> bool {
    let (long, short) = (size.width().max(size.height()), size.width().min(size.height()));
    short >= LEAST_SIDE && long <= MOST_LONG_SIDE && short <= MOST_SHORT_SIDE
}

fn too_large(size: Size) -> String {
    format!(
        "h264 takes pictures from {LEAST_SIDE}x{LEAST_SIDE} to {MOST_LONG_SIDE}x{MOST_SHORT_SIDE}, upright or across, got {size}"
    )
}
