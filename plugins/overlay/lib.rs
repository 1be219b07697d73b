//! Draws what others found, a text and a clock.
//!
//! An overlay: it never sees a pixel, the host draws for it. Owns the choice of colours and the
//! layout of labels (`labels`) and of the lines in a corner (`corner`).

mod corner;
mod labels;
mod settings;

use framegate_sdk::prelude::*;
pub use settings::{Corner, Settings};

pub struct Boxes {
    settings: Settings,
}

impl Plugin for Boxes {
    type Settings = Settings;
    // Drawing works on every format.
    const FORMATS: &'static [PixelFormat] = &[];

    fn new(settings: Settings) -> Result<Boxes> {
        Ok(Boxes { settings })
    }
}

impl Overlay for Boxes {
    fn paint(&mut self, canvas: &mut Canvas) -> Result<Verdict> {
        let size = self.settings.text_size(canvas.size);
        if self.settings.boxes {
            for found in canvas.detections() {
                labels::draw(canvas, &self.settings, &found, size)?;
            }
        }
        corner::draw(canvas, &self.settings, size)?;
        Ok(Verdict::Pass)
    }
}

framegate_sdk::register_overlay!(Boxes);

#[cfg(test)]
mod tests;
