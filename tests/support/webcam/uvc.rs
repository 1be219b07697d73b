//! A USB Video Class webcam: its controls and what it agrees to stream.
//!
//! Owns the answers to control transfers. Leaves what it says it is to `descriptors`. Section numbers are
//! those of the UVC 1.0 specification; one that encodes is of version 1.1, which brought H.264.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::descriptors::{self, CAMERA, ENCODING, PACKET, PROCESSING, STREAMING};
use super::wire::{self, Setup};
use super::{coded, picture};

/// What Linux reads at once from a bulk endpoint: 32 packets.
const PAYLOAD: u32 = 32 * PACKET as u32;
/// `UVCX_PICTURE_TYPE_CONTROL` of the H.264 payload's extension unit: a layer and a sort of picture.
const PICTURE_TYPE: u8 = 9;

pub const SIZES: [(u16, u16); 2] = [(640, 480), (320, 240)];
/// In units of 100 ns: 30, 15, 10 and 5 frames a second.
pub const INTERVALS: [u32; 4] = [333_333, 666_666, 1_000_000, 2_000_000];

/// What one webcam is called and can give.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    pub name: &'static str,
    pub product: u16,
    pub layouts: &'static [Layout],
    pub keyframes: Keyframes,
}

/// When an encoding webcam makes keyframes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyframes {
    /// With each number that this divides; it cannot be asked.
    Every(u32),
    /// Only when it is asked, by the extension unit for it.
    WhenAsked,
}

impl Model {
    /// The version of the class, in decimals.
    pub fn version(self) -> u16 {
        if self.layouts.contains(&Layout::H264) { 0x0110 } else { 0x0100 }
    }
}

/// How a webcam lays out its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Nv12,
    Yuyv,
    Mjpeg,
    H264,
}

impl Layout {
    pub const fn fourcc(self) -> &'static [u8; 4] {
        match self {
            Layout::Nv12 => b"NV12",
            Layout::Yuyv => b"YUY2",
            Layout::Mjpeg => b"MJPG",
            Layout::H264 => b"H264",
        }
    }

    pub const fn bits(self) -> u32 {
        match self {
            Layout::Nv12 => 12,
            // The most that a compressed picture may have.
            Layout::Yuyv | Layout::Mjpeg | Layout::H264 => 16,
        }
    }
}

/// What was agreed: layout, size, interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stream {
    pub layout: Layout,
    pub size: (u16, u16),
    pub interval: u32,
}

impl Stream {
    pub fn interval(self) -> Duration {
        Duration::from_nanos(u64::from(self.interval) * 100)
    }

    /// An encoder for this stream, where it is encoded.
    pub fn coder(self, keyframes: Keyframes) -> Option<coded::Coder> {
        let every = match keyframes {
            Keyframes::Every(pictures) => Some(pictures),
            Keyframes::WhenAsked => None,
        };
        let size = (self.size.0.into(), self.size.1.into());
        (self.layout == Layout::H264).then(|| coded::Coder::running(size, every))
    }

    /// The bytes of picture `number`, by the stream's `coder` where it has one.
    pub fn picture(self, number: u32, coder: Option<&mut coded::Coder>) -> Vec<u8> {
        let (width, height) = (self.size.0.into(), self.size.1.into());
        match self.layout {
            Layout::Nv12 => picture::nv12(number, width, height),
            Layout::Yuyv => picture::yuyv(number, width, height),
            Layout::Mjpeg => picture::jpeg(number, width, height),
            Layout::H264 => coder.expect("an encoded stream has its coder").unit(number),
        }
    }

    pub fn bytes(self) -> u32 {
        u32::from(self.size.0) * u32::from(self.size.1) * self.layout.bits() / 8
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.size;
        write!(f, "{} {width}x{height}", String::from_utf8_lossy(self.layout.fourcc()))
    }
}

/// The controls of the webcam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    AutoExposureMode,
    /// In units of 100 µs.
    ExposureTime,
    Brightness,
    Contrast,
}

/// One control's place in the class and its range.
struct Knob {
    control: Control,
    part: u8,
    selector: u8,
    bytes: usize,
    least: i64,
    most: i64,
    default: i64,
}

