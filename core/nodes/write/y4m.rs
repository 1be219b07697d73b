//! Raw frames as Y4M (YUV4MPEG2): a header with their format, then each frame behind a line.
//!
//! Owns how both stand in the file. Which frames may follow each other is the writer's to say.

use crate::media::{Frame, FrameFormat, PixelFormat, Range, Rate};

/// Appends `frame` to `bytes`, its planes without their padding.
pub fn lay_out(frame: &Frame, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(b"FRAME\n");
    for index in 0..frame.planes().len() {
        let plane = frame.plane(index);
        match plane.contiguous() {
            Some(all) => bytes.extend_from_slice(all),
            None => plane.rows().for_each(|row| bytes.extend_from_slice(row)),
        }
    }
}

/// Where the stream does not say its rate, 30 is what players assume too.
pub fn header(format: FrameFormat, rate: Option<Rate>) -> String {
    let (frames, seconds) = rate.map_or((30, 1), |rate| (rate.frames(), rate.seconds()));
    let (width, height) = (format.size.width(), format.size.height());
    let layout = if format.pixel == PixelFormat::Gray8 { "mono" } else { "420jpeg" };
    let range = if format.colour.range == Range::Full { "FULL" } else { "LIMITED" };
    format!("YUV4MPEG2 W{width} H{height} F{frames}:{seconds} Ip A1:1 C{layout} XCOLORRANGE={range}\n")
}
