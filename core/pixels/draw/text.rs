//! Text: one line of letters, anti-aliased.
//!
//! Owns laying out a line, and which of its letters are worked on at all. Leaves how they look to `letters`.

use std::cell::RefCell;

use super::letters::Font;
use super::paint;
use crate::media::{Frame, PoolFull, Size};
use crate::pixels::colour::{Palette, Rgba};
use crate::pixels::rect::Rect;

/// Draws one line of text whose box has its top left at `x`, `y` and is `size` pixels high (at
/// least 6). Characters the font lacks show as `?`; control characters, line ends among them, as
/// a space.
///
/// # Errors
/// [`PoolFull`] when a shared plane must be copied and the pool is at its limit.
pub fn text(frame: &mut Frame, x: i32, y: i32, size: u8, colour: Rgba, value: &str) -> Result<(), PoolFull> {
    let line = Line(Font::of(size));
    let visible = line.visible(x, value, frame.size().width());
    let width = line.width(visible.count);
    let Some(area) = Rect::new(visible.x, y, width, u32::from(line.0.height)).clipped(frame.size()) else {
        return Ok(());
    };
    let palette = Palette::of(frame.format());
    let full = palette.texel(colour, 255);
    COVERED.with_borrow_mut(|mask| {
        line.cover(mask, value.chars().skip(visible.skipped).take(visible.count), visible.count);
        paint::each(frame, area, |px, py| {
            let (across, down) =
                ((px as i64 - i64::from(visible.x)) as usize, (py as i64 - i64::from(y)) as usize);
            match mask[down * width as usize + across] {
                0 => Default::default(),
                255 => full,
                coverage => palette.texel(colour, coverage),
            }
        })
    })
}

/// Width and height in pixels of the box [`text`] draws in.
pub fn text_size(size: u8, value: &str) -> (u32, u32) {
    let line = Line(Font::of(size));
    (line.width(value.chars().count()), u32::from(line.0.height))
}

thread_local! {
    /// What the letters of a line cover: kept, so that in steady state no memory is asked for.
    static COVERED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Letters side by side.
struct Line(Font);

/// The characters that reach into the picture.
struct Visible {
    skipped: usize,
    count: usize,
    /// Where the first of them begins.
    x: i32,
}

impl Line {
    fn width(&self, count: usize) -> u32 {
        u32::try_from(count.saturating_mul(self.0.advance)).unwrap_or(u32::MAX)
    }

    // A guest may ask for a million characters at x = -1,000,000: only what shows is worked on.
    fn visible(&self, x: i32, value: &str, picture: u32) -> Visible {
        let letters_in = |width: i64| width.max(0) / self.0.advance as i64;
        let skipped = letters_in(-i64::from(x)) as usize;
        let start = i64::from(x) + i64::from(self.width(skipped));
        let room = letters_in(i64::from(picture) - start) + 1;
        let count = value.chars().skip(skipped).take(room as usize).count();
        Visible { skipped, count, x: i32::try_from(start).unwrap_or(i32::MAX) }
    }

    /// Puts into `mask` how much of each pixel the `count` letters of `shown` cover, 0..=255, row by row.
    fn cover(&self, mask: &mut Vec<u8>, shown: impl Iterator<Item = char>, count: usize) {
        let Font { advance, height, .. } = self.0;
        mask.clear();
        mask.resize(advance * count * usize::from(height), 0);
        for (index, letter) in shown.enumerate() {
            self.0.with(letter, |covered| {
                let rows = mask.chunks_exact_mut(advance * count);
                for (row, letter) in rows.zip(covered.chunks_exact(advance)) {
                    row[index * advance..][..advance].copy_from_slice(letter);
                }
            });
        }
    }
}

/// How many pixels [`text`] touches.
pub(super) fn cost(picture: Size, x: i32, y: i32, size: u8, value: &str) -> u64 {
    let line = Line(Font::of(size));
    let visible = line.visible(x, value, picture.width());
    let area = Rect::new(visible.x, y, line.width(visible.count), u32::from(line.0.height));
    // Walking past skipped characters is work too.
    area.pixels(picture) + visible.skipped.min(value.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, PixelFormat, Pool, Pts};

    fn written(x: i32, size: u8, value: &str) -> Vec<Vec<u8>> {
        let format = FrameFormat::new(PixelFormat::Gray8, Size::new(120, 70).unwrap());
        let mut frame = Frame::pooled(&Pool::new(1 << 20), format, Pts::ZERO, 0).unwrap();
        frame.plane_mut(0).unwrap().fill(16);
        text(&mut frame, x, 2, size, Rgba::WHITE, value).unwrap();
        frame.plane(0).rows().map(<[u8]>::to_vec).collect()
    }

    /// How much brighter than the ground it all is, and how many pixels are neither ground nor text.
    fn ink(rows: &[Vec<u8>]) -> (u32, usize) {
        let all = || rows.iter().flatten();
        (all().map(|&v| u32::from(v) - 16).sum(), all().filter(|&&v| v > 30 && v < 220).count())
    }

    #[test]
    fn letters_differ_and_have_soft_edges_at_every_size() {
        for size in [6, 11, 16, 24, 29, 32, 60] {
            let (ink_of_m, soft) = ink(&written(2, size, "M"));
            let (ink_of_i, _) = ink(&written(2, size, "i"));
            assert!(ink_of_m > ink_of_i && ink_of_i > 0, "size {size}: {ink_of_m} {ink_of_i}");
            assert!(soft > 0, "size {size}");
        }
    }

    #[test]
    fn text_grows_with_its_size_and_stays_in_its_box() {
        for size in [8, 16, 30, 60] {
            let (width, height) = text_size(size, "AB");
            assert_eq!(height, u32::from(size));
            let rows = written(3, size, "AB");
            let inside = |x: usize, y: usize| {
                (3..3 + width as usize).contains(&x) && (2..2 + height as usize).contains(&y)
            };
            for (y, row) in rows.iter().enumerate() {
                for (x, &value) in row.iter().enumerate() {
                    assert!(value == 16 || inside(x, y), "size {size} at {x},{y}");
                }
            }
        }
    }

    #[test]
    fn text_half_outside_shows_its_other_half() {
        let whole = written(0, 16, "ABCDEF");
        let width = Font::of(16).advance;
        let shifted = written(-(width as i32) * 3, 16, "ABCDEF");
        for (whole, shifted) in whole.iter().zip(&shifted) {
            assert_eq!(whole[3 * width..6 * width], shifted[..3 * width]);
        }
    }

    #[test]
    fn any_string_is_drawn_without_harm() {
        let long = "x".repeat(100_000);
        for value in ["", "\n\t\0", "\u{1F600}", long.as_str()] {
            for x in [i32::MIN, -500_000, 0, i32::MAX] {
                written(x, 255, value);
                cost(Size::new(120, 70).unwrap(), x, 0, 0, value);
            }
        }
        assert_eq!(ink(&written(0, 16, "\u{1F600}")), ink(&written(0, 16, "?")));
    }
}
