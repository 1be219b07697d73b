//! What a USB Video Class webcam says it is: device, configuration and everything below it.
//!
//! Pictures leave by a bulk endpoint, which the class allows and which needs none of the bandwidth
//! juggling of isochronous ones. Section numbers are those of the UVC 1.0 specification.

use super::uvc::{INTERVALS, Keyframes, Layout, Model, SIZES, Stream};

/// The streaming endpoint: 1, in.
pub const STREAMING: u8 = 0x81;
pub const PACKET: u16 = 512;

/// Ids of the parts the control interface is made of.
pub const CAMERA: u8 = 1;
pub const PROCESSING: u8 = 2;
const OUTPUT: u8 = 3;
pub const ENCODING: u8 = 4;

pub fn device(vendor: u16, product: u16) -> Vec<u8> {
    let [vendor, product] = [vendor, product].map(u16::to_le_bytes);
    let ids = [vendor[0], vendor[1], product[0], product[1]];
    [&[18, 1, 0x00, 0x02, 0xef, 2, 1, 64][..], &ids, &[0x00, 0x01, 1, 2, 0, 1]].concat()
}

pub fn string(text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [&[units.len() as u8 + 2, 3][..], &units].concat()
}

/// The configuration with everything below it (§3.3 to §3.10).
pub fn configuration(model: Model) -> Vec<u8> {
    let streaming = streaming(model.layouts);
    let parts: [&[u8]; 7] = [
        &[8, 11, 0, 2, 14, 3, 0, 2],   // interfaces 0 and 1 belong together: video
        &[9, 4, 0, 0, 0, 14, 1, 0, 2], // interface 0: video control, no endpoint
        &control_part(model),
        &[9, 4, 1, 0, 1, 14, 2, 0, 0], // interface 1: video streaming, one endpoint
        &streaming,
        &[6, 0x24, 0x0d, 1, 1, 4], // colours: BT.709 primaries, BT.601 matrix
        &[7, 5, STREAMING, 2, PACKET.to_le_bytes()[0], PACKET.to_le_bytes()[1], 0],
    ];
    let below = parts.concat();
    let total = (9 + below.len() as u16).to_le_bytes();
    [&[9, 2, total[0], total[1], 2, 1, 0, 0x80, 250][..], &below].concat()
}

/// Camera → processing → encoding, where there is that → output, with the controls they have.
fn control_part(model: Model) -> Vec<u8> {
    let camera = [18, 0x24, 2, CAMERA, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0b1010, 0, 0];
    let mut processing = vec![11, 0x24, 5, PROCESSING, CAMERA, 0, 0, 2, 0b11, 0, 0];
    if model.version() >= 0x0110 {
        // Television standards: none.
        processing[0] += 1;
        processing.push(0);
    }
    let asked = model.layouts.contains(&Layout::H264) && model.keyframes == Keyframes::WhenAsked;
    let encoding = if asked { encoding() } else { vec![] };
    let output = [9, 0x24, 3, OUTPUT, 0x01, 0x01, 0, if asked { ENCODING } else { PROCESSING }, 0];
    let parts = [&camera[..], &processing, &encoding, &output].concat();
    let mut header = vec![13, 0x24, 1];
    header.extend(model.version().to_le_bytes());
    header.extend((13 + parts.len() as u16).to_le_bytes());
    header.extend(48_000_000u32.to_le_bytes());
    header.extend([1, 1]);
    [header, parts].concat()
}

/// The extension unit of the H.264 payload (§3.3 there), a29e7641-de04-47e3-8b2b-f4341aff003b, with one
/// control: the ninth.
fn encoding() -> Vec<u8> {
    const GUID: [u8; 16] =
        [0x41, 0x76, 0x9e, 0xa2, 0x04, 0xde, 0xe3, 0x47, 0x8b, 0x2b, 0xf4, 0x34, 0x1a, 0xff, 0x00, 0x3b];
    [&[27, 0x24, 6, ENCODING][..], &GUID, &[1, 1, PROCESSING, 2, 0, 0b1, 0]].concat()
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
        // Based on frames (UVC 1.1, frame based payload), each of a size of its own.
        Layout::H264 => {
            let sort = [&layout.fourcc()[..], &GUID].concat();
            [&[28, 0x24, 0x10, index, frames][..], &sort, &[layout.bits() as u8, 1, 0, 0, 0, 0, 1]].concat()
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
    let kind = match layout {
        Layout::Nv12 | Layout::Yuyv => 5,
        Layout::Mjpeg => 7,
        Layout::H264 => 0x11,
    };
    let mut bytes = vec![26 + 4 * INTERVALS.len() as u8, 0x24, kind, index, 0];
    bytes.extend([size.0, size.1].map(u16::to_le_bytes).concat());
    bytes.extend([rate(INTERVALS[3]), rate(INTERVALS[0])].map(u32::to_le_bytes).concat());
    if layout != Layout::H264 {
        bytes.extend(stream.bytes().to_le_bytes());
    }
    bytes.extend(INTERVALS[0].to_le_bytes());
    bytes.push(INTERVALS.len() as u8);
    if layout == Layout::H264 {
        // No lines of a length.
        bytes.extend([0; 4]);
    }
    bytes.extend(INTERVALS.map(u32::to_le_bytes).concat());
    bytes
}
