//! A USB Video Class 1.0 webcam: its descriptors, its controls and what it agrees to stream.
//!
//! Owns the answers to control transfers. Pictures leave by a bulk endpoint, which the class allows
//! and which needs none of the bandwidth juggling of isochronous ones. Section numbers are those of
//! the UVC 1.0 specification.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::picture;
use super::wire::{self, Setup};

/// The streaming endpoint: 1, in.
pub const STREAMING: u8 = 0x81;
const PACKET: u16 = 512;
/// What Linux reads at once from a bulk endpoint: 32 packets.
const PAYLOAD: u32 = 32 * PACKET as u32;

/// Ids of the parts the control interface is made of.
const CAMERA: u8 = 1;
const PROCESSING: u8 = 2;
const OUTPUT: u8 = 3;

const SIZES: [(u16, u16); 2] = [(640, 480), (320, 240)];
/// In units of 100 ns: 30, 15, 10 and 5 frames a second.
const INTERVALS: [u32; 4] = [333_333, 666_666, 1_000_000, 2_000_000];

/// What one webcam is called and can give.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    pub name: &'static str,
    pub product: u16,
    pub layouts: &'static [Layout],
}

/// How a webcam lays out its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Nv12,
    Yuyv,
    Mjpeg,
}

impl Layout {
    const fn fourcc(self) -> &'static [u8; 4] {
        match self {
            Layout::Nv12 => b"NV12",
            Layout::Yuyv => b"YUY2",
            Layout::Mjpeg => b"MJPG",
        }
    }

    const fn bits(self) -> u32 {
        match self {
            Layout::Nv12 => 12,
            // The most that a compressed picture may have.
            Layout::Yuyv | Layout::Mjpeg => 16,
        }
    }
}

/// What was agreed: layout, size, interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stream {
    layout: Layout,
    size: (u16, u16),
    interval: u32,
}

impl Stream {
    pub fn interval(self) -> Duration {
        Duration::from_nanos(u64::from(self.interval) * 100)
    }

    pub fn picture(self, number: u32) -> Vec<u8> {
        let (width, height) = (self.size.0.into(), self.size.1.into());
        match self.layout {
            Layout::Nv12 => picture::nv12(number, width, height),
            Layout::Yuyv => picture::yuyv(number, width, height),
            Layout::Mjpeg => picture::jpeg(number, width, height),
        }
    }

    fn bytes(self) -> u32 {
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
    Stall,
}

pub struct Device {
    model: Model,
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
            (0x21, 0x01) => self.turn(setup, data),
            (0xa1, request) => self.reading(setup, request),
            _ => Reply::Stall,
        }
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
            0x85 => Reply::Data(vec![26, 0]),
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
            1 => Reply::Data(device_descriptor(self.model.product)),
            2 => Reply::Data(configuration(self.model.layouts)),
            3 => match value & 0xff {
                0 => Reply::Data(vec![4, 3, 0x09, 0x04]),
                1 => Reply::Data(string("Framegate")),
                2 => Reply::Data(string(self.model.name)),
                _ => Reply::Stall,
            },
            // Neither device qualifier nor binary object store: a plain high-speed device.
            _ => Reply::Stall,
        }
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

fn device_descriptor(product: u16) -> Vec<u8> {
    let [vendor, product] = [VENDOR, product].map(u16::to_le_bytes);
    let ids = [vendor[0], vendor[1], product[0], product[1]];
    [&[18, 1, 0x00, 0x02, 0xef, 2, 1, 64][..], &ids, &[0x00, 0x01, 1, 2, 0, 1]].concat()
}

fn string(text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [&[units.len() as u8 + 2, 3][..], &units].concat()
}

