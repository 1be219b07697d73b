//! One plane to another size: the only file that names the scaling library.
//!
//! Owns the view that lets the library walk rows with a stride in place, and each thread's working
//! memory. Leaves what a plane means to `scale` and `sample`, and plain means of blocks to `blocks`.

use std::cell::RefCell;

use fast_image_resize::images::TypedCroppedImageMut;
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ImageView, ImageViewMut, ResizeAlg, ResizeOptions, Resizer};

use super::blocks::Blocks;
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

/// One thread's working memory: kept, so that in steady state scaling allocates no picture.
#[derive(Default)]
struct Workbench {
    tools: Tools,
    channel: Vec<u8>,
    scaled: Vec<u8>,
}

#[derive(Default)]
struct Tools {
    resizer: Resizer,
    sums: Vec<u16>,
}

thread_local! {
    static WORKBENCH: RefCell<Workbench> = RefCell::default();
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
    let step = from.shape().pixel_bytes;
    assert_eq!(step, to.shape().pixel_bytes, "planes of different samples");
    WORKBENCH.with_borrow_mut(|workbench| match step {
        1 => single(&mut workbench.tools, from, window, to, target, method),
        _ => (0..step).for_each(|byte| workbench.channel(from, window, to, target, method, byte)),
    });
}

impl Workbench {
    /// Takes one channel out of interleaved samples, scales it, and puts it back among the others.
    /// The library would do all channels at once, but its code for each kind of sample is compiled
    /// anew into whoever calls it, for half a minute apiece; and live video has its luma, and
    /// mostly its chroma, in planes of their own.
    fn channel(
        &mut self,
        from: PlaneRef<'_>,
        window: Window,
        to: &mut PlaneMut<'_>,
        target: Target,
        method: Method,
        byte: usize,
    ) {
        let PlaneShape { rows, row_bytes, pixel_bytes: step } = from.shape();
        let alone = |rows, columns| PlaneShape { rows, row_bytes: columns, pixel_bytes: 1 };
        self.channel.clear();
        from.rows().for_each(|row| self.channel.extend(row[byte..].iter().step_by(step)));
        self.scaled.resize(target.width * target.height, 0);
        let source = PlaneRef::new(&self.channel, row_bytes / step, alone(rows, row_bytes / step));
        let shape = alone(target.height, target.width);
        let mut sink = PlaneMut::new(&mut self.scaled, target.width, shape);
        single(&mut self.tools, source, window, &mut sink, Target::whole(shape), method);
        for (y, line) in self.scaled.chunks_exact(target.width).enumerate() {
            let row = to.row(target.top + y)[target.left * step + byte..].iter_mut().step_by(step);
            row.zip(line).for_each(|(to, value)| *to = *value);
        }
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

fn single(
    tools: &mut Tools,
    from: PlaneRef<'_>,
    window: Window,
    to: &mut PlaneMut<'_>,
    target: Target,
    method: Method,
) {
    let window = window.within(from.shape());
    if method == Method::Mean
        && let Some(blocks) = Blocks::of(window, target)
    {
        return blocks.mean(from, to, target, &mut tools.sums);
    }
    let sink = RowsMut { shape: to.shape(), stride: to.stride(), bytes: to.bytes() };
    let Target { left, top, width, height } = target;
    let mut sink = TypedCroppedImageMut::new(sink, left as u32, top as u32, width as u32, height as u32)
        .expect("the target lies in its plane");
    let options = ResizeOptions::new().resize_alg(algorithm(method)).use_alpha(false).crop(
        window.left,
        window.top,
        window.width,
        window.height,
    );
    tools.resizer.resize_typed(&Rows(from), &mut sink, &options).expect("the window lies in its plane");
}

fn algorithm(method: Method) -> ResizeAlg {
    match method {
        Method::Nearest => ResizeAlg::Nearest,
        // As a convolution the filter widens when it shrinks a picture: every pixel counts.
        Method::Bilinear | Method::Mean => ResizeAlg::Convolution(FilterType::Bilinear),
        Method::Lanczos3 => ResizeAlg::Convolution(FilterType::Lanczos3),
    }
}

struct Rows<'a>(PlaneRef<'a>);

struct RowsMut<'a> {
    bytes: &'a mut [u8],
    stride: usize,
    shape: PlaneShape,
}

/// The library's own name for a byte.
fn pixels(row: &[u8]) -> &[U8] {
    // SAFETY: a `U8` is one `u8` and nothing else: alignment 1, every bit pattern valid.
    let (before, pixels, after) = unsafe { row.align_to() };
    debug_assert!(before.is_empty() && after.is_empty());
    pixels
}

fn pixels_mut(row: &mut [u8]) -> &mut [U8] {
    // SAFETY: as in `pixels`.
    let (before, pixels, after) = unsafe { row.align_to_mut() };
    debug_assert!(before.is_empty() && after.is_empty());
    pixels
}

// SAFETY: every row has exactly `row_bytes` pixels, which is the width.
unsafe impl ImageView for Rows<'_> {
    type Pixel = U8;

    fn width(&self) -> u32 {
        self.0.shape().row_bytes as u32
    }

    fn height(&self) -> u32 {
        self.0.shape().rows as u32
    }

    fn iter_rows(&self, start_row: u32) -> impl Iterator<Item = &[U8]> {
        (start_row as usize..self.0.shape().rows).map(|index| pixels(self.0.row(index)))
    }
}

// SAFETY: as for `Rows`.
unsafe impl ImageView for RowsMut<'_> {
    type Pixel = U8;

    fn width(&self) -> u32 {
        self.shape.row_bytes as u32
    }

    fn height(&self) -> u32 {
        self.shape.rows as u32
    }

    fn iter_rows(&self, start_row: u32) -> impl Iterator<Item = &[U8]> {
        let rows = self.bytes.chunks(self.stride).take(self.shape.rows).skip(start_row as usize);
        rows.map(|row| pixels(&row[..self.shape.row_bytes]))
    }
}

// SAFETY: as for `Rows`; the rows do not overlap, for the stride is no shorter than a row.
unsafe impl ImageViewMut for RowsMut<'_> {
    fn iter_rows_mut(&mut self, start_row: u32) -> impl Iterator<Item = &mut [U8]> {
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
