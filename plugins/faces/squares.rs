//! Where to look: overlapping squares, because the model takes a square and a face that is stretched
//! to one is no face to it.

use framegate_sdk::prelude::*;

/// How much of a square its neighbours share at least: a face on a seam is whole in one of them, if it
/// is no larger than this.
const SHARED: f64 = 0.4;

/// Squares that cover a picture of `size`: for each level, of half the side of the one before.
pub fn squares(size: Size, levels: u32) -> Vec<Rect> {
    (0..levels).flat_map(|level| of_side(size, (size.width.min(size.height) >> level).max(1))).collect()
}

fn of_side(size: Size, side: u32) -> Vec<Rect> {
    let rows = starts(size.height, side);
    let row = |y: u32| starts(size.width, side).into_iter().map(move |x| (x, y));
    rows.into_iter().flat_map(row).map(|(x, y)| Rect::new(x as i32, y as i32, side, side)).collect()
}

/// Where squares of `side` start along `length`, evenly, from the first pixel to the last.
fn starts(length: u32, side: u32) -> Vec<u32> {
    let steps = f64::from(length - side) / (f64::from(side) * (1.0 - SHARED));
    let steps = steps.ceil() as u32;
    (0..=steps)
        .map(|step| ((length - side) as u64 * u64::from(step) / u64::from(steps.max(1))) as u32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_cover_the_picture_and_share_their_seams() {
        for (width, height) in [(176, 144), (1280, 720), (720, 1280), (100, 100), (1, 1), (1000, 3)] {
            for levels in 1..=3 {
                let size = Size::new(width, height);
                let all = squares(size, levels);
                let side = width.min(height);
                let largest: Vec<&Rect> = all.iter().filter(|square| square.width == side).collect();
                let ends = largest.iter().map(|square| (square.x as u32 + side, square.y as u32 + side));
                assert_eq!(ends.max(), Some((width, height)));
                for pair in largest.windows(2) {
                    let apart = (pair[1].x - pair[0].x).max(pair[1].y - pair[0].y) as f64;
                    assert!(apart <= f64::from(side) * (1.0 - SHARED) + 1.0, "{size:?} {apart}");
                }
            }
        }
    }

    #[test]
    fn a_square_picture_is_looked_at_once_and_a_wide_one_a_few_times() {
        assert_eq!(squares(Size::new(128, 128), 1).len(), 1);
        assert_eq!(squares(Size::new(176, 144), 1).len(), 2);
        assert_eq!(squares(Size::new(1280, 720), 1).len(), 3);
    }
}
