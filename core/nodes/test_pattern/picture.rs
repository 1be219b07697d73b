//! What a test pattern shows, drawn cheaply: the background once, then only what moves.
//!
//! Owns the background, the clock and the two moving squares. All that changes besides the squares
//! lies in the top tenth of the picture, so that one zone keeps it out of motion detection.

use crate::media::{Frame, FrameFormat, PixelFormat, PlaneMut, Pool, PoolFull, Pts, Size};
use crate::pixels::{self, Rect, Rgba, draw};

use super::code;

/// Below this fraction of the height nothing changes but the squares: the frame number and the
/// clock stand above it. A zone from here down sees true motion only.
pub const CHANGING_HEIGHT: f32 = 0.1;

const WARM: Rgba = Rgba::opaque(240, 150, 40);
const COOL: Rgba = Rgba::opaque(14, 30, 104);

/// Where the two squares are in frame `number` of the pattern with `seed`: a bright one that
/// crosses the picture and back in 240 frames, and a dark one that goes up and down in 150.
pub fn objects(number: u64, seed: u32, size: Size) -> [Rect; 2] {
    let number = number.wrapping_add(u64::from(seed) * 37);
    let (width, height) = (size.width(), size.height());
    let top = height.div_ceil(8);
    let side = (height / 6).min(width / 4);
    let across = swing(number, 240, width - side);
    let down = swing(number.wrapping_add(20), 150, height - top - side);
    [
        Rect::new(across as i32, (top + (height - top - side) * 3 / 4) as i32, side, side),
        Rect::new((width * 2 / 3 - side / 2) as i32, (top + down) as i32, side, side),
    ]
}

/// There and back over `room` pixels every `period` frames.
fn swing(number: u64, period: u64, room: u32) -> u32 {
    let phase = number % period;
    let phase = phase.min(period - phase);
    (u64::from(room) * phase / (period / 2)) as u32
}

/// Draws frames.
pub(super) struct Painter {
    background: Frame,
    seed: u32,
}

impl Painter {
    pub fn new(format: FrameFormat, seed: u32, pool: Pool) -> Result<Painter, PoolFull> {
        let luma =
            FrameFormat { pixel: PixelFormat::I420, ..FrameFormat::new(PixelFormat::I420, format.size) };
        let mut still = Frame::pooled(&pool, luma, Pts::ZERO, 0)?;
        for index in 0..3 {
            texture(&mut still.plane_mut(index)?, index as u32, seed);
        }
        let background = pixels::convert(&still, format.pixel, &pool)?;
        Ok(Painter { background, seed })
    }

    /// The first writes below copy the background, and that is all the copying there is.
    pub fn frame(&mut self, number: u64, pts: Pts) -> Result<Frame, PoolFull> {
        let mut frame = self.background.clone();
        (frame.pts, frame.sequence) = (pts, number);
        let size = frame.size();
        for (square, colour) in objects(number, self.seed, size).into_iter().zip([WARM, COOL]) {
            draw::fill(&mut frame, square, colour)?;
        }
        for (cell, colour) in code::cells(number, size.width(), size.height()) {
            draw::fill(&mut frame, cell, colour)?;
        }
        clock(&mut frame, number, pts)?;
        Ok(frame)
    }
}

/// Time and frame number in quiet letters under the code strip.
fn clock(frame: &mut Frame, number: u64, pts: Pts) -> Result<(), PoolFull> {
    let height = frame.size().height();
    let (top, bottom) = (code::rows(height), (height as f32 * CHANGING_HEIGHT) as u32);
    // The letters' box fills the room between strip and the changing part's end, if there is any.
    let Some(size) = bottom.checked_sub(top).filter(|room| *room >= 8) else {
        return Ok(());
    };
    let millis = pts.nanos() / 1_000_000;
    let (minutes, seconds, millis) = (millis / 60_000, millis / 1000 % 60, millis % 1000);
    let line = format!("{minutes:02}:{seconds:02}.{millis:03}  {number:06}");
    let quiet = Rgba::opaque(170, 170, 170);
    draw::text(frame, 8, top as i32, size.min(64) as u8, quiet, &line)
}

