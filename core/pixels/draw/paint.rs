//! Laying texels over the samples of a frame.
//!
//! Owns how one drawn pixel becomes the samples of each pixel format. For every sample it works
//! out `old × (1 − opacity) + new`, once, in whole numbers.

use crate::media::{Frame, PixelFormat, PlaneMut, PoolFull, Size};
use crate::pixels::colour::Texel;
use crate::pixels::rect::Clipped;

/// Lays `texel(x, y)` over each pixel of `area`, in picture coordinates.
pub(super) fn each(
    frame: &mut Frame,
    area: Clipped,
    texel: impl Fn(usize, usize) -> Texel,
) -> Result<(), PoolFull> {
    let pixel = frame.pixel();
    let first = &mut frame.plane_mut(0)?;
    match pixel {
        PixelFormat::Rgb24 => {
            packed::<3>(first, area, &texel);
            return Ok(());
        }
        PixelFormat::Rgba32 => {
            packed::<4>(first, area, &texel);
            return Ok(());
        }
        PixelFormat::I420 | PixelFormat::Nv12 | PixelFormat::Gray8 => luma(first, area, &texel),
    }
    each_chroma(frame, area, &texel)
}

/// Lays one texel over all of `area`.
pub(super) fn flat(frame: &mut Frame, area: Clipped, texel: Texel) -> Result<(), PoolFull> {
    if frame.pixel().is_rgb() {
        return each(frame, area, |_, _| texel);
    }
    let mut plane = frame.plane_mut(0)?;
    for y in area.top..area.bottom {
        flat_run(&mut plane.row(y)[area.left..area.right], texel.samples[0], texel.alpha);
    }
    let (whole, edges) = by_chroma(area, frame.size());
    for (index, part, step, byte) in chroma_parts(frame.pixel()) {
        let Some(whole) = whole else { break };
        let mut plane = frame.plane_mut(*index)?;
        for cy in whole.top / 2..whole.bottom.div_ceil(2) {
            let row = &mut plane.row(cy)[whole.left / 2 * step..whole.right.div_ceil(2) * step];
            match step {
                1 => flat_run(row, texel.samples[*part], texel.alpha),
                _ => row[*byte..]
                    .iter_mut()
                    .step_by(*step)
                    .for_each(|old| lay(old, texel.samples[*part], texel.alpha, 1)),
            }
        }
    }
    edges.into_iter().flatten().try_for_each(|edge| each_chroma(frame, edge, &|_, _| texel))
}

fn flat_run(run: &mut [u8], new: u32, alpha: u32) {
    match alpha {
        255 => run.fill((new / 255) as u8),
        _ => run.iter_mut().for_each(|old| lay(old, new, alpha, 1)),
    }
}

/// Plane, sample of the texel, bytes from sample to sample, and first byte of each chroma channel.
fn chroma_parts(pixel: PixelFormat) -> &'static [(usize, usize, usize, usize)] {
    match pixel {
        PixelFormat::I420 => &[(1, 1, 1, 0), (2, 2, 1, 0)],
        PixelFormat::Nv12 => &[(1, 1, 2, 0), (1, 2, 2, 1)],
        PixelFormat::Gray8 | PixelFormat::Rgb24 | PixelFormat::Rgba32 => &[],
    }
}

/// The part of an area whose chroma samples it covers wholly, and the up to four strips around it
/// where it does not. Each chroma sample is in one of them only.
fn by_chroma(area: Clipped, size: Size) -> (Option<Clipped>, [Option<Clipped>; 4]) {
    let up = |start: usize| start.next_multiple_of(2);
    // The last odd row or column has chroma samples to itself.
    let down = |end: usize, side: u32| if end == side as usize { end } else { end & !1 };
    let some = |left, top, right, bottom| {
        (left < right && top < bottom).then_some(Clipped { left, top, right, bottom })
    };
    let Clipped { left, top, right, bottom } = area;
    let (first, last) = (up(top), down(bottom, size.height()));
    if first >= last {
        return (None, [Some(area), None, None, None]);
    }
    let (inner_left, inner_right) = (up(left), down(right, size.width()));
    if inner_left >= inner_right {
        return (None, [Some(area), None, None, None]);
    }
    let edges = [
        some(left, top, right, first),
        some(left, last, right, bottom),
        some(left, first, inner_left, last),
        some(inner_right, first, right, last),
    ];
    (some(inner_left, first, inner_right, last), edges)
}

fn luma(plane: &mut PlaneMut<'_>, area: Clipped, texel: &impl Fn(usize, usize) -> Texel) {
    for y in area.top..area.bottom {
        for (old, x) in plane.row(y)[area.left..area.right].iter_mut().zip(area.left..) {
            let new = texel(x, y);
            lay(old, new.samples[0], new.alpha, 1);
        }
    }
}

