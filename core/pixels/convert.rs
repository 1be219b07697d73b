//! A frame in another pixel format: the only file that names the colour conversion library.
//!
//! Owns which planes are kept as they are, and the matrix and range of what is made. Luma is
//! shared, not copied, wherever both formats have it.

use yuv::{
    YuvBiPlanarImage, YuvBiPlanarImageMut, YuvConversionMode, YuvError, YuvGrayImage, YuvGrayImageMut,
    YuvPlanarImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
};

use super::colour::red_and_blue;
use crate::media::{
    Colour, Frame, FrameFormat, PixelFormat, Plane, PlaneMut, PlaneRef, Pool, PoolFull, Range,
};

/// `frame` as `to`; itself when it is that already. Between formats with luma the colour's meaning
/// stays; made from RGB, luma and chroma are what [`Colour::assumed`] says; opacity is lost or full.
///
/// # Errors
/// [`PoolFull`] when the pool is at its limit.
pub fn convert(frame: &Frame, to: PixelFormat, pool: &Pool) -> Result<Frame, PoolFull> {
    if frame.pixel() == to {
        return Ok(frame.clone());
    }
    match (frame.pixel().is_rgb(), to.is_rgb()) {
        (false, false) => keeping_luma(frame, to, pool),
        (false, true) => to_rgb(frame, to, pool),
        (true, false) => from_rgb(frame, to, pool),
        (true, true) => between_rgb(frame, to, pool),
    }
}

/// What `frame` is after a conversion to `to`.
pub fn converted(format: FrameFormat, to: PixelFormat) -> FrameFormat {
    let colour = match format.pixel.is_rgb() == to.is_rgb() {
        true => format.colour,
        false => Colour::assumed(to, format.size),
    };
    FrameFormat { pixel: to, colour, ..format }
}

fn keeping_luma(frame: &Frame, to: PixelFormat, pool: &Pool) -> Result<Frame, PoolFull> {
    let chroma = |index| Plane::pooled(pool, to.plane(index, frame.size()));
    let luma = frame.planes()[0].clone();
    let planes = match (frame.pixel(), to) {
        (_, PixelFormat::Gray8) => vec![luma],
        (PixelFormat::I420, _) => {
            let mut both = chroma(1)?;
            interleave(frame.plane(1), frame.plane(2), &mut both.view_mut()?);
            vec![luma, both]
        }
        (PixelFormat::Nv12, _) => {
            let (mut u, mut v) = (chroma(1)?, chroma(2)?);
            part(frame.plane(1), &mut u.view_mut()?, &mut v.view_mut()?);
            vec![luma, u, v]
        }
        _ => {
            let mut planes = vec![luma];
            for index in 1..to.plane_count() {
                let mut neutral = chroma(index)?;
                neutral.view_mut()?.fill(128);
                planes.push(neutral);
            }
            planes
        }
    };
    Ok(frame
        .sibling_over(converted(frame.format(), to), planes)
        .expect("each plane was made for this format"))
}

fn interleave(u: PlaneRef<'_>, v: PlaneRef<'_>, both: &mut PlaneMut<'_>) {
    for ((u, v), both) in u.rows().zip(v.rows()).zip(both.rows()) {
        for ((pair, &u), &v) in both.as_chunks_mut::<2>().0.iter_mut().zip(u).zip(v) {
            *pair = [u, v];
        }
    }
}

fn part(both: PlaneRef<'_>, u: &mut PlaneMut<'_>, v: &mut PlaneMut<'_>) {
    for ((both, u), v) in both.rows().zip(u.rows()).zip(v.rows()) {
        for ((pair, u), v) in both.as_chunks::<2>().0.iter().zip(u).zip(v) {
            [*u, *v] = *pair;
        }
    }
}

fn to_rgb(frame: &Frame, to: PixelFormat, pool: &Pool) -> Result<Frame, PoolFull> {
    let mut made = frame.sibling(pool, converted(frame.format(), to))?;
    let (range, matrix) = meaning(frame.format());
    let opaque = to == PixelFormat::Rgba32;
    let mut plane = made.plane_mut(0)?;
    let stride = plane.stride() as u32;
    let rgb = plane.bytes();
    done(match frame.pixel() {
        PixelFormat::I420 if opaque => yuv::yuv420_to_rgba(&planar(frame), rgb, stride, range, matrix),
        PixelFormat::I420 => yuv::yuv420_to_rgb(&planar(frame), rgb, stride, range, matrix),
        PixelFormat::Nv12 if opaque => {
            yuv::yuv_nv12_to_rgba(&biplanar(frame), rgb, stride, range, matrix, MODE)
        }
        PixelFormat::Nv12 => yuv::yuv_nv12_to_rgb(&biplanar(frame), rgb, stride, range, matrix, MODE),
        _ if opaque => yuv::yuv400_to_rgba(&grey(frame), rgb, stride, range, matrix),
        _ => yuv::yuv400_to_rgb(&grey(frame), rgb, stride, range, matrix),
    });
    Ok(made)
}

