//! Making part of a picture unrecognisable: pixelation and blur.
//!
//! Owns both. Chroma is obscured out to the whole samples that touch the area, so that nothing of
//! it shows through at odd edges; samples outside the area are never mixed in.

use std::cell::RefCell;
use std::ops::Range;

use crate::media::{Frame, PlaneMut, PoolFull};
use crate::pixels::rect::{Clipped, Rect};

/// Replaces an area by square cells of `cell` pixels, each of one colour. Cells of less than 2
/// pixels would hide nothing and are taken as 2.
///
/// # Errors
/// [`PoolFull`] when a shared plane must be copied and the pool is at its limit.
pub fn pixelate(frame: &mut Frame, area: Rect, cell: u8) -> Result<(), PoolFull> {
    each_part(frame, area, |plane, part, halved| {
        let cell = usize::from(cell.max(2));
        average_cells(plane, part, if halved { cell.div_ceil(2) } else { cell });
    })
}

/// Blurs an area: two passes of averaging over `2 × radius + 1` pixels each way. A radius of 0 is
/// taken as 1.
///
/// # Errors
/// [`PoolFull`] when a shared plane must be copied and the pool is at its limit.
pub fn blur(frame: &mut Frame, area: Rect, radius: u8) -> Result<(), PoolFull> {
    LINES.with_borrow_mut(|lines| {
        each_part(frame, area, |plane, part, halved| {
            let radius = usize::from(radius.max(1));
            let radius = if halved { radius.div_ceil(2) } else { radius };
            for _ in 0..2 {
                lines.blur_rows(plane, part, radius);
                lines.blur_columns(plane, part, radius);
            }
        })
    })
}

/// A thread's working memory: kept, so that in steady state none is asked for.
#[derive(Default)]
struct Lines {
    /// As they were.
    sharp: Vec<u8>,
    smooth: Vec<u8>,
}

thread_local! {
    static LINES: RefCell<Lines> = RefCell::default();
}

/// The samples of one channel of a plane that lie in the area.
struct Part {
    rows: Range<usize>,
    columns: Range<usize>,
    /// Bytes from one sample to the next, and the first sample's byte.
    step: usize,
    byte: usize,
}

impl Part {
    fn at(&self, column: usize) -> usize {
        column * self.step + self.byte
    }
}

