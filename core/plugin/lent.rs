//! The one frame that a guest may see during a call, and what it has done to it so far.
//!
//! Owns commit on success: a guest works on planes of its own, and the frame it was lent stays as
//! it was until [`Lent::take_back`]. A plane that is rewritten row by row is never copied first.
//! All arguments come from a guest and may be anything.

use std::ops::Range;

use super::bindings::types::{Error, ErrorKind};
use crate::media::{Frame, Plane, PlaneShape, Pool};

/// A frame on loan to a guest.
pub struct Lent {
    /// As the guest has left it, but for the rows that still lie in `fresh`.
    frame: Frame,
    /// For each plane: its replacement, while only some of its rows are written.
    fresh: [Option<Fresh>; MOST_PLANES],
    pool: Pool,
    /// Pixels that drawing may still touch.
    pub drawable: u64,
}

/// No format has more.
const MOST_PLANES: usize = 3;

/// A plane on its way to replacing another.
struct Fresh {
    plane: Plane,
    /// The rows that hold what they should: always one run, and for guests that go through a plane
    /// from one end to the other nothing has to be copied to keep it one.
    filled: Range<usize>,
}

impl Lent {
    /// Lends `frame`; `drawable` is how many pixels drawing may touch.
    pub fn new(frame: Frame, pool: Pool, drawable: u64) -> Lent {
        Lent { frame, fresh: [const { None }; MOST_PLANES], pool, drawable }
    }

    /// The frame without its newly written rows: for its header and its annotations.
    pub fn header(&self) -> &Frame {
        &self.frame
    }

    pub fn header_mut(&mut self) -> &mut Frame {
        &mut self.frame
    }

    /// The whole frame as the guest has left it.
    ///
    /// # Errors
    /// When the memory for frames is used up.
    pub fn whole(&mut self) -> Result<&mut Frame, Error> {
        for index in 0..self.frame.planes().len() {
            let Some(mut fresh) = self.fresh[index].take() else { continue };
            let original = &self.frame.planes()[index];
            fresh.fill(0..original.view().shape().rows, original)?;
            self.frame.replace_plane(index, fresh.plane);
        }
        Ok(&mut self.frame)
    }

    /// Ends the loan with everything that was written.
    ///
    /// # Errors
    /// When the memory for frames is used up.
    pub fn take_back(mut self) -> Result<Frame, Error> {
        self.whole()?;
        Ok(self.frame)
    }

    /// Rows `first..first + count` of plane `plane`, cut at the plane's end, over the very bytes they lie
    /// in; `None` when that is no row at all. To be let go before anything is written: whoever writes to a
    /// plane that is held elsewhere writes to a copy of it.
    ///
    /// # Errors
    /// `invalid-argument` for a plane or a first row that is not there; `failed` when the memory for
    /// frames is used up.
    pub fn rows(&mut self, plane: u8, first: u32, count: u32) -> Result<Option<Plane>, Error> {
        let index = self.plane_index(plane)?;
        let original = &self.frame.planes()[index];
        let shape = original.view().shape();
        let first = first as usize;
        if first >= shape.rows {
            let height = shape.rows;
            return Err(invalid(format!("row {first} is past the end of plane {plane}, which has {height}")));
        }
        let rows = first..shape.rows.min(first.saturating_add(count as usize));
        let holder = match &mut self.fresh[index] {
            Some(fresh) if fresh.holds_any(&rows) => {
                fresh.fill(rows.clone(), original)?;
                &fresh.plane
            }
            // What nobody has written yet: for a filter that reads and writes band by band, all it reads.
            _ => original,
        };
        Ok(holder.window(rows.start, 0, PlaneShape { rows: rows.len(), ..shape }))
    }

    /// Replaces whole rows of plane `plane` from row `first` on.
    ///
    /// # Errors
    /// `invalid-argument` for a plane that is not there, a length that is no whole number of rows,
    /// or rows past the end; `failed` when the memory for frames is used up.
    pub fn write_rows(&mut self, plane: u8, first: u32, data: &[u8]) -> Result<(), Error> {
        let index = self.plane_index(plane)?;
        let shape = self.frame.planes()[index].view().shape();
        if !data.len().is_multiple_of(shape.row_bytes) {
            let row = shape.row_bytes;
            return Err(invalid(format!("{} bytes are no whole number of rows of {row}", data.len())));
        }
        let (first, count) = (first as usize, data.len() / shape.row_bytes);
        let end = first.checked_add(count).filter(|end| *end <= shape.rows).ok_or_else(|| {
            invalid(format!("rows {first} and {count} more leave plane {plane}, which has {}", shape.rows))
        })?;
        let original = &self.frame.planes()[index];
        let fresh = match &mut self.fresh[index] {
            Some(fresh) => fresh,
            empty => empty.insert(Fresh::new(&self.pool, original, first)?),
        };
        fresh.write(first..end, data, original)
    }

