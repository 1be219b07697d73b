//! Where the planes of a picture lie in the memory of a driver.
//!
//! Owns the formats that a picture is handed over in, and what rows and columns a driver adds to it.

use super::device::{FourCc, Given};
use crate::media::{Frame, PixelFormat, PlaneMut, PlaneShape, Size};

/// How a picture may be handed over, as the kernel calls it: together, or each plane in memory of its own.
const FORMATS: [(FourCc, PixelFormat, Memories); 4] = [
    (*b"YU12", PixelFormat::I420, Memories::Together),
    (*b"NV12", PixelFormat::Nv12, Memories::Together),
    (*b"YM12", PixelFormat::I420, Memories::Apart),
    (*b"NM12", PixelFormat::Nv12, Memories::Apart),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Memories {
    Together,
    Apart,
}

/// The format of `there` to hand over pictures of `pixel` in: their own if it can be, so that they need not be
/// made into another first.
pub(super) fn choose(there: &[FourCc], pixel: PixelFormat) -> Option<(FourCc, PixelFormat)> {
    let known = |own: bool| {
        let fits = FORMATS.iter().filter(move |format| (format.1 == pixel) == own);
        fits.filter(|format| there.contains(&format.0)).map(|format| (format.0, format.1)).next()
    };
    known(true).or_else(|| known(false))
}

/// The planes of one format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub pixel: PixelFormat,
    size: Size,
    planes: Vec<Place>,
    /// Bytes used in each piece of memory.
    pub used: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    piece: usize,
    offset: usize,
    stride: usize,
    /// What is shown.
    shape: PlaneShape,
    /// What there is, at least as much.
    whole: PlaneShape,
}

impl Layout {
    /// Of pictures of `size` in what a driver gave; it may have more rows and columns. `None` when they do not
    /// fit into it, or it is of no format that is known.
    pub fn new(given: &Given, size: Size) -> Option<Layout> {
        let (_, pixel, memories) = FORMATS.into_iter().find(|format| format.0 == given.fourcc)?;
        let mut planes = Vec::new();
        let mut offset = 0;
        let all = Size::new(given.width, given.height)?;
        for index in 0..pixel.plane_count() {
            let (shape, whole) = (pixel.plane(index, size), pixel.plane(index, all));
            let piece = if memories == Memories::Apart { index } else { 0 };
            let (stride, bytes) = given.pieces.get(piece)?;
            let stride = match (memories, pixel, index) {
                // One number is told for all, which is that of the first.
                (Memories::Together, PixelFormat::I420, 1..) => *stride as usize / 2,
                _ => *stride as usize,
            };
            let end = offset + stride * whole.rows;
            let holds = whole.row_bytes >= shape.row_bytes && whole.rows >= shape.rows;
            if !holds || stride < whole.row_bytes || end > *bytes as usize {
                return None;
            }
            planes.push(Place { piece, offset, stride, shape, whole });
            offset = if memories == Memories::Apart { 0 } else { end };
        }
        let used = given.pieces.iter().map(|(_, bytes)| *bytes as usize).collect();
        Some(Layout { pixel, size, planes, used })
    }

