//! Working on a plane a few rows at a time: read, work, write.
//!
//! A band of 64 rows and its copies stay in the processor's cache, which makes this the cheapest
//! way to change a whole plane. The host keeps the frame as it was until the call has succeeded,
//! so writing early gives nothing away.

use crate::backend;
use crate::{Frame, PlaneShape, Result};

/// At 1280 pixels a band is 80 KiB: small enough for a cache, large enough to make the calls cheap.
const ROWS: usize = 64;

/// Bytes that [`map`] changes between two questions of the engine whether the time is up. Such a
/// question costs as much as changing sixteen bytes.
const RUN: usize = 128;

/// Some rows of a plane.
pub struct Band<'a> {
    /// The plane's row that `bytes` starts with.
    pub first: usize,
    pub bytes: &'a mut [u8],
    pub shape: PlaneShape,
}

impl Band<'_> {
    /// Gives each byte the value that `change` makes of it; see [`map`].
    pub fn map(&mut self, change: impl Fn(u8) -> u8) {
        map(self.bytes, change);
    }

    /// Each row with its place in the plane.
    pub fn rows(&mut self) -> impl Iterator<Item = (usize, &mut [u8])> {
        (self.first..).zip(self.bytes.chunks_exact_mut(self.shape.row_bytes))
    }
}

/// Gives each byte the value that `change` makes of it: in the sandbox twice as fast as a loop over
/// single bytes, if `change` is as simple as `|luma| 255 - luma`.
pub fn map(bytes: &mut [u8], change: impl Fn(u8) -> u8) {
    let (runs, rest) = bytes.as_chunks_mut::<RUN>();
    for run in runs {
        run.iter_mut().for_each(|byte| *byte = change(*byte));
    }
    rest.iter_mut().for_each(|byte| *byte = change(*byte));
}

impl Frame<'_> {
    /// Hands a plane to `work` a band at a time, top to bottom, and writes each back.
    ///
    /// # Errors
    /// When the frame has no such plane, or the host refuses to read or write.
    pub fn edit_bands(&mut self, plane: usize, mut work: impl FnMut(&mut Band)) -> Result<()> {
        let shape = self.release(plane)?;
        for first in (0..shape.rows).step_by(ROWS) {
            let mut bytes = backend::read_rows(self.handle, plane, first, ROWS.min(shape.rows - first))?;
            work(&mut Band { first, bytes: &mut bytes, shape });
            backend::write_rows(self.handle, plane, first, &bytes)?;
        }
        Ok(())
    }

    /// As [`Frame::edit_bands`], for work that looks at neighbours: `source` holds the band's rows
    /// as they were, with `margin` rows above and below. At the picture's edges the first and the
    /// last row are repeated, so row `y` of the band is always row `y + margin` of `source`.
    ///
    /// # Errors
    /// As [`Frame::edit_bands`].
    pub fn edit_bands_around(
        &mut self,
        plane: usize,
        margin: usize,
        mut work: impl FnMut(&[u8], &mut Band),
    ) -> Result<()> {
        let shape = self.release(plane)?;
        let row = shape.row_bytes;
        let mut source = Vec::with_capacity((ROWS + 2 * margin) * row);
        // Rows that have crossed, from `start` on; those a later band needs are kept, since by then
        // the host would give the changed ones.
        let mut result = Vec::new();
        let mut start = 0;
        for first in (0..shape.rows).step_by(ROWS) {
            let count = ROWS.min(shape.rows - first);
            let wanted = (first + count + margin).min(shape.rows);
            let held = start + source.len() / row;
            if wanted > held {
                source.extend(backend::read_rows(self.handle, plane, held, wanted - held)?);
            }
            let around = Around { rows: &source, start, shape };
            let context = around.context(first, count, margin);
            result.clear();
            result.extend_from_slice(&context[margin * row..][..count * row]);
            work(&context, &mut Band { first, bytes: &mut result, shape });
            backend::write_rows(self.handle, plane, first, &result)?;
            let keep = (first + count).saturating_sub(margin).max(start);
            source.drain(..(keep - start) * row);
            start = keep;
        }
        Ok(())
    }

    /// Sets every byte of a plane, without reading it. `fill_plane(1, 128)` takes the colour out of
    /// an NV12 picture.
    ///
    /// # Errors
    /// When the frame has no such plane, or the host refuses to write.
    pub fn fill_plane(&mut self, plane: usize, value: u8) -> Result<()> {
        let shape = self.release(plane)?;
        let bytes = vec![value; ROWS.min(shape.rows) * shape.row_bytes];
        for first in (0..shape.rows).step_by(ROWS) {
            let count = ROWS.min(shape.rows - first);
            backend::write_rows(self.handle, plane, first, &bytes[..count * shape.row_bytes])?;
        }
        Ok(())
    }
}

