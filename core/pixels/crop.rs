//! A part of a frame, without copying it.

use super::rect::Clipped;
use crate::media::{Frame, FrameFormat, PixelFormat, PlaneShape, Region, Size};

/// The part of `frame` in `region`, over the same bytes. Where chroma is halved, the left and top
/// edges move outwards to an even pixel. At least one pixel is left. What was found outside of it is
/// left out.
pub fn crop(frame: &Frame, region: Region) -> Frame {
    let area = cropped_area(region, frame.pixel(), frame.size());
    let size = cropped_size(area);
    let planes = frame.planes().iter().enumerate().map(|(index, plane)| {
        let shape: PlaneShape = frame.pixel().plane(index, size);
        let by = if index > 0 { 2 } else { 1 };
        plane
            .window(area.top / by, area.left / by * shape.pixel_bytes, shape)
            .expect("a clipped area lies inside")
    });
    let format = FrameFormat { size, ..frame.format() };
    let mut part = frame.sibling_over(format, planes).expect("each window has the shape of its plane");
    let kept = in_fractions(area, frame.size());
    part.part = kept.placed_in(frame.part);
    if !frame.annotations().detections.is_empty() && kept != Region::WHOLE {
        part.annotations_mut().moved(|region| region.seen_in(kept));
    }
    part
}

fn in_fractions(area: Clipped, of: Size) -> Region {
    let fraction = |pixels: usize, side: u32| pixels as f32 / side as f32;
    Region {
        x: fraction(area.left, of.width()),
        y: fraction(area.top, of.height()),
        width: fraction(area.width(), of.width()),
        height: fraction(area.height(), of.height()),
    }
}

/// The pixels that [`crop`] keeps.
pub(super) fn cropped_area(region: Region, pixel: PixelFormat, size: Size) -> Clipped {
    let span = |start: f32, length: f32, side: u32| {
        let edge = |fraction: f32| (f64::from(fraction) * f64::from(side)).round() as usize;
        let side = side as usize;
        let first = edge(start).min(side - 1);
        let first = if pixel.plane_count() > 1 { first & !1 } else { first };
        (first, edge(start + length).clamp(first + 1, side))
    };
    let (left, right) = span(region.x, region.width, size.width());
    let (top, bottom) = span(region.y, region.height, size.height());
    Clipped { left, top, right, bottom }
}

fn cropped_size(area: Clipped) -> Size {
    Size::new(area.width() as u32, area.height() as u32).expect("a part of a picture has a size")
}

/// The size [`crop`] gives, known before there is a frame.
pub fn crop_size(region: Region, pixel: PixelFormat, size: Size) -> Size {
    cropped_size(cropped_area(region, pixel, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Detection, Pool, Pts};

    #[test]
    fn a_crop_shows_its_part_and_copies_nothing() {
        let pool = Pool::new(1 << 20);
        for pixel in PixelFormat::ALL {
            let format = FrameFormat::new(pixel, Size::new(21, 11).unwrap());
            let mut frame = Frame::pooled(&pool, format, Pts::ZERO, 3).unwrap();
            for plane in frame.planes_mut().unwrap().iter_mut() {
                let step = plane.shape().pixel_bytes;
                for (y, row) in plane.rows().enumerate() {
                    row.iter_mut().enumerate().for_each(|(i, byte)| *byte = (y * 21 + i / step) as u8);
                }
            }
            let allocations = pool.usage().allocations;
            let region = Region::new(1.0 / 3.0, 0.5, 0.5, 0.5).unwrap();
            let part = crop(&frame, region);
            assert_eq!(pool.usage().allocations, allocations);
            assert_eq!(part.size(), crop_size(region, pixel, format.size));
            let left = if part.planes().len() > 1 { 6 } else { 7 };
            assert_eq!(part.plane(0).row(0)[0] as usize, 6 * 21 + left, "{pixel}");
            assert_eq!(part.size().width() as usize, 18 - left, "{pixel}");
            if part.planes().len() > 1 {
                assert_eq!(part.plane(1).row(0)[0] as usize, 3 * 21 + 3, "{pixel}");
            }
        }
    }

    #[test]
    fn what_was_found_lies_where_it_lay_and_a_part_of_a_part_knows_its_place() {
        let pool = Pool::new(1 << 20);
        let format = FrameFormat::new(PixelFormat::I420, Size::new(40, 20).unwrap());
        let mut frame = Frame::pooled(&pool, format, Pts::ZERO, 0).unwrap();
        let right = Region { x: 0.75, y: 0.25, width: 0.25, height: 0.5 };
        let left = Region { x: 0.0, ..right };
        for region in [left, right] {
            frame.annotations_mut().detections.push(Detection { region, ..Detection::default() });
        }
        let half = crop(&frame, Region { x: 0.5, width: 0.5, ..Region::WHOLE });
        let found: Vec<_> = half.annotations().detections.iter().map(|found| found.region).collect();
        assert_eq!(found, [Region { x: 0.5, y: 0.25, width: 0.5, height: 0.5 }]);
        let quarter = crop(&half, Region { y: 0.5, height: 0.5, ..Region::WHOLE });
        assert_eq!(quarter.part, Region { x: 0.5, y: 0.5, width: 0.5, height: 0.5 });
        assert_eq!(frame.annotations().detections.len(), 2);
    }

    #[test]
    fn the_thinnest_crop_keeps_a_pixel() {
        let size = Size::new(5, 5).unwrap();
        for (x, y) in [(0.0, 0.0), (1.0, 1.0), (0.5, 0.5)] {
            let region = Region { x, y, width: 0.0, height: 0.0 };
            let kept = crop_size(region, PixelFormat::I420, size);
            assert!(kept.width() >= 1 && kept.height() >= 1);
        }
    }
}
