//! Text in one monospaced bitmap font, anti-aliased.
//!
//! Owns laying out a single line and fitting the font's four sizes to the one asked for.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::paint;
use crate::media::{Frame, PoolFull, Size};
use crate::pixels::colour::{Palette, Rgba};
use crate::pixels::rect::Rect;
use crate::pixels::resize;

const RASTERS: [RasterHeight; 4] =
    [RasterHeight::Size16, RasterHeight::Size20, RasterHeight::Size24, RasterHeight::Size32];
const WEIGHT: FontWeight = FontWeight::Regular;
/// Smaller than this, no letter can be told from another.
const LEAST: u8 = 6;

/// Draws one line of text whose box has its top left at `x`, `y` and is `size` pixels high (at
/// least 6). Characters the font lacks show as `?`; control characters, line ends among them, as
/// a space.
///
/// # Errors
/// [`PoolFull`] when a shared plane must be copied and the pool is at its limit.
pub fn text(frame: &mut Frame, x: i32, y: i32, size: u8, colour: Rgba, value: &str) -> Result<(), PoolFull> {
    let line = Line::new(size);
    let visible = line.visible(x, value, frame.size().width());
    let shown: Vec<char> = value.chars().skip(visible.skipped).take(visible.count).collect();
    let width = line.width(shown.len());
    let Some(area) = Rect::new(visible.x, y, width, u32::from(line.size)).clipped(frame.size()) else {
        return Ok(());
    };
    let mask = line.coverage(&shown);
    let palette = Palette::of(frame.format());
    let full = palette.texel(colour, 255);
    paint::each(frame, area, |px, py| {
        let (across, down) =
            ((px as i64 - i64::from(visible.x)) as usize, (py as i64 - i64::from(y)) as usize);
        match mask[down * width as usize + across] {
            0 => Default::default(),
            255 => full,
            coverage => palette.texel(colour, coverage),
        }
    })
}

/// Width and height in pixels of the box [`text`] draws in.
pub fn text_size(size: u8, value: &str) -> (u32, u32) {
    let line = Line::new(size);
    (line.width(value.chars().count()), u32::from(line.size))
}

/// One size of text.
struct Line {
    size: u8,
    raster: RasterHeight,
}

/// The characters that reach into the picture.
struct Visible {
    skipped: usize,
    count: usize,
    /// Where the first of them begins.
    x: i32,
}

impl Line {
    fn new(size: u8) -> Line {
        let size = size.max(LEAST);
        let raster = RASTERS.into_iter().find(|raster| raster.val() >= usize::from(size));
        Line { size, raster: raster.unwrap_or(RasterHeight::Size32) }
    }

    /// The width of `count` characters: the raster's, scaled with the height and rounded up.
    fn width(&self, count: usize) -> u32 {
        let raster = get_raster_width(WEIGHT, self.raster) as u64;
        let width = (count as u64).saturating_mul(raster * u64::from(self.size));
        u32::try_from(width.div_ceil(self.raster.val() as u64)).unwrap_or(u32::MAX)
    }

    // A guest may ask for a million characters at x = -1,000,000: only what shows is worked on.
    fn visible(&self, x: i32, value: &str, picture: u32) -> Visible {
        // A letter is a fraction of pixels wide once scaled; rounding it would add up over a long line.
        let pixels = get_raster_width(WEIGHT, self.raster) as i64 * i64::from(self.size);
        let letters_in = |width: i64| width.max(0) * self.raster.val() as i64 / pixels;
        let skipped = (letters_in(-i64::from(x)) - 1).max(0) as usize;
        let start = i64::from(x) + i64::from(self.width(skipped));
        let room = letters_in(i64::from(picture) - start) + 2;
        let count = value.chars().skip(skipped).take(room as usize).count();
        Visible { skipped, count, x: i32::try_from(start).unwrap_or(i32::MAX) }
    }

    /// How much of each pixel the letters cover, 0..=255, row by row.
    fn coverage(&self, shown: &[char]) -> Vec<u8> {
        let letter = get_raster_width(WEIGHT, self.raster);
        let (width, height) = (letter * shown.len(), self.raster.val());
        let mut mask = vec![0; width * height];
        for (index, &character) in shown.iter().enumerate() {
            let glyph = get_raster(printable(character), WEIGHT, self.raster)
                .or_else(|| get_raster('?', WEIGHT, self.raster))
                .expect("the font has a question mark");
            for (row, bits) in mask.chunks_exact_mut(width).zip(glyph.rows()) {
                row[index * letter..][..letter].copy_from_slice(bits);
            }
        }
        let to = (self.width(shown.len()) as usize, usize::from(self.size));
        if (width, height) == to { mask } else { resize::bytes(&mask, (width, height), to) }
    }
}

fn printable(character: char) -> char {
    if character.is_control() { ' ' } else { character }
}

/// How many pixels [`text`] touches.
pub(super) fn cost(picture: Size, x: i32, y: i32, size: u8, value: &str) -> u64 {
    let line = Line::new(size);
    let visible = line.visible(x, value, picture.width());
    let area = Rect::new(visible.x, y, line.width(visible.count), u32::from(line.size));
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
        let shifted = written(-(get_raster_width(WEIGHT, RasterHeight::Size16) as i32) * 3, 16, "ABCDEF");
        let width = get_raster_width(WEIGHT, RasterHeight::Size16);
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