    fn plane_index(&self, plane: u8) -> Result<usize, Error> {
        let (index, count) = (usize::from(plane), self.frame.planes().len());
        let pixel = self.frame.pixel();
        (index < count)
            .then_some(index)
            .ok_or_else(|| invalid(format!("{pixel} has no plane {plane}; it has {count}, counted from 0")))
    }
}

impl Fresh {
    /// With nothing filled yet, and `first` to be the first row that is.
    fn new(pool: &Pool, like: &Plane, first: usize) -> Result<Fresh, Error> {
        let plane = Plane::pooled(pool, like.view().shape()).map_err(|full| failed(full.to_string()))?;
        Ok(Fresh { plane, filled: first..first })
    }

    fn holds_any(&self, rows: &Range<usize>) -> bool {
        rows.start < self.filled.end && self.filled.start < rows.end
    }

    fn write(&mut self, rows: Range<usize>, data: &[u8], original: &Plane) -> Result<(), Error> {
        if rows.start > self.filled.end {
            self.reach(rows.start, original)?;
        } else if rows.end < self.filled.start {
            self.reach(rows.end, original)?;
        }
        let mut view = self.plane.view_mut().map_err(|full| failed(full.to_string()))?;
        let (stride, row_bytes) = (view.stride(), view.shape().row_bytes);
        if stride == row_bytes {
            view.bytes()[rows.start * stride..][..data.len()].copy_from_slice(data);
        } else {
            for (index, row) in rows.clone().zip(data.chunks_exact(row_bytes)) {
                view.row(index).copy_from_slice(row);
            }
        }
        self.filled = self.filled.start.min(rows.start)..self.filled.end.max(rows.end);
        Ok(())
    }

    /// Takes what nobody has written of `rows` from the plane that this one replaces.
    fn fill(&mut self, rows: Range<usize>, original: &Plane) -> Result<(), Error> {
        self.reach(rows.start, original)?;
        self.reach(rows.end, original)
    }

    /// Fills the rows between those that are filled and the start of row `edge`.
    fn reach(&mut self, edge: usize, original: &Plane) -> Result<(), Error> {
        let missing = match edge {
            _ if edge < self.filled.start => edge..self.filled.start,
            _ if edge > self.filled.end => self.filled.end..edge,
            _ => return Ok(()),
        };
        let mut view = self.plane.view_mut().map_err(|full| failed(full.to_string()))?;
        missing.for_each(|index| view.row(index).copy_from_slice(original.view().row(index)));
        self.filled = self.filled.start.min(edge)..self.filled.end.max(edge);
        Ok(())
    }
}

/// The caller's values break a rule of the interface.
pub fn invalid(message: impl Into<String>) -> Error {
    Error { kind: ErrorKind::InvalidArgument, message: message.into() }
}

/// The graph does not allow it.
pub fn not_granted(message: impl Into<String>) -> Error {
    Error { kind: ErrorKind::NotGranted, message: message.into() }
}

/// It was tried and did not work, or a budget is used up.
pub fn failed(message: impl Into<String>) -> Error {
    Error { kind: ErrorKind::Failed, message: message.into() }
}

