//! A rectangle in luma pixels, as a user or a guest may write it: anywhere, any size.
//!
//! Owns clipping to a picture, with arithmetic that cannot overflow.

use crate::media::{Region, Size};

/// A rectangle in luma pixels. It may lie partly or wholly outside the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rect {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
}

/// A rectangle that lies inside a picture and holds at least one pixel; ends are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clipped {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

impl Rect {
    pub const fn new(x: i32, y: i32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    /// All of a picture.
    pub const fn whole(size: Size) -> Rect {
        Rect::new(0, 0, size.width(), size.height())
    }

    /// `region` of a picture of `size`, each edge at the nearest pixel.
    pub fn of(region: Region, size: Size) -> Rect {
        let edge = |fraction: f32, side: u32| (f64::from(fraction) * f64::from(side)).round() as i32;
        let (left, right) = (edge(region.x, size.width()), edge(region.x + region.width, size.width()));
        let (top, bottom) = (edge(region.y, size.height()), edge(region.y + region.height, size.height()));
        Rect::new(left, top, right.abs_diff(left), bottom.abs_diff(top))
    }

    /// The part inside a picture of `size`; `None` when there is none.
    pub fn clipped(&self, size: Size) -> Option<Clipped> {
        let (left, right) = clip(self.x, self.width, size.width())?;
        let (top, bottom) = clip(self.y, self.height, size.height())?;
        Some(Clipped { left, top, right, bottom })
    }

    /// How many pixels of a picture of `size` it covers.
    pub fn pixels(&self, size: Size) -> u64 {
        self.clipped(size).map_or(0, |area| (area.width() * area.height()) as u64)
    }
}

impl Clipped {
    pub fn width(&self) -> usize {
        self.right - self.left
    }

    pub fn height(&self) -> usize {
        self.bottom - self.top
    }
}

// 64 bits hold the sum of any 32-bit start and length.
fn clip(start: i32, length: u32, side: u32) -> Option<(usize, usize)> {
    let first = i64::from(start).max(0);
    let end = (i64::from(start) + i64::from(length)).min(i64::from(side));
    (first < end).then_some((first as usize, end as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_are_clipped_without_overflow() {
        let size = Size::new(10, 8).unwrap();
        let clipped = |rect: Rect| rect.clipped(size).map(|c| (c.left, c.top, c.right, c.bottom));
        assert_eq!(clipped(Rect::new(-3, 2, 5, 100)), Some((0, 2, 2, 8)));
        assert_eq!(clipped(Rect::new(i32::MIN, i32::MIN, u32::MAX, u32::MAX)), Some((0, 0, 10, 8)));
        assert_eq!(clipped(Rect::new(i32::MAX, 0, u32::MAX, 1)), None);
        assert_eq!(clipped(Rect::new(2, 2, 0, 4)), None);
        assert_eq!(Rect::new(8, 6, 5, 5).pixels(size), 4);
    }

    #[test]
    fn a_region_covers_the_pixels_nearest_to_its_edges() {
        let size = Size::new(101, 50).unwrap();
        assert_eq!(Rect::of(Region::WHOLE, size), Rect::whole(size));
        let half = Region::new(0.5, 0.0, 0.5, 0.5).unwrap();
        assert_eq!(Rect::of(half, size), Rect::new(51, 0, 50, 25));
    }
}