/// A slope from corner to corner under a fine grain: detail for an encoder, in whole numbers only.
fn texture(plane: &mut PlaneMut<'_>, index: u32, seed: u32) {
    let (rows, columns) = (plane.shape().rows, plane.shape().row_bytes);
    for (y, row) in plane.rows().enumerate() {
        for (x, value) in row.iter_mut().enumerate() {
            let slope = (x * 48 / columns + y * 32 / rows) as u32;
            *value = match index {
                0 => 60 + slope + grain(x as u32 / 4, y as u32 / 4, seed) % 14,
                1 => 140 - slope / 4,
                _ => 118 + slope / 6,
            } as u8;
        }
    }
}

/// An even-handed number for each place (after Mueller's integer hash).
fn grain(x: u32, y: u32, seed: u32) -> u32 {
    let mut hash = x.wrapping_mul(0x9E37_79B9) ^ y.wrapping_mul(0x85EB_CA6B) ^ seed.wrapping_mul(0xC2B2_AE35);
    for _ in 0..2 {
        hash = (hash >> 16 ^ hash).wrapping_mul(0x45D9_F3B5);
    }
    hash >> 16 ^ hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::test_pattern::read_frame_number;

    fn painter(pixel: PixelFormat, size: &str, seed: u32) -> Painter {
        let format = FrameFormat::new(pixel, size.parse().unwrap());
        Painter::new(format, seed, Pool::new(64 << 20)).unwrap()
    }

    fn bytes(frame: &Frame) -> Vec<u8> {
        (0..frame.planes().len())
            .flat_map(|index| frame.plane(index).rows().flatten().copied().collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn a_frame_is_a_function_of_seed_and_number() {
        let (mut one, mut other) =
            (painter(PixelFormat::I420, "320x240", 1), painter(PixelFormat::I420, "320x240", 1));
        one.frame(3, Pts::ZERO).unwrap();
        let pts = Pts::from_nanos(12_345);
        assert_eq!(bytes(&one.frame(77, pts).unwrap()), bytes(&other.frame(77, pts).unwrap()));
        let mut seeded = painter(PixelFormat::I420, "320x240", 2);
        assert_ne!(bytes(&one.frame(77, pts).unwrap()), bytes(&seeded.frame(77, pts).unwrap()));
    }

    #[test]
    fn below_the_top_tenth_only_the_squares_change() {
        for size in ["64x48", "321x181", "1280x720"] {
            let mut painter = painter(PixelFormat::Gray8, size, 5);
            let (first, second) =
                (painter.frame(8, Pts::ZERO).unwrap(), painter.frame(109, Pts::from_nanos(1 << 32)).unwrap());
            let picture = first.size();
            let squares = [objects(8, 5, picture), objects(109, 5, picture)].concat();
            let still = (picture.height() as f32 * CHANGING_HEIGHT).ceil() as usize;
            let mut moved = 0;
            for y in still..picture.height() as usize {
                for x in 0..picture.width() as usize {
                    if first.plane(0).row(y)[x] != second.plane(0).row(y)[x] {
                        let inside = |r: &Rect| {
                            let area = r.clipped(picture).unwrap();
                            (area.left..area.right).contains(&x) && (area.top..area.bottom).contains(&y)
                        };
                        assert!(squares.iter().any(inside), "{size} at {x},{y}");
                        moved += 1;
                    }
                }
            }
            assert!(moved > 0, "{size}");
        }
    }

    #[test]
    fn the_number_can_be_read_in_every_format_and_the_squares_never_hide_it() {
        let pool = Pool::new(64 << 20);
        for pixel in PixelFormat::ALL {
            let mut painter = painter(pixel, "319x239", 0);
            for number in (0..500).step_by(7) {
                let frame = painter.frame(number, Pts::ZERO).unwrap();
                let grey = pixels::convert(&frame, PixelFormat::Gray8, &pool).unwrap();
                assert_eq!(read_frame_number(&grey.plane(0)), Some(number as u32), "{pixel}");
                for square in objects(number, 0, frame.size()) {
                    assert_eq!(square.pixels(frame.size()), u64::from(square.width * square.height));
                }
            }
        }
    }
}
