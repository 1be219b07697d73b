//! A detector that looks, finds nothing, and falls over one frame.

use framegate_sdk::prelude::*;

pub struct Stumble {
    at: u64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The sequence number of the frame it falls over.
    pub at: u64,
}

impl Plugin for Stumble {
    type Settings = Settings;
    const FORMATS: &'static [PixelFormat] = &[];

    fn new(settings: Settings) -> Result<Stumble> {
        Ok(Stumble { at: settings.at })
    }
}

impl Detector for Stumble {
    fn detect(&mut self, frame: &Frame) -> Result<Vec<Detection>> {
        assert!(frame.sequence != self.at, "on purpose");
        Ok(Vec::new())
    }
}

framegate_sdk::register_detector!(Stumble);
