//! Part of a frame as a small picture in tight bytes: what a detector looks at.
//!
//! Owns the result exactly: the area is scaled as [`Method::Mean`] does, each plane by itself,
//! then converted as [`convert`] does. Planes follow one another without padding.

use super::convert::convert;
use super::rect::{Clipped, Rect};
use super::resize::{self, Target};
use super::scale::{Method, Part, resample};
use crate::media::{Frame, FrameFormat, PixelFormat, PlaneMut, Pool, PoolFull, Size};

/// What came of sampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampled {
    /// The bytes are there.
    Filled,
    /// The area lies wholly outside the picture: there is nothing to look at.
    Outside,
}

/// Replaces what `into` holds by `area` (or all) of `frame`, at `size`, as `pixel`. Luma asked of a
/// frame that has luma is scaled straight into `into`; it keeps the frame's range.
///
/// # Errors
/// [`PoolFull`] when another pixel format needs room in between and the pool is at its limit.
pub fn sample(
    frame: &Frame,
    area: Option<Rect>,
    size: Size,
    pixel: PixelFormat,
    pool: &Pool,
    into: &mut Vec<u8>,
) -> Result<Sampled, PoolFull> {
    let Some(area) = area.unwrap_or(Rect::whole(frame.size())).clipped(frame.size()) else {
        into.clear();
        return Ok(Sampled::Outside);
    };
    let part = part_of(area);
    into.resize(pixel.bytes(size), 0);
    let luma_of_luma = pixel == PixelFormat::Gray8 && !frame.pixel().is_rgb();
    if pixel == frame.pixel() || luma_of_luma {
        scale_into(frame, part, size, pixel, into);
        return Ok(Sampled::Filled);
    }
    let mut small = frame.sibling(pool, FrameFormat { size, ..frame.format() })?;
    resample(frame, part, &mut small, Rect::whole(size), Method::Mean)?;
    pack(&convert(&small, pixel, pool)?, into);
    Ok(Sampled::Filled)
}

/// What [`sample`] costs, in pixels read and written.
pub fn sample_cost(picture: Size, area: Option<Rect>, size: Size) -> u64 {
    let read = area.unwrap_or(Rect::whole(picture)).pixels(picture);
    read + u64::from(size.width()) * u64::from(size.height())
}

fn part_of(area: Clipped) -> Part {
    Part {
        left: area.left as f64,
        top: area.top as f64,
        width: area.width() as f64,
        height: area.height() as f64,
    }
}

/// Scales each plane of `pixel`, all of which `frame` has, to its place in `into`.
fn scale_into(frame: &Frame, part: Part, size: Size, pixel: PixelFormat, into: &mut [u8]) {
    let mut rest = into;
    for index in 0..pixel.plane_count() {
        let shape = pixel.plane(index, size);
        let (bytes, after) = rest.split_at_mut(shape.rows * shape.row_bytes);
        rest = after;
        let source = frame.plane(index);
        let mut sink = PlaneMut::new(bytes, shape.row_bytes, shape);
        let window = part.in_plane(source.shape(), frame.size());
        resize::plane(source, window, &mut sink, Target::whole(shape), Method::Mean);
    }
}

fn pack(frame: &Frame, into: &mut [u8]) {
    let rows = (0..frame.planes().len()).flat_map(|index| frame.plane(index).rows());
    let mut rest = into;
    for row in rows {
        let (to, after) = rest.split_at_mut(row.len());
        to.copy_from_slice(row);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Pts;
    use crate::pixels::{Rgba, draw};

    /// Left half dark, right half bright.
    fn halves(pool: &Pool, pixel: PixelFormat) -> Frame {
        let size = Size::new(41, 21).unwrap();
        let mut frame = Frame::pooled(pool, FrameFormat::new(pixel, size), Pts::ZERO, 0).unwrap();
        frame.planes_mut().unwrap().iter_mut().for_each(|plane| plane.fill(128));
        draw::fill(&mut frame, Rect::whole(size), Rgba::BLACK).unwrap();
        draw::fill(&mut frame, Rect::new(20, 0, 100, 100), Rgba::WHITE).unwrap();
        frame
    }

    #[test]
    fn each_format_is_sampled_into_tight_bytes_of_every_other() {
        let pool = Pool::new(1 << 22);
        let size = Size::new(7, 3).unwrap();
        let mut bytes = Vec::new();
        for from in PixelFormat::ALL {
            for to in PixelFormat::ALL {
                let frame = halves(&pool, from);
                let sampled = sample(&frame, Some(Rect::new(22, -5, 100, 100)), size, to, &pool, &mut bytes);
                assert_eq!(sampled, Ok(Sampled::Filled));
                assert_eq!(bytes.len(), to.bytes(size));
                let white = if to.is_rgb() { 255 } else { 235 };
                assert!(
                    bytes[..7].iter().all(|&value| white - value.min(white) <= 1),
                    "{from} to {to}: {bytes:?}"
                );
            }
        }
    }

    #[test]
    fn shrinking_weighs_every_pixel_of_the_area() {
        let pool = Pool::new(1 << 22);
        let frame = halves(&pool, PixelFormat::I420);
        let mut bytes = Vec::new();
        let (dot, area) = (Size::new(1, 1).unwrap(), Rect::new(10, 0, 20, 21));
        sample(&frame, Some(area), dot, PixelFormat::Gray8, &pool, &mut bytes).unwrap();
        assert!(bytes[0].abs_diff(126) <= 2, "{bytes:?}");
    }

    #[test]
    fn an_area_outside_is_said_to_be_and_the_buffer_is_reused() {
        let pool = Pool::new(1 << 22);
        let frame = halves(&pool, PixelFormat::Nv12);
        let mut bytes = Vec::with_capacity(100);
        let before = bytes.as_ptr();
        let size = Size::new(8, 8).unwrap();
        sample(&frame, None, size, PixelFormat::Gray8, &pool, &mut bytes).unwrap();
        assert_eq!(bytes.as_ptr(), before);
        let outside = Some(Rect::new(41, 0, 5, 5));
        assert_eq!(
            sample(&frame, outside, size, PixelFormat::Gray8, &pool, &mut bytes),
            Ok(Sampled::Outside)
        );
        assert!(bytes.is_empty());
    }
}
