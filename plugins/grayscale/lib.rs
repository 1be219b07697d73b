//! Takes the colour out of a picture, all or some of it.

use framegate_sdk::prelude::*;

pub struct Grayscale {
    strength: f32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How much of the colour goes: 1 is all of it.
    #[schemars(range(min = 0.0, max = 1.0))]
    strength: f32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { strength: 1.0 }
    }
}

impl Plugin for Grayscale {
    type Settings = Settings;
    const FORMATS: &'static [PixelFormat] = &[PixelFormat::I420, PixelFormat::Nv12];

    fn new(settings: Settings) -> Result<Grayscale> {
        Ok(Grayscale { strength: settings.strength })
    }
}

impl Filter for Grayscale {
    fn process(&mut self, frame: &mut Frame) -> Result<Verdict> {
        // In both formats plane 0 is brightness and the others are colour, with 128 for none.
        for plane in 1..frame.plane_count() {
            if self.strength >= 1.0 {
                frame.fill_plane(plane, 128)?;
            } else {
                let keep = ((1.0 - self.strength) * 256.0) as i32;
                let fade = |byte: u8| (128 + (((i32::from(byte) - 128) * keep) >> 8)) as u8;
                frame.edit_bands(plane, |band| band.map(fade))?;
            }
        }
        Ok(Verdict::Pass)
    }
}

framegate_sdk::register_filter!(Grayscale);

#[cfg(test)]
mod tests {
    use super::*;
    use framegate_sdk::testing::{self, Picture};

    fn filtered(settings: &str) -> Picture {
        let mut plugin: Grayscale = testing::configure(settings).unwrap();
        let picture = Picture::new(PixelFormat::I420, Size::new(2, 2))
            .with_plane(0, &[1, 2, 3, 4])
            .with_plane(1, &[28])
            .with_plane(2, &[228]);
        testing::filter(&mut plugin, &picture).unwrap();
        picture
    }

    #[test]
    fn all_colour_goes_and_the_brightness_stays() {
        let picture = filtered("{}");
        assert_eq!(
            (picture.plane(0), picture.plane(1), picture.plane(2)),
            (vec![1, 2, 3, 4], vec![128], vec![128])
        );
        assert_eq!(picture.crossings().read, 0, "nothing needs to be seen for that");
    }

    #[test]
    fn half_the_strength_leaves_half_the_colour() {
        let picture = filtered(r#"{"strength": 0.5}"#);
        assert_eq!((picture.plane(1), picture.plane(2)), (vec![78], vec![178]));
    }
}
