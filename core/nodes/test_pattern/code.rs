//! The frame number as a strip of black and white cells along the top edge.
//!
//! Owns writing and reading it. 32 cells span the width: white, black, then 24 bits of the number
//! (most significant first, in Gray code, so that one of them changes from frame to frame) and 6
//! bits of checksum. At 1280x720 a cell is 40x36 pixels: it survives scaling and coarse encoding.

use crate::media::PlaneRef;
use crate::pixels::{Rect, Rgba};

/// The height of the strip as a fraction of the picture's.
pub const CODE_HEIGHT: f32 = 0.05;

const CELLS: usize = 32;
const BITS: u32 = 24;
const CHECK_BITS: u32 = 6;
/// Luma this close to the middle is neither black nor white.
const DOUBT: u32 = 24;

/// The strip's height in rows: even, so that no chroma sample is cut, and at least 4.
pub(super) fn rows(height: u32) -> u32 {
    let exact = height / 20;
    (exact + exact % 2).max(4)
}

/// The cells of `number` (its lowest 24 bits), each with its colour.
pub(super) fn cells(number: u64, width: u32, height: u32) -> impl Iterator<Item = (Rect, Rgba)> {
    let word = word(number as u32 & ((1 << BITS) - 1));
    let rows = rows(height);
    (0..CELLS).map(move |cell| {
        let (left, right) = (edge(cell, width), edge(cell + 1, width));
        let white = word >> (CELLS - 1 - cell) & 1 == 1;
        let colour = if white { Rgba::WHITE } else { Rgba::BLACK };
        (Rect::new(left as i32, 0, right - left, rows), colour)
    })
}

/// The frame number (modulo 2²⁴) of a picture by its luma, at whatever size it has come to. `None`
/// when there is no such strip, or it is too worn to be read for certain.
pub fn read_frame_number(luma: &PlaneRef<'_>) -> Option<u32> {
    let (width, height) = (luma.shape().row_bytes as u32, luma.shape().rows as u32);
    let rows = rows(height).min(height);
    let word = (0..CELLS).try_fold(0u32, |word, cell| {
        let white = is_white(luma, edge(cell, width)..edge(cell + 1, width), rows)?;
        Some(word << 1 | u32::from(white))
    })?;
    let number = from_gray(word >> CHECK_BITS & ((1 << BITS) - 1));
    (self::word(number) == word).then_some(number)
}

fn edge(cell: usize, width: u32) -> u32 {
    (u64::from(width) * cell as u64 / CELLS as u64) as u32
}

/// Looks at the inner half of a cell: its edges bleed into its neighbours. `None` is doubt.
fn is_white(luma: &PlaneRef<'_>, columns: std::ops::Range<u32>, rows: u32) -> Option<bool> {
    let inner = |start: u32, end: u32| {
        let quarter = (end - start) / 4;
        (start + quarter) as usize..(end - quarter) as usize
    };
    let (columns, rows) = (inner(columns.start, columns.end), inner(0, rows));
    let count = (columns.len() * rows.len()) as u32;
    let sum: u32 = rows.flat_map(|y| &luma.row(y)[columns.clone()]).map(|&value| u32::from(value)).sum();
    let mean = sum.checked_div(count)?;
    (mean.abs_diff(126) > DOUBT).then_some(mean > 126)
}

/// Marker, number in Gray code, checksum.
fn word(number: u32) -> u32 {
    let gray = number ^ number >> 1;
    0b10 << (BITS + CHECK_BITS) | gray << CHECK_BITS | checksum(gray)
}

fn from_gray(gray: u32) -> u32 {
    [16, 8, 4, 2, 1].iter().fold(gray, |value, shift| value ^ value >> shift)
}

/// CRC-6 with the polynomial x⁶ + x + 1 (as in ITU-T G.704): a single worn cell is always noticed.
fn checksum(gray: u32) -> u32 {
    let start = 0b101101;
    (0..BITS).rev().fold(start, |crc, bit| {
        let top = ((crc >> 5) ^ (gray >> bit)) & 1;
        ((crc << 1) & 0b111111) ^ (top * 0b000011)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::PlaneShape;

    fn drawn(number: u64, width: u32, height: u32) -> Vec<u8> {
        let mut bytes = vec![90; (width * height) as usize];
        for (rect, colour) in cells(number, width, height) {
            for y in 0..rect.height {
                let start = (y * width) as usize + rect.x as usize;
                bytes[start..][..rect.width as usize].fill(if colour == Rgba::WHITE { 235 } else { 16 });
            }
        }
        bytes
    }

    fn read(bytes: &[u8], width: u32, height: u32) -> Option<u32> {
        let shape = PlaneShape { rows: height as usize, row_bytes: width as usize, pixel_bytes: 1 };
        read_frame_number(&PlaneRef::new(bytes, width as usize, shape))
    }

    #[test]
    fn every_number_reads_back_at_every_size() {
        for (width, height) in [(64, 48), (321, 181), (1280, 720)] {
            for number in (0..2000).chain([(1 << 24) - 1, 0xABCDEF]) {
                assert_eq!(read(&drawn(number, width, height), width, height), Some(number as u32));
            }
        }
        assert_eq!(read(&drawn(1 << 24, 64, 48), 64, 48), Some(0));
    }

    #[test]
    fn a_single_flipped_cell_is_never_a_number() {
        for number in [0, 1, 77, 123_456] {
            for cell in 0..CELLS {
                let mut bytes = drawn(number, 640, 360);
                for y in 0..rows(360) as usize {
                    bytes[y * 640 + cell * 20..][..20].iter_mut().for_each(|value| *value = 251 - *value);
                }
                assert_eq!(read(&bytes, 640, 360), None, "number {number}, cell {cell}");
            }
        }
    }

    #[test]
    fn a_picture_without_a_strip_has_no_number() {
        for value in [0, 90, 126, 255] {
            assert_eq!(read(&[value; 64 * 48], 64, 48), None);
        }
        assert_eq!(read(&[255; 9], 3, 3), None);
    }
}
