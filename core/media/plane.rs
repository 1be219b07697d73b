//! One component array of a frame: shared bytes, a stride, and views of them.
//!
//! Owns sharing and copy on first write. A plane's bytes may be pooled or belong to a device
//! (`Plane::foreign`); readers cannot tell, and the first writer gets a pooled copy.

use std::sync::Arc;

use ndarray::{ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3, ShapeBuilder};

use super::format::PlaneShape;
use super::pool::{Pool, PoolBytes, PoolFull};

/// New planes pad their rows to a multiple of this, so that SIMD reads stay aligned. The usual
/// widths need no padding and stay one contiguous run.
const STRIDE_ALIGN: usize = 32;

/// Bytes that live outside the pool, such as a mapped camera buffer; dropped with the last clone.
type ForeignBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

#[derive(Clone)]
enum Bytes {
    Pooled(PoolBytes),
    Foreign { bytes: ForeignBytes, pool: Pool },
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Pooled(bytes) => bytes,
            Bytes::Foreign { bytes, .. } => (**bytes).as_ref(),
        }
    }

    fn pool(&self) -> &Pool {
        match self {
            Bytes::Pooled(bytes) => bytes.pool(),
            Bytes::Foreign { pool, .. } => pool,
        }
    }

    /// `None` for bytes that are shared or foreign.
    fn get_mut(&mut self) -> Option<&mut [u8]> {
        match self {
            Bytes::Pooled(bytes) => bytes.get_mut(),
            Bytes::Foreign { .. } => None,
        }
    }

    fn shares_with(&self, other: &Bytes) -> bool {
        match (self, other) {
            (Bytes::Pooled(ours), Bytes::Pooled(theirs)) => ours.shares_with(theirs),
            (Bytes::Foreign { bytes: ours, .. }, Bytes::Foreign { bytes: theirs, .. }) => {
                Arc::ptr_eq(ours, theirs)
            }
            _ => false,
        }
    }
}

/// A plane's bytes with their layout. A clone shares the bytes.
#[derive(Clone)]
pub struct Plane {
    bytes: Bytes,
    offset: usize,
    stride: usize,
    shape: PlaneShape,
}

impl Plane {
    /// A pooled plane whose content is whatever its buffer last held.
    ///
    /// # Errors
    /// [`PoolFull`] when the pool is at its limit.
    pub fn pooled(pool: &Pool, shape: PlaneShape) -> Result<Plane, PoolFull> {
        let stride = shape.row_bytes.next_multiple_of(STRIDE_ALIGN);
        let bytes = Bytes::Pooled(pool.take(stride * shape.rows)?);
        Ok(Plane { bytes, offset: 0, stride, shape })
    }

    /// A plane over memory that somebody else owns. `pool` serves the copy if anyone writes to it.
    /// `None` when `bytes` is too short for the shape or a row longer than the stride.
    pub fn foreign(
        bytes: ForeignBytes,
        offset: usize,
        stride: usize,
        shape: PlaneShape,
        pool: &Pool,
    ) -> Option<Plane> {
        let end = offset.checked_add(stride.checked_mul(shape.rows - 1)?)?.checked_add(shape.row_bytes)?;
        let fits = stride >= shape.row_bytes && (*bytes).as_ref().len() >= end;
        let bytes = Bytes::Foreign { bytes, pool: pool.clone() };
        fits.then_some(Plane { bytes, offset, stride, shape })
    }

    pub fn view(&self) -> PlaneRef<'_> {
        PlaneRef { bytes: &self.bytes.as_slice()[self.offset..], stride: self.stride, shape: self.shape }
    }

    /// Write access. Copies the plane first when the bytes are shared or foreign, so that no other
    /// holder of the frame sees the change.
    ///
    /// # Errors
    /// [`PoolFull`] when a copy is needed and the pool is at its limit.
    pub fn view_mut(&mut self) -> Result<PlaneMut<'_>, PoolFull> {
        if self.bytes.get_mut().is_none() {
            *self = self.copied()?;
        }
        let (stride, shape, offset) = (self.stride, self.shape, self.offset);
        let bytes = self.bytes.get_mut().expect("a fresh copy is pooled and has one holder");
        Ok(PlaneMut { bytes: &mut bytes[offset..], stride, shape })
    }

    /// A part of this plane over the same bytes: `shape.rows` rows from `first_row`, each from
    /// `first_byte` on. `None` when that leaves the plane.
    pub fn window(&self, first_row: usize, first_byte: usize, shape: PlaneShape) -> Option<Plane> {
        let inside = shape.rows >= 1
            && first_row.checked_add(shape.rows)? <= self.shape.rows
            && first_byte.checked_add(shape.row_bytes)? <= self.shape.row_bytes;
        let offset = self.offset + first_row * self.stride + first_byte;
        inside.then(|| Plane { bytes: self.bytes.clone(), offset, stride: self.stride, shape })
    }

    /// Whether both planes show the very same bytes.
    pub fn shares_bytes_with(&self, other: &Plane) -> bool {
        self.bytes.shares_with(&other.bytes) && self.offset == other.offset
    }

    fn copied(&self) -> Result<Plane, PoolFull> {
        let mut copy = Plane::pooled(self.bytes.pool(), self.shape)?;
        copy.view_mut()?.copy_from(self.view());
        Ok(copy)
    }
}