/// The configuration with everything below it (§3.3 to §3.10).
fn configuration(layouts: &[Layout]) -> Vec<u8> {
    let streaming = streaming(layouts);
    let parts: [&[u8]; 7] = [
        &[8, 11, 0, 2, 14, 3, 0, 2],   // interfaces 0 and 1 belong together: video
        &[9, 4, 0, 0, 0, 14, 1, 0, 2], // interface 0: video control, no endpoint
        &control_part(),
        &[9, 4, 1, 0, 1, 14, 2, 0, 0], // interface 1: video streaming, one endpoint
        &streaming,
        &[6, 0x24, 0x0d, 1, 1, 4], // colours: BT.709 primaries, BT.601 matrix
        &[7, 5, STREAMING, 2, PACKET.to_le_bytes()[0], PACKET.to_le_bytes()[1], 0],
    ];
    let below = parts.concat();
    let total = (9 + below.len() as u16).to_le_bytes();
    [&[9, 2, total[0], total[1], 2, 1, 0, 0x80, 250][..], &below].concat()
}

/// Camera → processing → output, with the controls they have.
fn control_part() -> Vec<u8> {
    let camera = [18, 0x24, 2, CAMERA, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0b1010, 0, 0];
    let processing = [11, 0x24, 5, PROCESSING, CAMERA, 0, 0, 2, 0b11, 0, 0];
    let output = [9, 0x24, 3, OUTPUT, 0x01, 0x01, 0, PROCESSING, 0];
    let total = (13 + camera.len() + processing.len() + output.len()) as u16;
    let mut header = vec![13, 0x24, 1, 0x00, 0x01];
    header.extend(total.to_le_bytes());
    header.extend(48_000_000u32.to_le_bytes());
    header.extend([1, 1]);
    [&header[..], &camera, &processing, &output].concat()
}

fn streaming(layouts: &[Layout]) -> Vec<u8> {
    let formats: Vec<u8> =
        layouts.iter().enumerate().flat_map(|(at, layout)| format(at as u8 + 1, *layout)).collect();
    let length = 13 + layouts.len() as u8;
    let total = u16::from(length) + formats.len() as u16 + 6;
    let mut header = vec![length, 0x24, 1, layouts.len() as u8];
    header.extend(total.to_le_bytes());
    header.extend([STREAMING, 0, OUTPUT, 0, 0, 0, 1]);
    header.extend(vec![0; layouts.len()]);
    [header, formats].concat()
}

fn format(index: u8, layout: Layout) -> Vec<u8> {
    // The rest of every format's GUID (§3.9.2.1 and Microsoft's list).
    const GUID: [u8; 12] = [0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
    let frames = SIZES.len() as u8;
    let mut bytes = match layout {
        Layout::Mjpeg => vec![11, 0x24, 6, index, frames, 0, 1, 0, 0, 0, 0],
        Layout::Nv12 | Layout::Yuyv => {
            let sort = [&layout.fourcc()[..], &GUID].concat();
            [&[27, 0x24, 4, index, frames][..], &sort, &[layout.bits() as u8, 1, 0, 0, 0, 0]].concat()
        }
    };
    for (at, size) in SIZES.into_iter().enumerate() {
        bytes.extend(frame(at as u8 + 1, layout, size));
    }
    bytes
}

fn frame(index: u8, layout: Layout, size: (u16, u16)) -> Vec<u8> {
    let stream = Stream { layout, size, interval: INTERVALS[0] };
    let rate = |interval: u32| (f64::from(stream.bytes()) * 8.0 * 1e7 / f64::from(interval)) as u32;
    let kind = if layout == Layout::Mjpeg { 7 } else { 5 };
    let mut bytes = vec![26 + 4 * INTERVALS.len() as u8, 0x24, kind, index, 0];
    bytes.extend([size.0, size.1].map(u16::to_le_bytes).concat());
    let numbers = [rate(INTERVALS[3]), rate(INTERVALS[0]), stream.bytes(), INTERVALS[0]];
    bytes.extend(numbers.map(u32::to_le_bytes).concat());
    bytes.push(INTERVALS.len() as u8);
    bytes.extend(INTERVALS.map(u32::to_le_bytes).concat());
    bytes
}
