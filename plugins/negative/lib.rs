//! Turns brightness around, as on a film negative: all of a plane crosses, and little is done to it.

use framegate_sdk::prelude::*;

pub struct Negative;

impl Plugin for Negative {
    type Settings = NoSettings;
    const FORMATS: &'static [PixelFormat] = &[PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Gray8];

    fn new(_: NoSettings) -> Result<Negative> {
        Ok(Negative)
    }
}

impl Filter for Negative {
    fn process(&mut self, frame: &mut Frame) -> Result<Verdict> {
        frame.edit_bands(0, |band| turn(band.bytes))?;
        Ok(Verdict::Pass)
    }
}

/// Dark for bright. What was black in limited range (16) becomes its white (239 of 235), near enough.
pub fn turn(bytes: &mut [u8]) {
    framegate_sdk::map(bytes, |byte| 255 - byte);
}

framegate_sdk::register_filter!(Negative);

#[cfg(test)]
mod tests {
    use super::*;
    use framegate_sdk::testing::{self, Picture};

    #[test]
    fn brightness_is_turned_around_and_colour_stays() {
        let mut plugin: Negative = testing::configure("{}").unwrap();
        let picture = Picture::new(PixelFormat::I420, Size::new(2, 2))
            .with_plane(0, &[0, 1, 128, 255])
            .with_plane(1, &[28])
            .with_plane(2, &[228]);
        testing::filter(&mut plugin, &picture).unwrap();
        assert_eq!(picture.plane(0), [255, 254, 127, 0]);
        assert_eq!((picture.plane(1), picture.plane(2)), (vec![28], vec![228]));
    }
}