    /// Copies a picture; of one of an odd size without its last row and column. In the rows and columns that are
    /// not shown its edge goes on: anything else would cost bits, and would be seen beside it.
    ///
    /// # Panics
    /// When the picture is of another format or smaller.
    pub fn write(&self, frame: &Frame, pieces: &mut [impl AsMut<[u8]>]) {
        assert_eq!(frame.pixel(), self.pixel, "a picture of another format");
        for (index, place) in self.planes.iter().enumerate() {
            let bytes = &mut pieces[place.piece].as_mut()[place.offset..];
            let mut to = PlaneMut::new(bytes, place.stride, place.whole);
            let PlaneShape { rows, row_bytes, pixel_bytes } = place.shape;
            for (to, from) in to.rows().zip(frame.plane(index).rows().take(rows)) {
                let (shown, rest) = to.split_at_mut(row_bytes);
                shown.copy_from_slice(&from[..row_bytes]);
                rest.chunks_mut(pixel_bytes)
                    .for_each(|to| to.copy_from_slice(&shown[row_bytes - pixel_bytes..]));
            }
            let last = (rows - 1) * place.stride;
            for row in rows..place.whole.rows {
                to.bytes().copy_within(last..last + place.whole.row_bytes, row * place.stride);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, Pool, Pts};

    fn given(fourcc: &FourCc, width: u32, height: u32, pieces: &[(u32, u32)]) -> Given {
        Given { fourcc: *fourcc, width, height, pieces: pieces.to_vec() }
    }

    /// Each sample tells its plane, row and column.
    fn sample(plane: usize, row: usize, column: usize) -> u8 {
        (plane * 101 + row * 17 + column * 3) as u8 | 1
    }

    fn frame(pixel: PixelFormat, size: &str) -> Frame {
        let format = FrameFormat::new(pixel, size.parse().unwrap());
        let mut frame = Frame::pooled(&Pool::new(1 << 20), format, Pts::ZERO, 0).unwrap();
        for (index, plane) in frame.planes_mut().unwrap().iter_mut().enumerate() {
            for (y, row) in plane.rows().enumerate() {
                row.iter_mut().enumerate().for_each(|(x, value)| *value = sample(index, y, x));
            }
        }
        frame
    }

    fn written(given: &Given, pixel: PixelFormat, size: &str) -> Vec<Vec<u8>> {
        let even = Size::new(6, 4).unwrap();
        let mut pieces: Vec<Vec<u8>> =
            given.pieces.iter().map(|(_, bytes)| vec![0; *bytes as usize]).collect();
        Layout::new(given, even).unwrap().write(&frame(pixel, size), &mut pieces);
        pieces
    }

    #[test]
    fn the_edge_goes_on_in_rows_and_columns_that_are_not_shown() {
        let memory = &written(&given(b"YU12", 8, 16, &[(32, 768)]), PixelFormat::I420, "7x5")[0];
        assert_eq!((memory[6], memory[7], memory[8]), (sample(0, 0, 5), sample(0, 0, 5), 0));
        assert_eq!((memory[4 * 32 + 1], memory[15 * 32 + 7]), (sample(0, 3, 1), sample(0, 3, 5)));
        assert_eq!(memory[16 * 32 + 7 * 16 + 3], sample(1, 1, 2));
        let memory = &written(&given(b"NV12", 8, 16, &[(32, 768)]), PixelFormat::Nv12, "6x4")[0];
        assert_eq!(memory[16 * 32 + 6..][..2], [sample(1, 0, 4), sample(1, 0, 5)]);
    }

    #[test]
    fn chroma_begins_after_the_rows_that_the_driver_adds_and_has_half_its_stride() {
        let memory = &written(&given(b"YU12", 6, 16, &[(32, 768)]), PixelFormat::I420, "7x5")[0];
        assert_eq!(memory[3 * 32 + 5], sample(0, 3, 5));
        assert_eq!(memory[6], 0, "an odd column was handed over");
        assert_eq!(memory[16 * 32 + 16 + 2], sample(1, 1, 2));
        assert_eq!(memory[16 * 32 + 8 * 16 + 16 + 2], sample(2, 1, 2));
        let memory = &written(&given(b"NV12", 6, 16, &[(32, 768)]), PixelFormat::Nv12, "6x4")[0];
        assert_eq!(memory[16 * 32 + 32 + 5], sample(1, 1, 5));
    }

    #[test]
    fn planes_in_memory_of_their_own_have_strides_of_their_own() {
        let memory = written(&given(b"YM12", 6, 4, &[(8, 32), (6, 12), (6, 12)]), PixelFormat::I420, "6x4");
        assert_eq!(memory[0][3 * 8 + 5], sample(0, 3, 5));
        assert_eq!((memory[1][6 + 2], memory[2][6 + 2]), (sample(1, 1, 2), sample(2, 1, 2)));
    }

    #[test]
    fn what_does_not_hold_a_picture_is_told() {
        let size = Size::new(6, 4).unwrap();
        for wrong in [
            given(b"YU12", 6, 4, &[(4, 768)]),
            given(b"YU12", 6, 2, &[(32, 768)]),
            given(b"YU12", 6, 16, &[(32, 767)]),
            given(b"YM12", 6, 4, &[(8, 32), (6, 12)]),
            given(b"RGB3", 6, 4, &[(32, 768)]),
        ] {
            assert_eq!(Layout::new(&wrong, size), None, "{wrong:?}");
        }
    }

    #[test]
    fn pictures_are_handed_over_as_they_are_where_they_can_be() {
        let (yu12, nv12, nm12) = (*b"YU12", *b"NV12", *b"NM12");
        assert_eq!(choose(&[nv12, yu12], PixelFormat::I420), Some((yu12, PixelFormat::I420)));
        assert_eq!(choose(&[nm12, nv12, yu12], PixelFormat::Nv12), Some((nv12, PixelFormat::Nv12)));
        assert_eq!(choose(&[nm12], PixelFormat::I420), Some((nm12, PixelFormat::Nv12)));
        assert_eq!(choose(&[*b"RGB3"], PixelFormat::I420), None);
    }
}
