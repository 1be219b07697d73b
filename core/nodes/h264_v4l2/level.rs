//! The level of a stream: what its decoder must be able to bear (ITU-T H.264 table A-1).

use crate::media::{Rate, Size};

/// For each level, in the order of the kernel's choices (1, 1b, 1.1 to 5.2): blocks a second, blocks a picture,
/// and kilobits a second of the baseline and main profiles.
const LEVELS: [(u32, u32, u32); 17] = [
    (1_485, 99, 64),
    (1_485, 99, 128),
    (3_000, 396, 192),
    (6_000, 396, 384),
    (11_880, 396, 768),
    (11_880, 396, 2_000),
    (19_800, 792, 4_000),
    (20_250, 1_620, 4_000),
    (40_500, 1_620, 10_000),
    (108_000, 3_600, 14_000),
    (216_000, 5_120, 20_000),
    (245_760, 8_192, 20_000),
    (245_760, 8_192, 50_000),
    (522_240, 8_704, 50_000),
    (589_824, 22_080, 135_000),
    (983_040, 36_864, 240_000),
    (2_073_600, 36_864, 240_000),
];

/// The lowest level for such a stream as the kernel's choices number it, from 0; the highest when none is
/// enough.
pub(super) fn level(size: Size, rate: Rate, bits_per_second: u32) -> u32 {
    let blocks = size.width().div_ceil(16) * size.height().div_ceil(16);
    let per_second = f64::from(blocks) * rate.per_second();
    let kilobits = bits_per_second.div_ceil(1000);
    let bears = |(most_per_second, most, most_kilobits): &(u32, u32, u32)| {
        per_second <= f64::from(*most_per_second) && blocks <= *most && kilobits <= *most_kilobits
    };
    LEVELS.iter().position(bears).unwrap_or(LEVELS.len() - 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_level_that_bears_a_stream_is_found() {
        let of = |size: &str, rate, bits| level(size.parse().unwrap(), Rate::new(rate, 1).unwrap(), bits);
        assert_eq!(of("1280x720", 30, 2_000_000), 9, "3.1");
        assert_eq!(of("1280x720", 30, 15_000_000), 10, "3.2: more bits than 3.1 bears");
        assert_eq!(of("1280x720", 60, 2_000_000), 10, "3.2: more pictures than 3.1 bears");
        assert_eq!(of("1920x1080", 30, 10_000_000), 11, "4");
        assert_eq!(of("640x480", 30, 1_000_000), 8, "3");
        assert_eq!(of("16384x16384", 60, 240_000_000), 16);
    }
}
