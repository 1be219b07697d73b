//! Passes every frame on as it came: the smallest plugin there is, and the measure of what the
//! sandbox itself costs.

use framegate_sdk::prelude::*;

pub struct Passthrough;

impl Plugin for Passthrough {
    type Settings = NoSettings;
    const FORMATS: &'static [PixelFormat] = &[];

    fn new(_: NoSettings) -> Result<Passthrough> {
        Ok(Passthrough)
    }
}

impl Analyzer for Passthrough {
    fn analyze(&mut self, _: &mut Metadata) -> Result<Verdict> {
        Ok(Verdict::Pass)
    }
}

framegate_sdk::register_analyzer!(Passthrough);

#[cfg(test)]
mod tests {
    use super::*;
    use framegate_sdk::testing::{self, Crossings, Picture};

    #[test]
    fn frames_pass_untouched_and_unseen() {
        let mut plugin: Passthrough = testing::configure("{}").unwrap();
        let picture = Picture::new(PixelFormat::Gray8, Size::new(2, 2)).with_plane(0, &[1, 2, 3, 4]);
        assert_eq!(testing::analyze(&mut plugin, &picture).unwrap(), Verdict::Pass);
        assert_eq!(picture.plane(0), [1, 2, 3, 4]);
        assert_eq!(picture.crossings(), Crossings::default());
    }
}
