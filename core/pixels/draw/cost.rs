//! What a drawing call will cost, in pixels touched, before it is made.
//!
//! One function for each function of [`draw`](super), named alike; all of them clip first, so that
//! what lies outside the picture costs nothing.

use super::{Sprite, border, text as line};
use crate::media::Size;
use crate::pixels::rect::Rect;

pub fn fill(picture: Size, area: Rect) -> u64 {
    area.pixels(picture)
}

pub fn outline(picture: Size, area: Rect, thickness: u8) -> u64 {
    border(area, thickness).iter().map(|side| side.pixels(picture)).sum()
}

/// Every pixel is read once and written once.
pub fn pixelate(picture: Size, area: Rect) -> u64 {
    2 * area.pixels(picture)
}

/// Two passes, each along rows and along columns; the radius does not matter.
pub fn blur(picture: Size, area: Rect) -> u64 {
    4 * area.pixels(picture)
}

pub fn text(picture: Size, x: i32, y: i32, size: u8, value: &str) -> u64 {
    line::cost(picture, x, y, size, value)
}

pub fn sprite(picture: Size, sprite: &Sprite, x: i32, y: i32) -> u64 {
    sprite.area(x, y).pixels(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_costs_the_pixels_it_touches_inside_the_picture() {
        let picture = Size::new(100, 50).unwrap();
        let area = Rect::new(90, 40, 20, 20);
        assert_eq!(fill(picture, area), 100);
        assert_eq!(outline(picture, Rect::new(0, 0, 10, 10), 1), 36);
        assert_eq!(blur(picture, area), 400);
        assert_eq!(pixelate(picture, Rect::new(0, 0, u32::MAX, u32::MAX)), 10_000);
        assert_eq!(fill(picture, Rect::new(i32::MAX, 0, u32::MAX, 1)), 0);
        assert!(text(picture, 0, 0, 16, "abc") > text(picture, 0, 0, 16, "a"));
        let dot = Sprite::upload(2, 2, vec![0; 16]).unwrap();
        assert_eq!(sprite(picture, &dot, 99, 0), 2);
    }
}