fn from_rgb(frame: &Frame, to: PixelFormat, pool: &Pool) -> Result<Frame, PoolFull> {
    let mut made = frame.sibling(pool, converted(frame.format(), to))?;
    write_from_rgb(frame, &mut made)?;
    Ok(made)
}

fn write_from_rgb(frame: &Frame, made: &mut Frame) -> Result<(), PoolFull> {
    let (to, (range, matrix)) = (made.pixel(), meaning(made.format()));
    let (width, height) = (frame.size().width(), frame.size().height());
    let opacity = frame.pixel() == PixelFormat::Rgba32;
    let (rgb, stride) = (frame.plane(0).bytes(), frame.plane(0).stride() as u32);
    let strides: Vec<u32> = made.planes().iter().map(|plane| plane.view().stride() as u32).collect();
    let mut planes = made.planes_mut()?;
    let mut planes = planes.iter_mut().map(|plane| yuv::BufferStoreMut::Borrowed(plane.bytes()));
    let mut next = || planes.next().expect("a format has the planes it counts");
    done(match to {
        PixelFormat::I420 => {
            let mut image = YuvPlanarImageMut {
                y_plane: next(),
                y_stride: strides[0],
                u_plane: next(),
                u_stride: strides[1],
                v_plane: next(),
                v_stride: strides[2],
                width,
                height,
            };
            let make = if opacity { yuv::rgba_to_yuv420 } else { yuv::rgb_to_yuv420 };
            make(&mut image, rgb, stride, range, matrix, MODE)
        }
        PixelFormat::Nv12 => {
            let mut image = YuvBiPlanarImageMut {
                y_plane: next(),
                y_stride: strides[0],
                uv_plane: next(),
                uv_stride: strides[1],
                width,
                height,
            };
            let make = if opacity { yuv::rgba_to_yuv_nv12 } else { yuv::rgb_to_yuv_nv12 };
            make(&mut image, rgb, stride, range, matrix, MODE)
        }
        _ => {
            let mut image = YuvGrayImageMut { y_plane: next(), y_stride: strides[0], width, height };
            let make = if opacity { yuv::rgba_to_yuv400 } else { yuv::rgb_to_yuv400 };
            make(&mut image, rgb, stride, range, matrix)
        }
    });
    Ok(())
}

fn between_rgb(frame: &Frame, to: PixelFormat, pool: &Pool) -> Result<Frame, PoolFull> {
    let mut made = frame.sibling(pool, converted(frame.format(), to))?;
    let mut plane = made.plane_mut(0)?;
    for (from, to) in frame.plane(0).rows().zip(plane.rows()) {
        match frame.pixel() {
            PixelFormat::Rgb24 => {
                let pixels = from.as_chunks::<3>().0.iter().zip(to.as_chunks_mut::<4>().0);
                pixels.for_each(|(&[red, green, blue], to)| *to = [red, green, blue, 255]);
            }
            _ => {
                let pixels = from.as_chunks::<4>().0.iter().zip(to.as_chunks_mut::<3>().0);
                pixels.for_each(|(&[red, green, blue, _], to)| *to = [red, green, blue]);
            }
        }
    }
    Ok(made)
}

const MODE: YuvConversionMode = YuvConversionMode::Balanced;

fn meaning(format: FrameFormat) -> (YuvRange, YuvStandardMatrix) {
    let range = match format.colour.range {
        Range::Limited => YuvRange::Limited,
        Range::Full => YuvRange::Full,
    };
    let (red, blue) = red_and_blue(format);
    (range, YuvStandardMatrix::Custom(red, blue))
}

fn planar(frame: &Frame) -> YuvPlanarImage<'_, u8> {
    let [y, u, v] = [0, 1, 2].map(|index| frame.plane(index));
    YuvPlanarImage {
        y_plane: y.bytes(),
        y_stride: y.stride() as u32,
        u_plane: u.bytes(),
        u_stride: u.stride() as u32,
        v_plane: v.bytes(),
        v_stride: v.stride() as u32,
        width: frame.size().width(),
        height: frame.size().height(),
    }
}

fn biplanar(frame: &Frame) -> YuvBiPlanarImage<'_, u8> {
    let (y, uv) = (frame.plane(0), frame.plane(1));
    YuvBiPlanarImage {
        y_plane: y.bytes(),
        y_stride: y.stride() as u32,
        uv_plane: uv.bytes(),
        uv_stride: uv.stride() as u32,
        width: frame.size().width(),
        height: frame.size().height(),
    }
}