/// The rule is kept, but this host or this frame cannot do it.
pub fn unsupported(message: impl Into<String>) -> Error {
    Error { kind: ErrorKind::Unsupported, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, PixelFormat, Pts, Size};
    use crate::plugin::lowered::Lowered;
    use std::sync::Arc;

    const PACKED: (u32, u32) = (64, 48);
    const PADDED: (u32, u32) = (5, 7);

    fn frame(pool: &Pool, (width, height): (u32, u32)) -> Frame {
        let format = FrameFormat::new(PixelFormat::I420, Size::new(width, height).unwrap());
        let mut frame = Frame::pooled(pool, format, Pts::ZERO, 0).unwrap();
        for (seed, plane) in frame.planes_mut().unwrap().iter_mut().enumerate() {
            for (index, row) in plane.rows().enumerate() {
                row.fill((index + 50 * seed) as u8);
            }
        }
        frame
    }

    fn lend(pool: &Pool, frame: &Frame) -> Lent {
        Lent::new(frame.clone(), pool.clone(), 0)
    }

    fn read(lent: &mut Lent, first: u32, count: u32) -> Vec<u8> {
        let mut scratch = Arc::default();
        let rows = lent.rows(0, first, count).unwrap();
        rows.map_or(Vec::new(), |rows| Lowered::rows(rows, &mut scratch).bytes().to_vec())
    }

    #[test]
    fn rows_come_packed_whatever_the_stride() {
        let pool = Pool::new(1 << 20);
        for size in [PACKED, PADDED] {
            let frame = frame(&pool, size);
            let rows = read(&mut lend(&pool, &frame), 2, 3);
            let expected: Vec<u8> = (2..5).flat_map(|row| vec![row; size.0 as usize]).collect();
            assert_eq!(rows, expected);
        }
    }

    #[test]
    fn whole_packed_planes_are_lent_without_a_copy() {
        let pool = Pool::new(1 << 20);
        let frame = frame(&pool, PACKED);
        let rows = lend(&pool, &frame).rows(0, 0, u32::MAX).unwrap().unwrap();
        let lowered = Lowered::rows(rows, &mut Arc::default());
        assert_eq!(lowered.bytes().as_ptr(), frame.plane(0).bytes().as_ptr());
        assert_eq!(lowered.bytes().len(), 64 * 48);
    }

    #[test]
    fn written_rows_are_read_back_and_the_frame_stays_as_it_was() {
        let pool = Pool::new(1 << 20);
        for size in [PACKED, PADDED] {
            let original = frame(&pool, size);
            let mut lent = lend(&pool, &original);
            lent.write_rows(0, 1, &vec![200; 2 * size.0 as usize]).unwrap();
            let read = read(&mut lent, 0, 4);
            let firsts: Vec<u8> = read.chunks(size.0 as usize).map(|row| row[0]).collect();
            assert_eq!(firsts, [0, 200, 200, 3]);
            let changed = lent.take_back().unwrap();
            assert_eq!(changed.plane(0).row(1)[0], 200);
            assert_eq!(changed.plane(0).row(5)[0], 5);
            assert_eq!(original.plane(0).row(1)[0], 1);
            assert!(changed.planes()[1].shares_bytes_with(&original.planes()[1]));
        }
    }

    #[test]
    fn bands_that_are_not_written_yet_are_lent_without_a_copy() {
        let pool = Pool::new(1 << 20);
        let original = frame(&pool, PACKED);
        let mut lent = lend(&pool, &original);
        for first in [0, 16, 32] {
            let rows = lent.rows(0, first, 16).unwrap().unwrap();
            assert_eq!(rows.view().bytes().as_ptr(), original.plane(0).row(first as usize).as_ptr());
            drop(rows);
            lent.write_rows(0, first, &[9; 16 * 64]).unwrap();
            assert_eq!(read(&mut lent, first, 16), [9; 16 * 64]);
        }
    }

    #[test]
    fn bands_may_be_written_in_any_order() {
        let pool = Pool::new(1 << 20);
        for bands in [[40..44, 2..6, 20..22, 4..21], [0..10, 30..48, 9..12, 12..14]] {
            let original = frame(&pool, PACKED);
            let mut lent = lend(&pool, &original);
            for band in bands.clone() {
                lent.write_rows(0, band.start, &vec![200; band.len() * 64]).unwrap();
            }
            let changed = lent.take_back().unwrap();
            for row in 0..48 {
                let expected = if bands.iter().any(|band| band.contains(&row)) { 200 } else { row as u8 };
                assert_eq!(changed.plane(0).row(row as usize), [expected; 64], "row {row} after {bands:?}");
            }
        }
    }

    #[test]
    fn a_plane_that_was_read_is_still_drawn_on_in_place() {
        let pool = Pool::new(1 << 20);
        let original = frame(&pool, PACKED);
        let bytes = original.plane(0).bytes().as_ptr();
        let mut lent = Lent::new(original, pool, 0);
        read(&mut lent, 0, 8);
        lent.whole().unwrap().plane_mut(0).unwrap().row(0).fill(1);
        assert_eq!(lent.take_back().unwrap().plane(0).bytes().as_ptr(), bytes);
    }

    #[test]
    fn a_plane_written_in_bands_takes_one_buffer_and_gives_it_back() {
        let pool = Pool::new(1 << 20);
        let original = frame(&pool, PACKED);
        let before = pool.usage().out;
        let mut lent = lend(&pool, &original);
        for first in (0..48).step_by(16) {
            lent.write_rows(0, first, &[9; 16 * 64]).unwrap();
        }
        assert_eq!(pool.usage().out, before + 1);
        drop(lent);
        assert_eq!(pool.usage().out, before);
    }

    #[test]
    fn what_a_guest_asks_outside_the_plane_is_an_error() {
        let pool = Pool::new(1 << 20);
        let frame = frame(&pool, PADDED);
        let mut lent = lend(&pool, &frame);
        for (plane, first, count) in [(3, 0, 1), (255, 0, 1), (0, 7, 1), (0, u32::MAX, u32::MAX)] {
            assert_eq!(lent.rows(plane, first, count).err().unwrap().kind, ErrorKind::InvalidArgument);
        }
        for (plane, first, length) in [(3, 0, 5), (0, 0, 4), (0, 7, 5), (0, 6, 10), (0, u32::MAX, 5)] {
            let error = lent.write_rows(plane, first, &vec![0; length]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidArgument, "{plane} {first} {length}");
        }
        assert!(lent.rows(0, 3, 0).unwrap().is_none());
        assert!(lent.write_rows(0, 7, &[]).is_ok());
        assert!(lent.rows(0, 6, u32::MAX).is_ok());
    }
}