/// Calls `work` for every channel, opacity left aside; the flag says whether it is halved chroma.
fn each_part(
    frame: &mut Frame,
    area: Rect,
    mut work: impl FnMut(&mut PlaneMut<'_>, &Part, bool),
) -> Result<(), PoolFull> {
    let Some(Clipped { left, top, right, bottom }) = area.clipped(frame.size()) else {
        return Ok(());
    };
    for index in 0..frame.planes().len() {
        let mut plane = frame.plane_mut(index)?;
        let step = plane.shape().pixel_bytes;
        let halved = index > 0;
        let (rows, columns) = match halved {
            true => (top / 2..bottom.div_ceil(2), left / 2..right.div_ceil(2)),
            false => (top..bottom, left..right),
        };
        for byte in 0..step.min(3) {
            let part = Part { rows: rows.clone(), columns: columns.clone(), step, byte };
            work(&mut plane, &part, halved);
        }
    }
    Ok(())
}

fn average_cells(plane: &mut PlaneMut<'_>, part: &Part, cell: usize) {
    for top in part.rows.clone().step_by(cell) {
        let rows = top..(top + cell).min(part.rows.end);
        for left in part.columns.clone().step_by(cell) {
            let columns = left..(left + cell).min(part.columns.end);
            let count = (rows.len() * columns.len()) as u32;
            let mut sum = count / 2;
            for y in rows.clone() {
                let row = plane.row(y);
                sum += columns.clone().map(|x| u32::from(row[part.at(x)])).sum::<u32>();
            }
            for y in rows.clone() {
                let row = plane.row(y);
                columns.clone().for_each(|x| row[part.at(x)] = (sum / count) as u8);
            }
        }
    }
}

/// A running mean over up to `2 × radius + 1` values, fewer at the ends.
fn smooth(line: &[u8], radius: usize, mut put: impl FnMut(usize, u8)) {
    let mut sum: u32 = line.iter().take(radius).map(|&value| u32::from(value)).sum();
    let mut count = radius.min(line.len()) as u32;
    for index in 0..line.len() {
        if let Some(&entering) = line.get(index + radius) {
            sum += u32::from(entering);
            count += 1;
        }
        put(index, ((sum + count / 2) / count) as u8);
        if let Some(leaving) = index.checked_sub(radius) {
            sum -= u32::from(line[leaving]);
            count -= 1;
        }
    }
}

impl Lines {
    fn blur_rows(&mut self, plane: &mut PlaneMut<'_>, part: &Part, radius: usize) {
        let line = &mut self.sharp;
        for y in part.rows.clone() {
            let row = plane.row(y);
            line.clear();
            line.extend(part.columns.clone().map(|x| row[part.at(x)]));
            smooth(line, radius, |index, value| row[part.at(part.columns.start + index)] = value);
        }
    }

    /// Columns in strips of neighbouring samples: a column alone would touch a cache line per sample.
    fn blur_columns(&mut self, plane: &mut PlaneMut<'_>, part: &Part, radius: usize) {
        const STRIP: usize = 64;
        let tall = part.rows.len();
        self.sharp.resize(STRIP * tall, 0);
        self.smooth.resize(STRIP * tall, 0);
        for first in part.columns.clone().step_by(STRIP) {
            let strip = first..(first + STRIP).min(part.columns.end);
            for (down, y) in part.rows.clone().enumerate() {
                let row = plane.row(y);
                strip.clone().enumerate().for_each(|(i, x)| self.sharp[i * tall + down] = row[part.at(x)]);
            }
            for i in 0..strip.len() {
                let line = &self.sharp[i * tall..][..tall];
                smooth(line, radius, |down, value| self.smooth[i * tall + down] = value);
            }
            for (down, y) in part.rows.clone().enumerate() {
                let row = plane.row(y);
                strip.clone().enumerate().for_each(|(i, x)| row[part.at(x)] = self.smooth[i * tall + down]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, PixelFormat, Pool, Pts, Size};

    /// A checkerboard of single pixels: the finest detail there is.
    fn checkered(pixel: PixelFormat, width: u32, height: u32) -> Frame {
        let format = FrameFormat::new(pixel, Size::new(width, height).unwrap());
        let mut frame = Frame::pooled(&Pool::new(1 << 20), format, Pts::ZERO, 0).unwrap();
        for plane in frame.planes_mut().unwrap().iter_mut() {
            let step = plane.shape().pixel_bytes;
            for (y, row) in plane.rows().enumerate() {
                let bytes = row.iter_mut().enumerate();
                bytes.for_each(|(i, byte)| *byte = if (i / step + y) % 2 == 0 { 200 } else { 50 });
            }
        }
        frame
    }

    /// The least and greatest value of a plane's first channel within a rectangle.
    fn spread(frame: &Frame, plane: usize, rows: Range<usize>, columns: Range<usize>) -> (u8, u8) {
        let view = frame.plane(plane);
        let step = view.shape().pixel_bytes;
        let all = rows.flat_map(|y| columns.clone().map(move |x| (x, y)));
        let all = all.map(|(x, y)| view.row(y)[x * step]);
        (all.clone().min().unwrap(), all.max().unwrap())
    }

    #[test]
    fn a_pixelated_area_keeps_no_detail_within_a_cell() {
        for pixel in PixelFormat::ALL {
            let mut frame = checkered(pixel, 17, 13);
            pixelate(&mut frame, Rect::new(1, 1, 15, 11), 4).unwrap();
            assert_eq!(spread(&frame, 0, 1..5, 1..5), (125, 125), "{pixel}");
            assert_eq!(spread(&frame, 0, 0..1, 0..17), (50, 200), "{pixel} outside");
            if frame.planes().len() > 1 {
                assert_eq!(spread(&frame, 1, 0..2, 0..2), (125, 125), "{pixel} chroma at the odd edge");
            }
        }
    }

    #[test]
    fn a_blurred_area_loses_its_detail_and_nothing_else() {
        for pixel in PixelFormat::ALL {
            let mut frame = checkered(pixel, 40, 40);
            blur(&mut frame, Rect::new(4, 4, 32, 32), 3).unwrap();
            let (least, most) = spread(&frame, 0, 4..36, 4..36);
            assert!(most - least <= 8, "{pixel}: {least}..{most}");
            assert_eq!(spread(&frame, 0, 0..4, 0..40), (50, 200), "{pixel} above");
            assert_eq!(spread(&frame, 0, 0..40, 36..40), (50, 200), "{pixel} right");
        }
    }

    #[test]
    fn weak_settings_still_hide_and_huge_ones_do_not_overflow() {
        let mut frame = checkered(PixelFormat::Gray8, 8, 8);
        pixelate(&mut frame, Rect::new(0, 0, 8, 8), 0).unwrap();
        assert_eq!(spread(&frame, 0, 0..8, 0..8), (125, 125));
        let mut frame = checkered(PixelFormat::I420, 9, 3);
        blur(&mut frame, Rect::new(i32::MIN, -5, u32::MAX, 100), 255).unwrap();
        blur(&mut frame, Rect::new(-5, -5, 100, 100), 255).unwrap();
        let (least, most) = spread(&frame, 0, 0..3, 0..9);
        assert!(most - least <= 2);
    }
}
