//! Scaling and converting for the mock: plain means over whole pixels. Slow, and easy to check.

use crate::{PixelFormat, Rect, Size};

/// One channel of a picture.
#[derive(Clone, Copy)]
pub struct Channel<'a> {
    pub bytes: &'a [u8],
    pub row_bytes: usize,
    pub pixel_bytes: usize,
    pub offset: usize,
}

impl Channel<'_> {
    fn at(&self, x: usize, y: usize) -> u32 {
        self.bytes[y * self.row_bytes + x * self.pixel_bytes + self.offset].into()
    }

    /// The mean over each cell of a grid of `size` laid over `area`, all inside the channel.
    pub fn scaled(&self, area: Rect, size: Size) -> Vec<u8> {
        let edge = |start: i32, length: u32, index: u32, count: u32| {
            start as usize + (u64::from(length) * u64::from(index) / u64::from(count)) as usize
        };
        let mut scaled = Vec::with_capacity(size.width as usize * size.height as usize);
        for y in 0..size.height {
            let top = edge(area.y, area.height, y, size.height);
            let bottom = edge(area.y, area.height, y + 1, size.height).max(top + 1);
            for x in 0..size.width {
                let left = edge(area.x, area.width, x, size.width);
                let right = edge(area.x, area.width, x + 1, size.width).max(left + 1);
                let sum: u32 = (top..bottom).flat_map(|y| (left..right).map(move |x| self.at(x, y))).sum();
                let count = ((bottom - top) * (right - left)) as u32;
                scaled.push(((sum + count / 2) / count) as u8);
            }
        }
        scaled
    }
}

/// Limited range BT.601 to red, green and blue (and an opaque alpha), pixel by pixel.
pub fn interleave(y: &[u8], u: &[u8], v: &[u8], format: PixelFormat) -> Vec<u8> {
    let mut pixels = Vec::new();
    for ((y, u), v) in y.iter().zip(u).zip(v) {
        let (luma, u, v) = (298 * (i32::from(*y) - 16), i32::from(*u) - 128, i32::from(*v) - 128);
        let channel = |value: i32| ((value + 128) >> 8).clamp(0, 255) as u8;
        pixels.extend([channel(luma + 409 * v), channel(luma - 100 * u - 208 * v), channel(luma + 516 * u)]);
        if format == PixelFormat::Rgba32 {
            pixels.push(255);
        }
    }
    pixels
}