/// Rows of a plane from `start` on.
struct Around<'a> {
    rows: &'a [u8],
    start: usize,
    shape: PlaneShape,
}

impl<'a> Around<'a> {
    /// Borrowed in the middle of the picture; copied where edge rows must be repeated.
    fn context(&self, first: usize, count: usize, margin: usize) -> std::borrow::Cow<'a, [u8]> {
        let row = self.shape.row_bytes;
        let end = first + count + margin;
        if first >= margin && end <= self.shape.rows {
            return self.rows[(first - margin - self.start) * row..(end - self.start) * row].into();
        }
        let last = self.shape.rows - 1;
        let mut rows = Vec::with_capacity((count + 2 * margin) * row);
        for y in first..end + margin {
            let y = y.saturating_sub(margin).min(last);
            rows.extend_from_slice(&self.rows[(y - self.start) * row..][..row]);
        }
        rows.into()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{self, Picture};
    use crate::{PixelFormat, Size};

    fn ramp() -> Picture {
        // 150 rows: two whole bands and a part of one.
        let picture = Picture::new(PixelFormat::Gray8, Size::new(3, 150));
        let bytes: Vec<u8> = (0..150).flat_map(|y| [y as u8, y as u8 + 1, y as u8 + 2]).collect();
        picture.with_plane(0, &bytes)
    }

    #[test]
    fn every_row_is_edited_once_and_knows_its_place() {
        let picture = ramp();
        testing::with_frame(&picture, |frame| {
            frame.edit_bands(0, |band| {
                for (y, row) in band.rows() {
                    assert_eq!(row, [y as u8, y as u8 + 1, y as u8 + 2]);
                    row.fill(255 - y as u8);
                }
            })
        })
        .unwrap();
        let expected: Vec<u8> = (0..150u8).flat_map(|y| [255 - y; 3]).collect();
        assert_eq!(picture.plane(0), expected);
    }

    #[test]
    fn every_byte_of_a_band_is_changed_once() {
        for length in [0, 1, 127, 128, 129, 500] {
            let mut bytes: Vec<u8> = (0..length).map(|index| index as u8).collect();
            super::map(&mut bytes, |byte| byte.wrapping_mul(3));
            assert!(bytes.iter().enumerate().all(|(index, byte)| *byte == (index as u8).wrapping_mul(3)));
        }
    }

    #[test]
    fn neighbours_are_as_they_were_before_the_edit() {
        let picture = ramp();
        testing::with_frame(&picture, |frame| {
            frame.edit_bands_around(0, 2, |source, band| {
                for (y, row) in band.rows() {
                    let inside = y % 64;
                    let (above, below) = (source[inside * 3], source[(inside + 4) * 3]);
                    assert_eq!(
                        (above, below),
                        (y.saturating_sub(2) as u8, (y + 2).min(149) as u8),
                        "row {y}"
                    );
                    row.fill(0);
                }
            })
        })
        .unwrap();
        assert!(picture.plane(0).iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_plane_the_format_lacks_is_an_error() {
        assert!(testing::with_frame(&ramp(), |frame| frame.fill_plane(1, 0)).is_err());
    }
}