fn grey(frame: &Frame) -> YuvGrayImage<'_, u8> {
    let y = frame.plane(0);
    YuvGrayImage {
        y_plane: y.bytes(),
        y_stride: y.stride() as u32,
        width: frame.size().width(),
        height: frame.size().height(),
    }
}

// The library only refuses planes that do not hold their picture, and ours do.
fn done(outcome: Result<(), YuvError>) {
    outcome.expect("a frame's planes hold its picture");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Matrix, Pts, Size};
    use crate::pixels::{Rect, Rgba, draw};

    const COLOURS: [Rgba; 4] =
        [Rgba::opaque(200, 40, 40), Rgba::opaque(30, 180, 60), Rgba::opaque(20, 50, 220), Rgba::WHITE];

    fn filled(pool: &Pool, pixel: PixelFormat, (width, height): (u32, u32), colour: Rgba) -> Frame {
        let format = FrameFormat::new(pixel, Size::new(width, height).unwrap());
        let mut frame = Frame::pooled(pool, format, Pts::from_nanos(3), 4).unwrap();
        frame.planes_mut().unwrap().iter_mut().for_each(|plane| plane.fill(0));
        draw::fill(&mut frame, Rect::whole(format.size), colour).unwrap();
        frame
    }

    fn differs(one: &Frame, other: &Frame, by: u8) -> bool {
        (0..one.planes().len()).any(|index| {
            let pairs = one.plane(index).rows().flatten().zip(other.plane(index).rows().flatten());
            pairs.into_iter().any(|(a, b)| a.abs_diff(*b) > by)
        })
    }

    #[test]
    fn every_pair_of_formats_keeps_the_colour_at_every_size() {
        let pool = Pool::new(1 << 24);
        for size in [(1, 1), (2, 3), (17, 9), (64, 5), (33, 720)] {
            for colour in COLOURS {
                for from in PixelFormat::ALL.into_iter().filter(|from| *from != PixelFormat::Gray8) {
                    for to in PixelFormat::ALL {
                        let made = convert(&filled(&pool, from, size, colour), to, &pool).unwrap();
                        let wanted = filled(&pool, to, size, colour);
                        assert_eq!(made.format(), wanted.format());
                        assert!(!differs(&made, &wanted, 3), "{from} to {to}, {size:?}, {colour:?}");
                        assert_eq!((made.pts, made.sequence), (Pts::from_nanos(3), 4));
                    }
                }
            }
        }
    }

    #[test]
    fn matrix_and_range_of_the_frame_are_what_counts() {
        let pool = Pool::new(1 << 24);
        for matrix in [Matrix::BT601, Matrix::BT709, Matrix(9)] {
            for range in [Range::Limited, Range::Full] {
                let size = Size::new(31, 17).unwrap();
                let format = FrameFormat { pixel: PixelFormat::I420, size, colour: Colour { matrix, range } };
                let mut frame = Frame::pooled(&pool, format, Pts::ZERO, 0).unwrap();
                draw::fill(&mut frame, Rect::whole(size), COLOURS[0]).unwrap();
                let rgb = convert(&frame, PixelFormat::Rgb24, &pool).unwrap();
                let wanted = filled(&pool, PixelFormat::Rgb24, (31, 17), COLOURS[0]);
                assert!(!differs(&rgb, &wanted, 3), "{matrix:?} {range:?}");
            }
        }
    }

    #[test]
    fn luma_is_shared_between_formats_that_have_it() {
        let pool = Pool::new(1 << 24);
        let frame = filled(&pool, PixelFormat::I420, (17, 9), COLOURS[1]);
        for to in [PixelFormat::Nv12, PixelFormat::Gray8] {
            let made = convert(&frame, to, &pool).unwrap();
            assert!(made.planes()[0].shares_bytes_with(&frame.planes()[0]));
            let back = convert(&made, PixelFormat::I420, &pool).unwrap();
            assert!(back.planes()[0].shares_bytes_with(&frame.planes()[0]));
        }
        let nv12 = convert(&frame, PixelFormat::Nv12, &pool).unwrap();
        assert!(!differs(&convert(&nv12, PixelFormat::I420, &pool).unwrap(), &frame, 0));
    }

    #[test]
    fn an_odd_picture_keeps_its_last_row_and_column() {
        let pool = Pool::new(1 << 24);
        let mut frame = filled(&pool, PixelFormat::Rgb24, (5, 3), Rgba::BLACK);
        draw::fill(&mut frame, Rect::new(4, 2, 1, 1), Rgba::opaque(255, 0, 0)).unwrap();
        for to in [PixelFormat::I420, PixelFormat::Nv12] {
            let made = convert(&frame, to, &pool).unwrap();
            let back = convert(&made, PixelFormat::Rgb24, &pool).unwrap();
            assert!(!differs(&back, &frame, 4), "{to}");
        }
    }
}
