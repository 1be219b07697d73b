//! One plane to another size: the only file that names the scaling library.
//!
//! Owns the view that lets the library walk rows with a stride in place, and each thread's working
//! memory. Leaves what a plane means to `scale` and `sample`.

use std::cell::RefCell;
use std::marker::PhantomData;

use fast_image_resize::images::TypedCroppedImageMut;
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, ImageView, ImageViewMut, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use super::scale::Method;
use crate::media::{PlaneMut, PlaneRef, PlaneShape};

/// The part of a plane that is read, in samples and fractions of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// The part of a plane that is written, in whole samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

impl Window {
    pub fn whole(shape: PlaneShape) -> Window {
        let columns = shape.row_bytes / shape.pixel_bytes;
        Window { left: 0.0, top: 0.0, width: columns as f64, height: shape.rows as f64 }
    }

    /// Held inside a plane: sums of fractions may leave it by a hair, and a window is never empty.
    fn within(self, shape: PlaneShape) -> Window {
        let (columns, rows) = ((shape.row_bytes / shape.pixel_bytes) as f64, shape.rows as f64);
        let (left, top) = (self.left.clamp(0.0, columns - 0.5), self.top.clamp(0.0, rows - 0.5));
        Window {
            left,
            top,
            width: self.width.clamp(0.5, columns - left),
            height: self.height.clamp(0.5, rows - top),
        }
    }
}

impl Target {
    pub fn whole(shape: PlaneShape) -> Target {
        Target { left: 0, top: 0, width: shape.row_bytes / shape.pixel_bytes, height: shape.rows }
    }
}

thread_local! {
    // The library's working memory: kept, so that in steady state scaling allocates no picture.
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

/// Scales `window` of one plane into `target` of another with the same samples.
///
/// # Panics
/// When the planes hold different samples, or the target leaves its plane.
pub(super) fn plane(
    from: PlaneRef<'_>,
    window: Window,
    to: &mut PlaneMut<'_>,
    target: Target,
    method: Method,
) {
    assert_eq!(from.shape().pixel_bytes, to.shape().pixel_bytes, "planes of different samples");
    match from.shape().pixel_bytes {
        1 => typed::<U8>(from, window, to, target, method),
        2 => typed::<U8x2>(from, window, to, target, method),
        3 => typed::<U8x3>(from, window, to, target, method),
        4 => typed::<U8x4>(from, window, to, target, method),
        other => unreachable!("no pixel format has {other} bytes a sample"),
    }
}

/// Scales tightly packed single bytes from one `(width, height)` to another, none of them 0.
pub(super) fn bytes(from: &[u8], size: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    let shape = |(width, height)| PlaneShape { rows: height, row_bytes: width, pixel_bytes: 1 };
    let mut out = vec![0; to.0 * to.1];
    let source = PlaneRef::new(from, size.0, shape(size));
    let mut sink = PlaneMut::new(&mut out, to.0, shape(to));
    plane(source, Window::whole(shape(size)), &mut sink, Target::whole(shape(to)), Method::Bilinear);
    out
}

fn typed<P: PixelTrait>(
    from: PlaneRef<'_>,
    window: Window,
    to: &mut PlaneMut<'_>,
    target: Target,
    method: Method,
) {
    let window = window.within(from.shape());
    let source = Rows::<P> { plane: from, pixel: PhantomData };
    let sink = RowsMut::<P> { shape: to.shape(), stride: to.stride(), bytes: to.bytes(), pixel: PhantomData };
    let Target { left, top, width, height } = target;
    let mut sink = TypedCroppedImageMut::new(sink, left as u32, top as u32, width as u32, height as u32)
        .expect("the target lies in its plane");
    let options = ResizeOptions::new().resize_alg(algorithm(method)).use_alpha(false).crop(
        window.left,
        window.top,
        window.width,
        window.height,
    );
    RESIZER.with_borrow_mut(|resizer| {
        resizer.resize_typed(&source, &mut sink, &options).expect("the window lies in its plane");
    });
}

fn algorithm(method: Method) -> ResizeAlg {
    match method {
        Method::Nearest => ResizeAlg::Nearest,
        // As a convolution the filter widens when it shrinks a picture: every pixel counts.
        Method::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
        Method::Lanczos3 => ResizeAlg::Convolution(FilterType::Lanczos3),
    }
}

struct Rows<'a, P> {
    plane: PlaneRef<'a>,
    pixel: PhantomData<P>,
}