fn packed<const N: usize>(plane: &mut PlaneMut<'_>, area: Clipped, texel: &impl Fn(usize, usize) -> Texel) {
    for y in area.top..area.bottom {
        let row = &mut plane.row(y)[area.left * N..area.right * N];
        for (old, x) in row.chunks_exact_mut(N).zip(area.left..) {
            let new = texel(x, y);
            let (colour, opacity) = old.split_at_mut(3);
            colour.iter_mut().zip(new.samples).for_each(|(old, sample)| lay(old, sample, new.alpha, 1));
            opacity.iter_mut().for_each(|old| lay(old, new.alpha * 255, new.alpha, 1));
        }
    }
}

fn each_chroma(
    frame: &mut Frame,
    area: Clipped,
    texel: &impl Fn(usize, usize) -> Texel,
) -> Result<(), PoolFull> {
    match frame.pixel() {
        PixelFormat::I420 => {
            chroma(frame, 1, [(1, 0)], area, texel)?;
            chroma(frame, 2, [(2, 0)], area, texel)
        }
        PixelFormat::Nv12 => chroma(frame, 1, [(1, 0), (2, 1)], area, texel),
        PixelFormat::Gray8 | PixelFormat::Rgb24 | PixelFormat::Rgba32 => Ok(()),
    }
}

/// Mixes into plane `index` the samples `(of the texel, byte of the group)` that it holds. A chroma
/// sample stands for up to four pixels: those of them outside `area` weigh with nothing new.
fn chroma<const N: usize>(
    frame: &mut Frame,
    index: usize,
    parts: [(usize, usize); N],
    area: Clipped,
    texel: &impl Fn(usize, usize) -> Texel,
) -> Result<(), PoolFull> {
    let (width, height) = (frame.size().width() as usize, frame.size().height() as usize);
    let mut plane = frame.plane_mut(index)?;
    for cy in area.top / 2..area.bottom.div_ceil(2) {
        let row = plane.row(cy);
        let down = (2 * cy).max(area.top)..(2 * cy + 2).min(area.bottom);
        let tall = (2 * cy + 2).min(height) - 2 * cy;
        for cx in area.left / 2..area.right.div_ceil(2) {
            let across = (2 * cx).max(area.left)..(2 * cx + 2).min(area.right);
            let stands_for = tall * ((2 * cx + 2).min(width) - 2 * cx);
            let mut sum = Texel::default();
            for y in down.clone() {
                for x in across.clone() {
                    let new = texel(x, y);
                    sum.alpha += new.alpha;
                    parts.iter().for_each(|&(part, _)| sum.samples[part] += new.samples[part]);
                }
            }
            for (part, byte) in parts {
                lay(&mut row[cx * N + byte], sum.samples[part], sum.alpha, stands_for as u32);
            }
        }
    }
    Ok(())
}

/// `new` and `alpha` are sums over `count` pixels.
fn lay(old: &mut u8, new: u32, alpha: u32, count: u32) {
    let whole = 255 * count;
    *old = ((u32::from(*old) * (whole - alpha) + new + whole / 2) / whole) as u8;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, Pool, Pts};

    #[test]
    fn a_flat_area_comes_out_as_if_each_pixel_were_laid() {
        let texel = |alpha| Texel { samples: [100, 60, 200].map(|sample| sample * alpha), alpha };
        for pixel in [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Gray8] {
            let format = FrameFormat::new(pixel, Size::new(7, 7).unwrap());
            let mut blank = Frame::pooled(&Pool::new(1 << 20), format, Pts::ZERO, 0).unwrap();
            blank.planes_mut().unwrap().iter_mut().for_each(|plane| plane.fill(31));
            for places in 0..7 * 7 * 7 * 7usize {
                let [left, top, right, bottom] = [1, 7, 49, 343].map(|by| places / by % 7);
                let area = Clipped { left, top, right: right + 1, bottom: bottom + 1 };
                if area.left >= area.right || area.top >= area.bottom {
                    continue;
                }
                let alpha = if places % 2 == 0 { 255 } else { 77 };
                let (mut one, mut other) = (blank.clone(), blank.clone());
                flat(&mut one, area, texel(alpha)).unwrap();
                each(&mut other, area, |_, _| texel(alpha)).unwrap();
                for index in 0..one.planes().len() {
                    assert!(
                        one.plane(index).rows().eq(other.plane(index).rows()),
                        "{pixel} {area:?} {alpha}"
                    );
                }
            }
        }
    }
}
