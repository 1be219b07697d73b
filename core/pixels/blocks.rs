//! Shrinking a plane by whole numbers: the mean of each block of samples.
//!
//! The way nearly every detector looks at a picture (1280x720 at 320x180 is blocks of 4 by 4), and
//! several times cheaper than a filter whose weights could be anything. Owns that arithmetic. Leaves
//! every other size to `resize`.

use super::resize::{Target, Window};
use crate::media::{PlaneMut, PlaneRef};

/// Blocks of more samples could overflow their sum.
const MOST: usize = u16::MAX as usize / u8::MAX as usize;

/// Which samples of a plane make one of the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    left: usize,
    top: usize,
    /// Samples of one block, along and down.
    width: usize,
    height: usize,
}

impl Blocks {
    /// Those that make `target` of `window`; `None` where they do not come out even.
    pub fn of(window: Window, target: Target) -> Option<Blocks> {
        let whole = |value: f64| (value >= 0.0 && value.fract() == 0.0).then_some(value as usize);
        let times = |from: usize, to: usize| (to > 0 && from.is_multiple_of(to)).then(|| from / to);
        let blocks = Blocks {
            left: whole(window.left)?,
            top: whole(window.top)?,
            width: times(whole(window.width)?, target.width)?,
            height: times(whole(window.height)?, target.height)?,
        };
        let (width, height) = (blocks.width, blocks.height);
        (width > 1 && height > 1 && width * height <= MOST).then_some(blocks)
    }

    /// Puts the mean of each block, rounded, into `target`. `sums` is working memory.
    ///
    /// # Panics
    /// When the blocks or the target leave their planes, or the samples are not single bytes.
    pub fn mean(self, from: PlaneRef<'_>, to: &mut PlaneMut<'_>, target: Target, sums: &mut Vec<u16>) {
        assert!(from.shape().pixel_bytes == 1 && to.shape().pixel_bytes == 1, "samples of one byte");
        for y in 0..target.height {
            let across = target.width * self.width;
            let rows = (0..self.height)
                .map(|row| &from.row(self.top + y * self.height + row)[self.left..self.left + across]);
            sum_down(rows, sums);
            let out = &mut to.row(target.top + y)[target.left..target.left + target.width];
            // The usual widths are compiled each for itself: then sums are added many at a time.
            match self.width {
                2 => self.mean_along(sums.as_chunks::<2>().0, out),
                3 => self.mean_along(sums.as_chunks::<3>().0, out),
                4 => self.mean_along(sums.as_chunks::<4>().0, out),
                6 => self.mean_along(sums.as_chunks::<6>().0, out),
                8 => self.mean_along(sums.as_chunks::<8>().0, out),
                width => self.mean_along(sums.chunks_exact(width), out),
            }
        }
    }

    fn mean_along<'a, B: AsRef<[u16]> + 'a>(self, blocks: impl IntoIterator<Item = B>, out: &mut [u8]) {
        let area = (self.width * self.height) as u32;
        // Division by multiplication: exact, since a sum has 16 bits and an area 9.
        let inverse = (1 << 24) / area + 1;
        for (mean, block) in out.iter_mut().zip(blocks) {
            let sum: u16 = block.as_ref().iter().sum();
            *mean = (((u32::from(sum) + area / 2) * inverse) >> 24) as u8;
        }
    }
}

/// Adds rows of one length, column by column.
fn sum_down<'a>(rows: impl Iterator<Item = &'a [u8]>, sums: &mut Vec<u16>) {
    sums.clear();
    for row in rows {
        match sums.is_empty() {
            true => sums.extend(row.iter().map(|&sample| u16::from(sample))),
            false => sums.iter_mut().zip(row).for_each(|(sum, &sample)| *sum += u16::from(sample)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::PlaneShape;

    fn shape(rows: usize, row_bytes: usize) -> PlaneShape {
        PlaneShape { rows, row_bytes, pixel_bytes: 1 }
    }

    fn window(left: f64, top: f64, width: f64, height: f64) -> Window {
        Window { left, top, width, height }
    }

    fn target(width: usize, height: usize) -> Target {
        Target { left: 1, top: 1, width, height }
    }

    /// Means of blocks of a plane with padding, somewhere in another.
    fn means(from: &[u8], stride: usize, blocks: Blocks, to: Target) -> Vec<u8> {
        let source = PlaneRef::new(from, stride, shape(from.len() / stride, stride - 1));
        let mut out = vec![7; (to.width + 2) * (to.height + 2)];
        let mut sink = PlaneMut::new(&mut out, to.width + 2, shape(to.height + 2, to.width + 2));
        blocks.mean(source, &mut sink, to, &mut Vec::new());
        out
    }

    #[test]
    fn every_width_of_block_gives_the_rounded_mean_and_touches_nothing_else() {
        for (width, height) in [(2, 2), (3, 2), (4, 4), (5, 3), (6, 6), (8, 2), (16, 16)] {
            let (across, down) = (3 * width, 2 * height);
            let stride = across + 4;
            let from: Vec<u8> = (0..(down + 2) * stride).map(|at| (at * at % 251) as u8).collect();
            let blocks = Blocks { left: 2, top: 1, width, height };
            let out = means(&from, stride, blocks, target(3, 2));
            for (y, row) in out.chunks_exact(5).enumerate() {
                for (x, &mean) in row.iter().enumerate() {
                    if !(1..4).contains(&x) || !(1..3).contains(&y) {
                        assert_eq!(mean, 7);
                        continue;
                    }
                    let rows = (y - 1) * height + 1..y * height + 1;
                    let sum: u32 = rows
                        .flat_map(|row| &from[row * stride + (x - 1) * width + 2..][..width])
                        .map(|&sample| u32::from(sample))
                        .sum();
                    let area = (width * height) as u32;
                    assert_eq!(u32::from(mean), (sum + area / 2) / area, "{width}x{height} at {x},{y}");
                }
            }
        }
    }

    #[test]
    fn division_is_exact_for_every_sum_of_every_area() {
        for area in 4..=MOST as u32 {
            let inverse = (1 << 24) / area + 1;
            for sum in 0..=area * 255 {
                assert_eq!(((sum + area / 2) * inverse) >> 24, (sum + area / 2) / area, "{sum} of {area}");
            }
        }
    }

    #[test]
    fn only_what_comes_out_even_is_blocks() {
        let even = window(2.0, 1.0, 12.0, 8.0);
        assert_eq!(Blocks::of(even, target(3, 2)), Some(Blocks { left: 2, top: 1, width: 4, height: 4 }));
        for (window, target, why) in [
            (even, target(5, 2), "12 is not a multiple of 5"),
            (even, target(12, 8), "nothing shrinks"),
            (even, target(24, 16), "it grows"),
            (window(0.5, 0.0, 12.0, 8.0), target(3, 2), "it begins inside a sample"),
            (window(0.0, 0.0, 12.5, 8.0), target(3, 2), "it ends inside one"),
            (window(0.0, 0.0, 40.0, 40.0), target(2, 2), "400 samples are too many for a sum"),
        ] {
            assert_eq!(Blocks::of(window, target), None, "{why}");
        }
    }
}