struct RowsMut<'a, P> {
    bytes: &'a mut [u8],
    stride: usize,
    shape: PlaneShape,
    pixel: PhantomData<P>,
}

/// The pixels of one row. The library's pixel types are arrays of `u8` without padding.
fn pixels<P: PixelTrait>(row: &[u8]) -> &[P] {
    // SAFETY: `P` is one of U8, U8x2, U8x3 and U8x4, whose components are `u8`: alignment 1, no
    // padding, every bit pattern valid.
    let (before, pixels, after) = unsafe { row.align_to::<P>() };
    debug_assert!(before.is_empty() && after.is_empty());
    pixels
}

fn pixels_mut<P: PixelTrait>(row: &mut [u8]) -> &mut [P] {
    // SAFETY: as in `pixels`.
    let (before, pixels, after) = unsafe { row.align_to_mut::<P>() };
    debug_assert!(before.is_empty() && after.is_empty());
    pixels
}

// SAFETY: every row has exactly `row_bytes / pixel_bytes` pixels, which is the width.
unsafe impl<P: PixelTrait> ImageView for Rows<'_, P> {
    type Pixel = P;

    fn width(&self) -> u32 {
        (self.plane.shape().row_bytes / size_of::<P>()) as u32
    }

    fn height(&self) -> u32 {
        self.plane.shape().rows as u32
    }

    fn iter_rows(&self, start_row: u32) -> impl Iterator<Item = &[P]> {
        (start_row as usize..self.plane.shape().rows).map(|index| pixels(self.plane.row(index)))
    }
}

// SAFETY: as for `Rows`.
unsafe impl<P: PixelTrait> ImageView for RowsMut<'_, P> {
    type Pixel = P;

    fn width(&self) -> u32 {
        (self.shape.row_bytes / size_of::<P>()) as u32
    }

    fn height(&self) -> u32 {
        self.shape.rows as u32
    }

    fn iter_rows(&self, start_row: u32) -> impl Iterator<Item = &[P]> {
        let rows = self.bytes.chunks(self.stride).take(self.shape.rows).skip(start_row as usize);
        rows.map(|row| pixels(&row[..self.shape.row_bytes]))
    }
}

// SAFETY: as for `Rows`; the rows do not overlap, for the stride is no shorter than a row.
unsafe impl<P: PixelTrait> ImageViewMut for RowsMut<'_, P> {
    fn iter_rows_mut(&mut self, start_row: u32) -> impl Iterator<Item = &mut [P]> {
        let row_bytes = self.shape.row_bytes;
        let rows = self.bytes.chunks_mut(self.stride).take(self.shape.rows).skip(start_row as usize);
        rows.map(move |row| pixels_mut(&mut row[..row_bytes]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_between_rows_is_neither_read_nor_written() {
        let shape = |rows, row_bytes| PlaneShape { rows, row_bytes, pixel_bytes: 3 };
        let mut from = vec![99; 4 * 20];
        from.chunks_mut(20).for_each(|row| row[..12].fill(10));
        let mut to = vec![77; 2 * 11];
        let mut sink = PlaneMut::new(&mut to, 11, shape(2, 6));
        let source = PlaneRef::new(&from, 20, shape(4, 12));
        plane(source, Window::whole(shape(4, 12)), &mut sink, Target::whole(shape(2, 6)), Method::Lanczos3);
        for row in to.chunks(11) {
            assert_eq!(row[..6], [10; 6]);
            assert_eq!(row[6..], [77; 5]);
        }
    }
}
