//! One plane's bytes as rows.

use crate::{Error, PlaneShape, Result};

/// A plane to read. Rows have no padding.
#[derive(Clone, Copy)]
pub struct PlaneRef<'a> {
    pub bytes: &'a [u8],
    pub shape: PlaneShape,
}

impl<'a> PlaneRef<'a> {
    /// # Panics
    /// When the plane has no row `y`.
    pub fn row(&self, y: usize) -> &'a [u8] {
        &self.bytes[y * self.shape.row_bytes..][..self.shape.row_bytes]
    }

    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        self.bytes.chunks_exact(self.shape.row_bytes)
    }

    /// Rows × pixels × bytes of a pixel.
    #[cfg(feature = "ndarray")]
    pub fn view(&self) -> ndarray::ArrayView3<'a, u8> {
        ndarray::ArrayView3::from_shape(dimensions(self.shape), self.bytes)
            .expect("a plane's bytes have its shape")
    }
}

/// A plane to change. The rows that were handed out are written back when the call has succeeded.
pub struct PlaneMut<'a> {
    pub(crate) plane: &'a mut Held,
}

impl PlaneMut<'_> {
    pub fn shape(&self) -> PlaneShape {
        self.plane.shape
    }

    /// # Panics
    /// When the plane has no row `y`.
    pub fn row(&mut self, y: usize) -> &mut [u8] {
        self.plane.touch(y..y + 1);
        let row_bytes = self.plane.shape.row_bytes;
        &mut self.plane.bytes[y * row_bytes..][..row_bytes]
    }

    pub fn rows(&mut self) -> impl ExactSizeIterator<Item = &mut [u8]> {
        let row_bytes = self.plane.shape.row_bytes;
        self.bytes().chunks_exact_mut(row_bytes)
    }

    /// All rows at once.
    pub fn bytes(&mut self) -> &mut [u8] {
        self.plane.touch(0..self.plane.shape.rows);
        &mut self.plane.bytes
    }

    /// Rows × pixels × bytes of a pixel.
    #[cfg(feature = "ndarray")]
    pub fn view(&mut self) -> ndarray::ArrayViewMut3<'_, u8> {
        let dimensions = dimensions(self.plane.shape);
        ndarray::ArrayViewMut3::from_shape(dimensions, self.bytes()).expect("a plane's bytes have its shape")
    }
}

#[cfg(feature = "ndarray")]
fn dimensions(shape: PlaneShape) -> (usize, usize, usize) {
    (shape.rows, shape.row_bytes / shape.pixel_bytes, shape.pixel_bytes)
}

/// A plane that has crossed to the guest, and which of its rows must cross back.
pub(crate) struct Held {
    pub bytes: Vec<u8>,
    pub shape: PlaneShape,
    /// One range: writers mostly touch neighbouring rows, and one call is cheaper than many.
    dirty: std::ops::Range<usize>,
}

impl Held {
    /// # Errors
    /// When the host handed over another number of bytes than the format says.
    pub fn new(bytes: Vec<u8>, shape: PlaneShape) -> Result<Held> {
        match bytes.len() == shape.bytes() {
            true => Ok(Held { bytes, shape, dirty: 0..0 }),
            false => {
                Err(Error::failed(format!("a plane of {} bytes came with {}", shape.bytes(), bytes.len())))
            }
        }
    }

    pub fn view(&self) -> PlaneRef<'_> {
        PlaneRef { bytes: &self.bytes, shape: self.shape }
    }

    fn touch(&mut self, rows: std::ops::Range<usize>) {
        self.dirty = match self.dirty.is_empty() {
            true => rows,
            false => self.dirty.start.min(rows.start)..self.dirty.end.max(rows.end),
        };
    }

    /// The first changed row and all bytes to the last changed one; `None` when none changed.
    pub fn changed(&self) -> Option<(usize, &[u8])> {
        let bytes = self.dirty.start * self.shape.row_bytes..self.dirty.end * self.shape.row_bytes;
        (!bytes.is_empty()).then(|| (self.dirty.start, &self.bytes[bytes]))
    }

    /// The host has all of it.
    pub fn settle(&mut self) {
        self.dirty = 0..0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_touched_rows_go_back() {
        let shape = PlaneShape { rows: 4, row_bytes: 2, pixel_bytes: 1 };
        let mut held = Held::new(vec![0; 8], shape).unwrap();
        assert_eq!(held.changed(), None);
        let mut plane = PlaneMut { plane: &mut held };
        plane.row(2)[1] = 9;
        plane.row(1)[0] = 7;
        assert_eq!(held.changed(), Some((1, &[7, 0, 0, 9][..])));
    }

    #[cfg(feature = "ndarray")]
    #[test]
    fn a_view_counts_rows_pixels_and_their_bytes() {
        let shape = PlaneShape { rows: 2, row_bytes: 6, pixel_bytes: 3 };
        let mut held = Held::new((0..12).collect(), shape).unwrap();
        assert_eq!(held.view().view()[[1, 0, 2]], 8);
        PlaneMut { plane: &mut held }.view()[[1, 1, 0]] = 99;
        assert_eq!(held.view().row(1), [6, 7, 8, 99, 10, 11]);
    }

    #[test]
    fn a_plane_of_the_wrong_length_is_an_error() {
        assert!(Held::new(vec![0; 7], PlaneShape { rows: 4, row_bytes: 2, pixel_bytes: 1 }).is_err());
    }
}
