//! The picture that is shown in place of a lost camera's.

use std::time::Duration;

use crate::media::{Frame, FrameFormat, PixelFormat, Pts};
use crate::node::{NodeError, Site};
use crate::pixels;

/// From one slate to the next: enough for a viewer that joins to see it soon.
pub const SLATE: Duration = Duration::from_millis(200);

/// A dark picture that says what it is for.
pub fn slate(format: FrameFormat, site: &Site) -> Result<Frame, NodeError> {
    const TEXT: &str = "no camera";
    let mut frame =
        Frame::pooled(&site.pool, FrameFormat::new(PixelFormat::I420, format.size), Pts::ZERO, 0)?;
    for (index, level) in [40, 128, 128].into_iter().enumerate() {
        frame.plane_mut(index)?.fill(level);
    }
    let size = (format.size.height() / 10).clamp(8, 64) as u8;
    let (width, height) = pixels::draw::text_size(size, TEXT);
    let middle = |all: u32, part: u32| (i64::from(all) - i64::from(part)) as i32 / 2;
    let (x, y) = (middle(format.size.width(), width), middle(format.size.height(), height));
    pixels::draw::text(&mut frame, x, y, size, pixels::Rgba::opaque(200, 200, 200), TEXT)?;
    Ok(pixels::convert(&frame, format.pixel, &site.pool)?)
}
