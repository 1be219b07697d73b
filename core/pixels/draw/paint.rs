//! Laying texels over the samples of a frame.
//!
//! Owns how one drawn pixel becomes the samples of each pixel format. For every sample it works
//! out `old × (1 − opacity) + new`, once, in whole numbers.

use crate::media::{Frame, PixelFormat, PlaneMut, PoolFull};
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
        PixelFormat::Rgb24 => return Ok(packed::<3>(first, area, &texel)),
        PixelFormat::Rgba32 => return Ok(packed::<4>(first, area, &texel)),
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
        let row = &mut plane.row(y)[area.left..area.right];
        match texel.alpha {
            255 => row.fill((texel.samples[0] / 255) as u8),
            _ => row.iter_mut().for_each(|old| lay(old, texel.samples[0], texel.alpha, 1)),
        }
    }
    each_chroma(frame, area, &|_, _| texel)
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
