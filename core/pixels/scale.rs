//! A frame at another size.
//!
//! Owns how the old picture is fitted into the new one, and the bars where it does not reach.

use super::colour::Rgba;
use super::draw;
use super::rect::Rect;
use super::resize::{self, Target, Window};
use crate::media::{Frame, FrameFormat, PlaneShape, Pool, PoolFull, Size};

/// How new pixels come from old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A triangle over the neighbours, widened when shrinking so that every old pixel counts.
    Bilinear,
    /// The mean of the old pixels that fall into the new one, where they do so in whole numbers; else
    /// as bilinear.
    Mean,
    /// The one old pixel that lies nearest.
    Nearest,
    /// The sharpest, for three times the work of bilinear.
    Lanczos3,
}

/// What happens when the two sizes are of different shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The picture is stretched.
    Stretch,
    /// All of the picture is shown, between black bars.
    Contain,
    /// The new size is filled, and what overlaps on either side is cut off.
    Cover,
}

/// `frame` at `size`; itself when it has that size. The colour's meaning stays as it is.
///
/// # Errors
/// [`PoolFull`] when the pool is at its limit.
pub fn scale(frame: &Frame, size: Size, method: Method, fit: Fit, pool: &Pool) -> Result<Frame, PoolFull> {
    if frame.size() == size {
        return Ok(frame.clone());
    }
    let mut scaled = frame.sibling(pool, FrameFormat { size, ..frame.format() })?;
    let (shown, filled) = match fit {
        Fit::Stretch => (Part::whole(frame.size()), Rect::whole(size)),
        Fit::Contain => (Part::whole(frame.size()), letterbox(frame.size(), size)),
        Fit::Cover => (Part::centred(frame.size(), size), Rect::whole(size)),
    };
    if filled != Rect::whole(size) {
        draw::fill(&mut scaled, Rect::whole(size), Rgba::BLACK)?;
    }
    resample(frame, shown, &mut scaled, filled, method)?;
    Ok(scaled)
}

/// Part of a picture in luma pixels and fractions of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Part {
    pub fn whole(size: Size) -> Part {
        Part { left: 0.0, top: 0.0, width: f64::from(size.width()), height: f64::from(size.height()) }
    }

    /// The largest part in the middle that has the shape of `to`.
    fn centred(from: Size, to: Size) -> Part {
        let (width, height) = (f64::from(from.width()), f64::from(from.height()));
        let shape = f64::from(to.width()) / f64::from(to.height());
        let (w, h) = (width.min(height * shape), height.min(width / shape));
        Part { left: (width - w) / 2.0, top: (height - h) / 2.0, width: w, height: h }
    }

    /// The same part in the samples of a plane that is `shape` in a picture of `size`.
    pub fn in_plane(self, shape: PlaneShape, size: Size) -> Window {
        let halved = shape.rows < size.height() as usize
            || shape.row_bytes / shape.pixel_bytes < size.width() as usize;
        let by = if halved { 0.5 } else { 1.0 };
        Window { left: self.left * by, top: self.top * by, width: self.width * by, height: self.height * by }
    }
}

/// Where all of a picture of size `from` fits into `to`: in the middle, on whole chroma samples.
fn letterbox(from: Size, to: Size) -> Rect {
    let scale = (f64::from(to.width()) / f64::from(from.width()))
        .min(f64::from(to.height()) / f64::from(from.height()));
    let side = |from: u32, to: u32| ((f64::from(from) * scale).round() as u32).clamp(1, to);
    let even = |room: u32| (room / 2) & !1;
    let (width, height) = (side(from.width(), to.width()), side(from.height(), to.height()));
    Rect::new(even(to.width() - width) as i32, even(to.height() - height) as i32, width, height)
}

/// Scales `part` of one frame into `area` of another of the same pixel format; `area` begins on a
/// whole chroma sample and lies inside.
pub(super) fn resample(
    from: &Frame,
    part: Part,
    to: &mut Frame,
    area: Rect,
    method: Method,
) -> Result<(), PoolFull> {
    let size = to.size();
    for index in 0..from.planes().len() {
        let source = from.plane(index);
        let window = part.in_plane(source.shape(), from.size());
        let mut sink = to.plane_mut(index)?;
        let halve = |length: u32| if index > 0 { length.div_ceil(2) } else { length } as usize;
        let target = Target {
            left: halve(area.x as u32),
            top: halve(area.y as u32),
            width: halve(area.width),
            height: halve(area.height),
        };
        debug_assert!(target.left + target.width <= halve(size.width()));
        resize::plane(source, window, &mut sink, target, method);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{PixelFormat, Pts};
    use crate::pixels::colour::Palette;

    fn frame(pool: &Pool, pixel: PixelFormat, width: u32, height: u32) -> Frame {
        let format = FrameFormat::new(pixel, Size::new(width, height).unwrap());
        let mut frame = Frame::pooled(pool, format, Pts::from_nanos(5), 9).unwrap();
        frame.planes_mut().unwrap().iter_mut().for_each(|plane| plane.fill(200));
        frame
    }

    #[test]
    fn a_flat_picture_stays_flat_at_any_size_in_every_format() {
        let pool = Pool::new(1 << 22);
        for pixel in PixelFormat::ALL {
            for method in [Method::Bilinear, Method::Mean, Method::Nearest, Method::Lanczos3] {
                for (width, height) in [(1, 1), (3, 2), (33, 17), (101, 55)] {
                    let from = frame(&pool, pixel, 33, 21);
                    let size = Size::new(width, height).unwrap();
                    let scaled = scale(&from, size, method, Fit::Cover, &pool).unwrap();
                    assert_eq!((scaled.pts, scaled.sequence, scaled.size()), (from.pts, 9, size));
                    for index in 0..scaled.planes().len() {
                        let all = |value: &u8| *value == 200;
                        assert!(scaled.plane(index).rows().flatten().all(all), "{pixel} {method:?} {size}");
                    }
                }
            }
        }
    }

    #[test]
    fn bars_are_black_and_the_picture_is_whole() {
        let pool = Pool::new(1 << 22);
        for pixel in PixelFormat::ALL {
            let from = frame(&pool, pixel, 40, 20);
            let boxed =
                scale(&from, Size::new(40, 40).unwrap(), Method::Bilinear, Fit::Contain, &pool).unwrap();
            let step = boxed.plane(0).shape().pixel_bytes;
            let first = |y: usize| boxed.plane(0).row(y)[20 * step];
            let black = Palette::of(boxed.format()).samples(Rgba::BLACK)[0];
            assert_eq!(
                [first(0), first(9), first(10), first(29), first(30), first(39)],
                [black, black, 200, 200, black, black]
            );
        }
    }

    #[test]
    fn cover_cuts_the_sides_and_stretch_does_not() {
        let pool = Pool::new(1 << 22);
        let mut from = frame(&pool, PixelFormat::Gray8, 40, 20);
        from.plane_mut(0).unwrap().rows().for_each(|row| row[..8].fill(0));
        let left = |fit| {
            let size = Size::new(20, 20).unwrap();
            scale(&from, size, Method::Nearest, fit, &pool).unwrap().plane(0).row(10)[0]
        };
        assert_eq!(left(Fit::Cover), 200);
        assert_eq!(left(Fit::Stretch), 0);
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let pool = Pool::new(1 << 22);
        let from = frame(&pool, PixelFormat::I420, 8, 8);
        let same = scale(&from, from.size(), Method::Lanczos3, Fit::Contain, &pool).unwrap();
        assert!(same.planes()[0].shares_bytes_with(&from.planes()[0]));
    }
}