/// Read access to a plane.
#[derive(Clone, Copy)]
pub struct PlaneRef<'a> {
    bytes: &'a [u8],
    stride: usize,
    shape: PlaneShape,
}

impl<'a> PlaneRef<'a> {
    /// A view of bytes laid out as `shape` with `stride` bytes from row to row.
    ///
    /// # Panics
    /// When `bytes` does not hold that many rows.
    pub fn new(bytes: &'a [u8], stride: usize, shape: PlaneShape) -> PlaneRef<'a> {
        assert!(stride >= shape.row_bytes && bytes.len() >= stride * (shape.rows - 1) + shape.row_bytes);
        PlaneRef { bytes, stride, shape }
    }

    pub fn shape(&self) -> PlaneShape {
        self.shape
    }

    /// Bytes from one row's start to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Everything from the first row on, padding included: for libraries that take a stride.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Row `index` without its padding.
    pub fn row(&self, index: usize) -> &'a [u8] {
        &self.bytes[index * self.stride..][..self.shape.row_bytes]
    }

    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let plane = *self;
        (0..self.shape.rows).map(move |index| plane.row(index))
    }

    /// The rows as one slice when no padding lies between them.
    pub fn contiguous(&self) -> Option<&'a [u8]> {
        (self.stride == self.shape.row_bytes).then(|| &self.bytes[..self.shape.rows * self.stride])
    }

    /// Shape `(rows, row_bytes)`.
    pub fn array(&self) -> ArrayView2<'a, u8> {
        let shape = (self.shape.rows, self.shape.row_bytes).strides((self.stride, 1));
        ArrayView2::from_shape(shape, self.bytes).expect("a plane holds its rows")
    }

    /// Shape `(rows, columns, channels)`: channels are 1 for Y, 2 for interleaved U,V, 3 or 4 for RGB.
    pub fn pixels(&self) -> ArrayView3<'a, u8> {
        let PlaneShape { rows, row_bytes, pixel_bytes } = self.shape;
        let shape = (rows, row_bytes / pixel_bytes, pixel_bytes).strides((self.stride, pixel_bytes, 1));
        ArrayView3::from_shape(shape, self.bytes).expect("a plane holds its rows")
    }
}

/// Write access to a plane nobody else is looking at.
pub struct PlaneMut<'a> {
    bytes: &'a mut [u8],
    stride: usize,
    shape: PlaneShape,
}