const KNOBS: [Knob; 4] = {
    use Control::{AutoExposureMode, Brightness, Contrast, ExposureTime};
    const fn knob(control: Control, part: u8, selector: u8, bytes: usize, range: (i64, i64, i64)) -> Knob {
        Knob { control, part, selector, bytes, least: range.0, default: range.1, most: range.2 }
    }
    [
        knob(AutoExposureMode, CAMERA, 0x02, 1, (1, 8, 8)),
        knob(ExposureTime, CAMERA, 0x04, 4, (1, 333, 10_000)),
        knob(Brightness, PROCESSING, 0x02, 2, (-64, 0, 64)),
        knob(Contrast, PROCESSING, 0x03, 2, (0, 32, 64)),
    ]
};

/// What came of a control transfer.
#[derive(Debug, PartialEq)]
pub enum Reply {
    Data(Vec<u8>),
    Done,
    Set(Control, i64),
    Commit(Stream),
    /// The next picture is to be a keyframe.
    Keyframe,
    Stall,
}

pub struct Device {
    pub model: Model,
    values: HashMap<Control, i64>,
    stream: Stream,
}

impl Device {
    pub fn new(model: Model) -> Device {
        let values = KNOBS.iter().map(|knob| (knob.control, knob.default)).collect();
        let stream = Stream { layout: model.layouts[0], size: SIZES[0], interval: INTERVALS[0] };
        Device { model, values, stream }
    }

    /// What is told as soon as the other side has said hello.
    pub fn introduction(&self) -> Vec<u8> {
        [self.layout(), wire::connect(VENDOR, self.model.product)].concat()
    }

    pub fn layout(&self) -> Vec<u8> {
        [wire::interfaces(), wire::endpoints(STREAMING, PACKET)].concat()
    }

    pub fn control(&mut self, setup: Setup, data: &[u8]) -> Reply {
        match (setup.request_type, setup.request) {
            (0x80, 0x06) => self.descriptor(setup.value),
            (0x80..=0x82, 0x00) => Reply::Data(vec![0, 0]),
            (0x00..=0x02, 0x01 | 0x03) => Reply::Done,
            (0x21, 0x01) if setup.index & 0xff == 1 => self.negotiate(setup, data),
            (0xa1, request) if setup.index & 0xff == 1 => self.negotiation(request),
            (request_type, request) if self.is_for_the_encoder(setup) => encoder(request_type, request, data),
            (0x21, 0x01) => self.turn(setup, data),
            (0xa1, request) => self.reading(setup, request),
            _ => Reply::Stall,
        }
    }

    fn is_for_the_encoder(&self, setup: Setup) -> bool {
        let is_there = self.model.keyframes == Keyframes::WhenAsked && self.model.version() == 0x0110;
        let is_meant = setup.index >> 8 == u16::from(ENCODING) && setup.value >> 8 == u16::from(PICTURE_TYPE);
        is_there && is_meant && setup.request_type & 0x7f == 0x21
    }

