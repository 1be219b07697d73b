//! Drawing on a frame of any pixel format: shapes, masks, text and sprites.
//!
//! Owns what each shape covers. Colours are written in the frame's own matrix and range; where one
//! chroma sample serves four pixels it is mixed by how many of them the shape covers, so odd
//! positions come out right. Only the planes that change are written, and a plane that is shared
//! is copied first. [`cost`] tells beforehand how many pixels a call will touch.

pub mod cost;
mod letters;
mod obscure;
mod paint;
mod sprite;
mod text;

pub use obscure::{blur, pixelate};
pub use sprite::{Sprite, SpriteFault};
pub use text::{text, text_size};

use super::colour::{Palette, Rgba};
use super::rect::Rect;
use crate::media::{Frame, PoolFull};

/// Fills a rectangle.
///
/// # Errors
/// [`PoolFull`] when a shared plane must be copied and the pool is at its limit.
pub fn fill(frame: &mut Frame, area: Rect, colour: Rgba) -> Result<(), PoolFull> {
    let texel = Palette::of(frame.format()).texel(colour, 255);
    match area.clipped(frame.size()) {
        Some(_) if texel.alpha == 0 => Ok(()),
        Some(area) => paint::flat(frame, area, texel),
        None => Ok(()),
    }
}

/// Draws the border of a rectangle, `thickness` pixels wide, inside it. A border that meets itself
/// in the middle fills the rectangle; one of 0 draws nothing.
///
/// # Errors
/// [`PoolFull`] when a shared plane must be copied and the pool is at its limit.
pub fn outline(frame: &mut Frame, area: Rect, thickness: u8, colour: Rgba) -> Result<(), PoolFull> {
    let texel = Palette::of(frame.format()).texel(colour, 255);
    if texel.alpha == 0 {
        return Ok(());
    }
    let size = frame.size();
    let edges = border(area, thickness).into_iter().filter_map(|edge| edge.clipped(size));
    for edge in edges {
        paint::flat(frame, edge, texel)?;
    }
    Ok(())
}

/// The four sides of a border: none overlaps another, so a translucent border is even.
fn border(area: Rect, thickness: u8) -> [Rect; 4] {
    let thick = u32::from(thickness);
    let (across, down) = (thick.min(area.width), thick.min(area.height));
    let below = area.height - down;
    let bottom = down.min(below);
    let sides = below - bottom;
    let right = across.min(area.width - across);
    let at =
        |start: i32, offset: u32| i32::try_from(i64::from(start) + i64::from(offset)).unwrap_or(i32::MAX);
    let middle = at(area.y, down);
    [
        Rect::new(area.x, area.y, area.width, down),
        Rect::new(area.x, at(area.y, area.height - bottom), area.width, bottom),
        Rect::new(area.x, middle, across, sides),
        Rect::new(at(area.x, area.width - right), middle, right, sides),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, PixelFormat, Pool, Pts, Size};

    fn grey(pixel: PixelFormat, width: u32, height: u32) -> Frame {
        let pool = Pool::new(1 << 20);
        let format = FrameFormat::new(pixel, Size::new(width, height).unwrap());
        let mut frame = Frame::pooled(&pool, format, Pts::ZERO, 0).unwrap();
        frame.planes_mut().unwrap().iter_mut().for_each(|plane| plane.fill(128));
        frame
    }

    fn bytes(frame: &Frame, plane: usize) -> Vec<Vec<u8>> {
        frame.plane(plane).rows().map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn a_fill_writes_its_pixels_and_no_other() {
        for pixel in PixelFormat::ALL {
            let mut frame = grey(pixel, 7, 5);
            fill(&mut frame, Rect::new(1, 1, 3, 2), Rgba::WHITE).unwrap();
            let step = pixel.plane(0, frame.size()).pixel_bytes;
            let white = if pixel.is_rgb() { 255 } else { 235 };
            for (y, row) in bytes(&frame, 0).iter().enumerate() {
                for (x, sample) in row.chunks(step).enumerate() {
                    let inside = (1..4).contains(&x) && (1..3).contains(&y);
                    assert_eq!(sample[0], if inside { white } else { 128 }, "{pixel} {x},{y}");
                }
            }
        }
    }

    #[test]
    fn chroma_is_mixed_by_the_pixels_covered() {
        let red = Rgba::opaque(255, 0, 0);
        for pixel in [PixelFormat::I420, PixelFormat::Nv12] {
            let mut frame = grey(pixel, 5, 5);
            fill(&mut frame, Rect::new(1, 0, 4, 5), red).unwrap();
            let step = frame.plane(frame.planes().len() - 1).shape().pixel_bytes;
            let v = |frame: &Frame, x: usize, y: usize| {
                frame.plane(frame.planes().len() - 1).row(y)[x * step + step - 1]
            };
            // BT.601 red has V 240: half covered, covered, and the lone last column, covered.
            assert_eq!([v(&frame, 0, 0), v(&frame, 1, 0), v(&frame, 2, 0)], [184, 240, 240], "{pixel}");
            assert_eq!([v(&frame, 0, 2), v(&frame, 2, 2)], [184, 240], "{pixel}");
        }
    }

    #[test]
    fn half_opacity_meets_the_picture_half_way() {
        let mut frame = grey(PixelFormat::Rgb24, 2, 1);
        fill(&mut frame, Rect::new(0, 0, 1, 1), Rgba { alpha: 128, ..Rgba::BLACK }).unwrap();
        assert_eq!(bytes(&frame, 0)[0], [64, 64, 64, 128, 128, 128]);
    }

    #[test]
    fn a_border_covers_each_of_its_pixels_once() {
        for (width, height, thickness) in [(6, 5, 1), (6, 5, 2), (4, 3, 9), (1, 1, 1), (2, 7, 1)] {
            let area = Rect::new(0, 0, width, height);
            let mut hits = vec![0; (width * height) as usize];
            for side in border(area, thickness) {
                for y in side.y as u32..side.y as u32 + side.height {
                    for x in side.x as u32..side.x as u32 + side.width {
                        hits[(y * width + x) as usize] += 1;
                    }
                }
            }
            let thick = u32::from(thickness);
            for (index, hit) in hits.into_iter().enumerate() {
                let (x, y) = (index as u32 % width, index as u32 / width);
                let edge = x.min(y).min(width - 1 - x).min(height - 1 - y) < thick;
                assert_eq!(hit, u32::from(edge), "{width}x{height} by {thickness} at {x},{y}");
            }
        }
    }

    #[test]
    fn drawing_leaves_other_holders_and_untouched_planes_alone() {
        let original = grey(PixelFormat::I420, 8, 8);
        let mut drawn = original.clone();
        fill(&mut drawn, Rect::new(0, 0, 8, 8), Rgba::BLACK).unwrap();
        assert_eq!(original.plane(0).row(0), [128; 8]);
        let mut outside = original.clone();
        fill(&mut outside, Rect::new(100, 0, 8, 8), Rgba::BLACK).unwrap();
        assert!(outside.planes()[0].shares_bytes_with(&original.planes()[0]));
    }
}