impl<'a> PlaneMut<'a> {
    /// A view of bytes laid out as `shape` with `stride` bytes from row to row.
    ///
    /// # Panics
    /// When `bytes` does not hold that many rows.
    pub fn new(bytes: &'a mut [u8], stride: usize, shape: PlaneShape) -> PlaneMut<'a> {
        assert!(stride >= shape.row_bytes && bytes.len() >= stride * (shape.rows - 1) + shape.row_bytes);
        PlaneMut { bytes, stride, shape }
    }

    pub fn shape(&self) -> PlaneShape {
        self.shape
    }

    /// Bytes from one row's start to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Everything from the first row on, padding included.
    pub fn bytes(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// Row `index` without its padding.
    pub fn row(&mut self, index: usize) -> &mut [u8] {
        &mut self.bytes[index * self.stride..][..self.shape.row_bytes]
    }

    pub fn rows(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let row_bytes = self.shape.row_bytes;
        self.bytes.chunks_mut(self.stride).take(self.shape.rows).map(move |row| &mut row[..row_bytes])
    }

    pub fn fill(&mut self, value: u8) {
        self.rows().for_each(|row| row.fill(value));
    }

    /// Overwrites this plane with one of the same shape.
    ///
    /// # Panics
    /// When the shapes differ.
    pub fn copy_from(&mut self, from: PlaneRef<'_>) {
        assert_eq!(self.shape, from.shape, "planes of different shape");
        if let Some(all) = from.contiguous().filter(|_| self.stride == from.stride) {
            self.bytes[..all.len()].copy_from_slice(all);
            return;
        }
        for (to, from) in self.rows().zip(from.rows()) {
            to.copy_from_slice(from);
        }
    }

    /// Shape `(rows, row_bytes)`.
    pub fn array(&mut self) -> ArrayViewMut2<'_, u8> {
        let shape = (self.shape.rows, self.shape.row_bytes).strides((self.stride, 1));
        ArrayViewMut2::from_shape(shape, self.bytes).expect("a plane holds its rows")
    }

    /// Shape `(rows, columns, channels)`.
    pub fn pixels(&mut self) -> ArrayViewMut3<'_, u8> {
        let PlaneShape { rows, row_bytes, pixel_bytes } = self.shape;
        let shape = (rows, row_bytes / pixel_bytes, pixel_bytes).strides((self.stride, pixel_bytes, 1));
        ArrayViewMut3::from_shape(shape, self.bytes).expect("a plane holds its rows")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: PlaneShape = PlaneShape { rows: 3, row_bytes: 5, pixel_bytes: 1 };

    #[test]
    fn writing_to_a_shared_plane_leaves_the_other_holder_alone() {
        let pool = Pool::new(1 << 20);
        let mut first = Plane::pooled(&pool, SHAPE).unwrap();
        first.view_mut().unwrap().fill(1);
        let mut second = first.clone();
        assert!(second.shares_bytes_with(&first));
        second.view_mut().unwrap().fill(2);
        assert_eq!(first.view().row(2), [1; 5]);
        assert_eq!(second.view().row(2), [2; 5]);
        assert_eq!(pool.usage().out, 2);
    }

    #[test]
    fn a_sole_owner_writes_in_place() {
        let pool = Pool::new(1 << 20);
        let mut plane = Plane::pooled(&pool, SHAPE).unwrap();
        plane.view_mut().unwrap().fill(1);
        plane.view_mut().unwrap().fill(2);
        assert_eq!(pool.usage().allocations, 1);
    }

    #[test]
    fn foreign_memory_is_read_in_place_and_copied_for_the_first_writer() {
        let pool = Pool::new(1 << 20);
        let camera: Vec<u8> = (0..30).collect();
        let mut plane = Plane::foreign(Arc::new(camera), 2, 8, SHAPE, &pool).unwrap();
        assert_eq!(plane.view().row(1), [10, 11, 12, 13, 14]);
        assert_eq!(pool.usage().out, 0);
        plane.view_mut().unwrap().row(1)[0] = 99;
        assert_eq!(plane.view().row(1), [99, 11, 12, 13, 14]);
        assert_eq!(plane.view().row(2), [18, 19, 20, 21, 22]);
    }

    #[test]
    fn a_window_shares_its_bytes_and_is_copied_by_its_first_writer() {
        let pool = Pool::new(1 << 20);
        let mut plane = Plane::pooled(&pool, SHAPE).unwrap();
        plane.view_mut().unwrap().row(2)[4] = 7;
        let corner = PlaneShape { rows: 2, row_bytes: 3, pixel_bytes: 1 };
        let mut window = plane.window(1, 2, corner).unwrap();
        assert_eq!(window.view().row(1), [0, 0, 7]);
        assert_eq!(pool.usage().out, 1);
        window.view_mut().unwrap().fill(9);
        assert_eq!(plane.view().row(2), [0, 0, 0, 0, 7]);
        assert!(plane.window(2, 2, corner).is_none());
        assert!(plane.window(1, 3, corner).is_none());
        assert!(plane.window(usize::MAX, 0, corner).is_none());
    }

    #[test]
    fn foreign_memory_too_short_for_its_shape_is_refused() {
        let pool = Pool::new(0);
        assert!(Plane::foreign(Arc::new(vec![0; 12]), 0, 5, SHAPE, &pool).is_none());
        assert!(Plane::foreign(Arc::new(vec![0; 15]), 0, 4, SHAPE, &pool).is_none());
        assert!(Plane::foreign(Arc::new(vec![0; 15]), 0, 5, SHAPE, &pool).is_some());
    }

    #[test]
    fn arrays_see_rows_and_pixels_without_padding() {
        let bytes: Vec<u8> = (0..16).collect();
        let plane = PlaneRef::new(&bytes, 8, PlaneShape { rows: 2, row_bytes: 6, pixel_bytes: 3 });
        assert_eq!(plane.array()[[1, 5]], 13);
        assert_eq!(plane.pixels()[[1, 1, 2]], 13);
        assert_eq!(plane.pixels().dim(), (2, 2, 3));
    }
}