    /// SET_CUR on the streaming interface: probe (1) or commit (2), §4.3.1.1.
    fn negotiate(&mut self, setup: Setup, data: &[u8]) -> Reply {
        let pick = |at: usize| usize::from(data.get(at).copied().unwrap_or(1).max(1)) - 1;
        let asked = data.get(4..8).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes);
        let layouts = self.model.layouts;
        self.stream = Stream {
            layout: layouts[pick(2).min(layouts.len() - 1)],
            size: SIZES[pick(3).min(SIZES.len() - 1)],
            interval: INTERVALS.into_iter().find(|interval| *interval >= asked).unwrap_or(INTERVALS[0]),
        };
        if setup.value >> 8 == 2 { Reply::Commit(self.stream) } else { Reply::Done }
    }

    fn negotiation(&self, request: u8) -> Reply {
        match request {
            0x81..=0x83 | 0x87 => Reply::Data(self.probe()),
            0x85 => Reply::Data(vec![self.probe().len() as u8, 0]),
            0x86 => Reply::Data(vec![3]),
            _ => Reply::Stall,
        }
    }

    fn probe(&self) -> Vec<u8> {
        let layout = self.model.layouts.iter().position(|layout| *layout == self.stream.layout);
        let size = SIZES.iter().position(|size| *size == self.stream.size);
        let index = |position: Option<usize>| position.map_or(1, |position| position as u8 + 1);
        let mut probe = vec![1, 0, index(layout), index(size)];
        probe.extend(self.stream.interval.to_le_bytes());
        probe.extend([0; 10]);
        probe.extend(self.stream.bytes().to_le_bytes());
        probe.extend(PAYLOAD.to_le_bytes());
        if self.model.version() >= 0x0110 {
            // The clock, and that frames are told apart by the payload headers, as in 1.0.
            probe.extend(48_000_000u32.to_le_bytes());
            probe.extend([3, 0, 0, 0]);
        }
        probe
    }

    /// SET_CUR on a control of the camera or its processing.
    fn turn(&mut self, setup: Setup, data: &[u8]) -> Reply {
        let Some(knob) = knob(setup).filter(|knob| data.len() >= knob.bytes) else { return Reply::Stall };
        let value = knob.read(data);
        if !(knob.least..=knob.most).contains(&value) {
            return Reply::Stall;
        }
        self.values.insert(knob.control, value);
        Reply::Set(knob.control, value)
    }

    fn reading(&self, setup: Setup, request: u8) -> Reply {
        let Some(knob) = knob(setup) else { return Reply::Stall };
        let value = match request {
            0x81 => self.values[&knob.control],
            0x82 => knob.least,
            0x83 => knob.most,
            // The step; for the exposure mode, the set of modes there are: manual and aperture priority.
            0x84 => {
                if knob.control == Control::AutoExposureMode {
                    9
                } else {
                    1
                }
            }
            0x85 => return Reply::Data(vec![knob.bytes as u8, 0]),
            0x86 => return Reply::Data(vec![3]),
            0x87 => knob.default,
            _ => return Reply::Stall,
        };
        Reply::Data(value.to_le_bytes()[..knob.bytes].to_vec())
    }

    fn descriptor(&self, value: u16) -> Reply {
        match value >> 8 {
            1 => Reply::Data(descriptors::device(VENDOR, self.model.product)),
            2 => Reply::Data(descriptors::configuration(self.model)),
            3 => match value & 0xff {
                0 => Reply::Data(vec![4, 3, 0x09, 0x04]),
                1 => Reply::Data(descriptors::string("Framegate")),
                2 => Reply::Data(descriptors::string(self.model.name)),
                _ => Reply::Stall,
            },
            // Neither device qualifier nor binary object store: a plain high-speed device.
            _ => Reply::Stall,
        }
    }
}

/// The one control of the encoder: a keyframe with its parameter sets, wanted next.
fn encoder(request_type: u8, request: u8, data: &[u8]) -> Reply {
    const KEYFRAME_WITH_SETS: [u8; 4] = [0, 0, 2, 0];
    match (request_type, request) {
        (0x21, 0x01) if data == KEYFRAME_WITH_SETS => Reply::Keyframe,
        (0xa1, 0x85) => Reply::Data(vec![4, 0]),
        (0xa1, 0x86) => Reply::Data(vec![3]),
        (0xa1, 0x81..=0x84 | 0x87) => Reply::Data(vec![0; 4]),
        _ => Reply::Stall,
    }
}

fn knob(setup: Setup) -> Option<&'static Knob> {
    let (part, selector) = ((setup.index >> 8) as u8, (setup.value >> 8) as u8);
    KNOBS.iter().find(|knob| knob.part == part && knob.selector == selector)
}

impl Knob {
    /// Two-byte controls are signed, the others are not.
    fn read(&self, data: &[u8]) -> i64 {
        match self.bytes {
            1 => data[0].into(),
            2 => i16::from_le_bytes([data[0], data[1]]).into(),
            _ => u32::from_le_bytes([data[0], data[1], data[2], data[3]]).into(),
        }
    }
}

/// The test vendor of pid.codes.
const VENDOR: u16 = 0x1209;
