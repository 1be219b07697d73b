//! What a node promises before it exists: its ports, the formats they take, and where its work belongs.

use std::fmt;
use std::time::Duration;

use crate::media::{PixelFormat, Rate, Size};

/// Ports and work of one node, computed from its settings alone.
#[derive(Clone, Debug)]
pub struct Contract {
    pub inputs: Vec<InputPort>,
    pub outputs: Vec<OutputPort>,
    pub work: Work,
    /// Only sources: who decides when the next item is due.
    pub pace: Pace,
}

impl Contract {
    /// Access units as somebody else gives them, with a thread to wait on: what live sources of encoded
    /// video have.
    pub fn of_encoded_device() -> Contract {
        Contract {
            inputs: vec![],
            outputs: vec![OutputPort { name: "access_units" }],
            work: Work::Device,
            pace: Pace::ByDevice,
        }
    }

    /// Frames of any kind in, frames out, computed: what most filters have.
    pub fn of_frames() -> Contract {
        Contract {
            inputs: vec![InputPort::each("frames", Accepts::any_frames())],
            outputs: vec![OutputPort { name: "frames" }],
            work: Work::Compute,
            pace: Pace::Free,
        }
    }
}

/// Where a node's work belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It waits for a device or a file: a thread of its own.
    Device,
    /// It computes: the worker pool.
    Compute,
    /// It hands over to the network without ever waiting: the worker pool.
    Network,
}

/// Who decides when a source's next item is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The runner holds each item back until its PTS is due (live graphs only).
    ByPts,
    /// The device gives items when they happen, with PTS on the graph's clock.
    ByDevice,
    /// As fast as the graph takes them, live or not.
    Free,
}

/// One named input.
#[derive(Clone, Debug)]
pub struct InputPort {
    pub name: &'static str,
    /// What it takes, best first. The first entry is what a conversion aims for.
    pub accepts: Vec<Accepts>,
    /// Whether the graph must feed it.
    pub required: bool,
    /// How it waits unless the graph says otherwise.
    pub join: Join,
    /// What its link does when full unless the graph says otherwise; `None`: by what travels on it
    /// and the graph's clock.
    pub when_full: Option<WhenFull>,
}

/// One named output. Its format comes from [`NodeKind::outputs`](super::NodeKind::outputs).
#[derive(Clone, Debug)]
pub struct OutputPort {
    pub name: &'static str,
}

/// One thing an input can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Frames of this pixel format, and of this size where one is named.
    Frames {
        pixel: PixelFormat,
        size: Option<Size>,
    },
    AccessUnits,
    Detections,
}

impl Accepts {
    /// Frames of any pixel format and size.
    pub fn any_frames() -> Vec<Accepts> {
        Accepts::frames(&PixelFormat::ALL)
    }

    /// Frames of these pixel formats, best first, of any size.
    pub fn frames(pixels: &[PixelFormat]) -> Vec<Accepts> {
        pixels.iter().map(|&pixel| Accepts::Frames { pixel, size: None }).collect()
    }
}

/// What travels on a link, agreed by both ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Format {
    Frames(VideoFormat),
    /// H.264, Annex B. The pixel format is that of the frames it was made from.
    AccessUnits(VideoFormat),
    Detections,
}

/// What is known about pictures before the first one is there. Size and rate are `None` where only
/// the stream itself will tell (a pipe); nodes follow what each frame says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VideoFormat {
    pub pixel: PixelFormat,
    pub size: Option<Size>,
    pub rate: Option<Rate>,
}

impl Format {
    /// H.264 of which only the stream itself will tell more.
    pub const ENCODED: Format =
        Format::AccessUnits(VideoFormat { pixel: PixelFormat::I420, size: None, rate: None });

    /// Pictures' format, whether raw or encoded.
    pub fn video(&self) -> Option<VideoFormat> {
        match self {
            Format::Frames(video) | Format::AccessUnits(video) => Some(*video),
            Format::Detections => None,
        }
    }

    pub fn frames(&self) -> Option<VideoFormat> {
        match self {
            Format::Frames(video) => Some(*video),
            Format::AccessUnits(_) | Format::Detections => None,
        }
    }

    /// Whether an input that accepts `accepts` takes this as it is.
    pub fn is_accepted_by(&self, accepts: &Accepts) -> bool {
        match (self, accepts) {
            (Format::Frames(video), Accepts::Frames { pixel, size }) => {
                video.pixel == *pixel && (size.is_none() || video.size.is_none() || *size == video.size)
            }
            (Format::AccessUnits(_), Accepts::AccessUnits) | (Format::Detections, Accepts::Detections) => {
                true
            }
            _ => false,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let video = match self {
            Format::Frames(video) => {
                write!(f, "{}", video.pixel)?;
                video
            }
            Format::AccessUnits(video) => {
                f.write_str("h264")?;
                video
            }
            Format::Detections => return f.write_str("detections"),
        };
        if let Some(size) = video.size {
            write!(f, " {size}")?;
        }
        if let Some(rate) = video.rate {
            write!(f, " {rate} fps")?;
        }
        Ok(())
    }
}

/// How an input waits for its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Its items drive the node: every one starts a turn.
    Each,
    /// Waits, bounded, for the item with the same PTS as the driving input's.
    SamePts,
    /// Takes the newest there is, or none; never waits.
    Latest,
}

impl Join {
    pub const NAMES: [&'static str; 3] = ["each", "same_pts", "latest"];

    pub const fn name(self) -> &'static str {
        Join::NAMES[self as usize]
    }
}

/// What a full link does with the next item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest waiting item goes: a viewer would rather see now than see everything.
    DropOldest,
    /// The new item goes.
    DropNewest,
    /// The producer waits.
    Block,
    /// Encoded video: everything up to the next keyframe goes, and a keyframe is asked for.
    ToKeyframe,
}

impl WhenFull {
    pub const NAMES: [&'static str; 4] = ["drop_oldest", "drop_newest", "block", "to_keyframe"];

    pub const fn name(self) -> &'static str {
        WhenFull::NAMES[self as usize]
    }
}

impl InputPort {
    /// A required input that drives its node.
    pub fn each(name: &'static str, accepts: Vec<Accepts>) -> InputPort {
        InputPort { name, accepts, required: true, join: Join::Each, when_full: None }
    }

    /// An input that may be left unfed and is never waited for.
    pub fn latest(name: &'static str, accepts: Vec<Accepts>) -> InputPort {
        InputPort { name, accepts, required: false, join: Join::Latest, when_full: None }
    }
}

/// How long a `same_pts` join waits for a partner before it goes on without: no longer than a
/// viewer would take for a freeze.
pub const SAME_PTS_PATIENCE: Duration = Duration::from_millis(500);
