//! The letters of one monospaced bitmap font at any height.
//!
//! Owns fitting the font's four heights to the one asked for, and remembering what was fitted: a letter is
//! scaled once, as text that changes with every frame is made of the same ones. Leaves laying out to `text`.

use std::cell::RefCell;
use std::collections::HashMap;

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width};

use crate::pixels::resize;

const RASTERS: [RasterHeight; 4] =
    [RasterHeight::Size16, RasterHeight::Size20, RasterHeight::Size24, RasterHeight::Size32];
const WEIGHT: FontWeight = FontWeight::Regular;
/// Smaller than this, no letter can be told from another.
const LEAST: u8 = 6;
/// Bytes of the letters that a thread remembers; the alphabet at 64 pixels has 200 KiB.
const REMEMBERED: usize = 1 << 20;

/// The font at one height.
#[derive(Clone, Copy, Debug)]
pub(super) struct Font {
    /// Pixels from the top of a letter's box to its bottom.
    pub height: u8,
    /// Pixels from a letter to the next: whole ones, so that each letter looks the same wherever it stands.
    pub advance: usize,
    raster: RasterHeight,
}

impl Font {
    pub fn of(height: u8) -> Font {
        let height = height.max(LEAST);
        let raster = RASTERS.into_iter().find(|raster| raster.val() >= usize::from(height));
        let raster = raster.unwrap_or(RasterHeight::Size32);
        let width = get_raster_width(WEIGHT, raster) * usize::from(height);
        Font { height, advance: (width + raster.val() / 2) / raster.val(), raster }
    }

    /// Gives `to` how much of each pixel of its box `letter` covers, 0..=255, row by row. One that the font
    /// lacks shows as `?`, a control character as a space.
    pub fn with(self, letter: char, to: impl FnOnce(&[u8])) {
        let glyph = get_raster(printable(letter), WEIGHT, self.raster)
            .or_else(|| get_raster('?', WEIGHT, self.raster))
            .expect("the font has a question mark");
        KNOWN.with_borrow_mut(|known| to(known.letter(self, letter, &glyph)));
    }
}

fn printable(letter: char) -> char {
    if letter.is_control() { ' ' } else { letter }
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// Letters as they were fitted.
#[derive(Default)]
struct Known {
    letters: HashMap<(u8, char), Box<[u8]>>,
    bytes: usize,
}

impl Known {
    fn letter(&mut self, font: Font, letter: char, glyph: &RasterizedChar) -> &[u8] {
        let size = font.advance * usize::from(font.height);
        // Whoever writes in ever more heights and alphabets has them fitted anew.
        if self.bytes + size > REMEMBERED {
            *self = Known::default();
        }
        self.letters.entry((font.height, letter)).or_insert_with(|| {
            self.bytes += size;
            fitted(font, glyph)
        })
    }
}

fn fitted(font: Font, glyph: &RasterizedChar) -> Box<[u8]> {
    let from = (glyph.width(), glyph.height());
    let to = (font.advance, usize::from(font.height));
    let bytes: Vec<u8> = glyph.rows().flatten().copied().collect();
    if from == to { bytes.into() } else { resize::bytes(&bytes, from, to).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_fitted_once_and_the_memory_of_it_is_bounded() {
        let seen = |font: Font, letter| {
            let mut bytes = vec![];
            font.with(letter, |covered| bytes = covered.to_vec());
            bytes
        };
        let font = Font::of(29);
        assert_eq!(seen(font, 'g'), seen(font, 'g'));
        assert_ne!(seen(font, 'g'), seen(font, 'h'));
        assert_eq!(seen(font, 'g').len(), font.advance * 29);
        for height in 0..=255 {
            for letter in 'a'..='z' {
                seen(Font::of(height), letter);
            }
        }
        KNOWN.with_borrow(|known| {
            let held: usize = known.letters.values().map(|letter| letter.len()).sum();
            assert_eq!(held, known.bytes);
            assert!(0 < held && held <= REMEMBERED, "{held}");
        });
    }
}
